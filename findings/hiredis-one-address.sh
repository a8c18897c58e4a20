#!/usr/bin/env bash
# hiredis 0.14.1 (Debian 12): of a name with several addresses only the first is tried.
#
# Expected: when the first address refuses, the next is tried, in the blocking call at least, which walks through a list.
# Seen: the blocking and the asynchronous connect both end with the first refusal. IPv6 is looked up only if the name has no IPv4
# address at all.
# Cost: a server behind a name with two addresses, of which one is down, or a name with IPv4 and IPv6 where the server listens on
# IPv6 only, can not be reached by half of its clients, and every retry takes the same address.
# shellcheck source=common.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/common.bash"
fetch_deb libhiredis-dev=0.14.1-3 libhiredis0.14=0.14.1-3

cat >connect.c <<'C'
#include <arpa/inet.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The resolver of this program: the name has two addresses, of which the second is listened on.
static struct sockaddr_in addresses[2];
static struct addrinfo infos[2];
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    if (hints->ai_family == AF_INET6) return EAI_FAMILY;
    for (int i = 0; i < 2; i++) {
        addresses[i].sin_family = AF_INET;
        addresses[i].sin_port = htons(atoi(service));
        addresses[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
        infos[i] = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof addresses[i],
                                     .ai_addr = (struct sockaddr *)&addresses[i], .ai_next = i ? NULL : &infos[1]};
    }
    *result = infos;
    return 0;
}
void freeaddrinfo(struct addrinfo *list) {}

static void connected(const redisAsyncContext *context, int status) {
    printf("asynchronous: %s\n", status == REDIS_OK ? "connected" : context->errstr);
    exit(0);
}

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    socklen_t length = sizeof own;
    bind(listener, (struct sockaddr *)&own, length);
    listen(listener, 8);
    getsockname(listener, (struct sockaddr *)&own, &length);
    redisContext *blocking = redisConnect("two.example", ntohs(own.sin_port));
    printf("blocking: %s; ", blocking->err ? blocking->errstr : "connected");
    redisAsyncContext *asynchronous = redisAsyncConnect("two.example", ntohs(own.sin_port));
    redisAsyncSetConnectCallback(asynchronous, connected);
    for (int i = 0; i < 100; i++) {
        struct pollfd wait = {asynchronous->c.fd, POLLOUT, 0};
        poll(&wait, 1, 20);
        redisAsyncHandleWrite(asynchronous);
    }
    return 1;
}
C
libraries=root/usr/lib/x86_64-linux-gnu
cc -Iroot/usr/include connect.c -L$libraries -lhiredis -o connect
expect "$(LD_LIBRARY_PATH=$libraries ./connect)" "blocking: Connection refused; asynchronous: Connection refused"
