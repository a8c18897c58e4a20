/* One epoll set and one thread for several gateways. Each connection's descriptor is added once, and stays the same across
 * reconnects. Usage: epoll SECURITY HOST PORT [HOST PORT]... (numeric hosts, or localhost) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "capdist.h"

enum { MOST = 16 };

static int left; /* requests that have not completed */

static void answered(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no;
    if (reply->distribution) printf("%s: %.0f\n", (const char *)user_data, reply->distribution->capital_in_big);
    else printf("%s: %s\n", (const char *)user_data, reply->desc);
    left--;
}

static void logged(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    (void)conn, (void)user_data;
    if (level <= CAPDIST_LOG_WARNING) fprintf(stderr, "%s\n", message); /* for example, why there is no connection */
}

int main(int argc, char **argv) {
    if (argc < 4 || argc % 2 != 0 || argc / 2 - 1 > MOST) {
        return fprintf(stderr, "usage: epoll SECURITY HOST PORT [HOST PORT]...\n"), 2;
    }
    capdist_security security;
    if (capdist_security_parse(argv[1], &security) != CAPDIST_OK) return fprintf(stderr, "%s\n", capdist_last_error()), 2;
    int set = epoll_create1(EPOLL_CLOEXEC), count = 0, status = 0;
    if (set < 0) return perror("epoll"), 1;
    capdist_conn *conns[MOST];
    for (int i = 2; i + 1 < argc && status == 0; i += 2) {
        capdist_options options;
        capdist_options_init(&options, sizeof options);
        options.host = argv[i];
        options.port = atoi(argv[i + 1]);
        options.reconnect = 0; /* a gateway that is not there is an error */
        options.mode = CAPDIST_MODE_HOST_DRIVEN;
        options.on_log = logged;
        capdist_conn *conn;
        if (capdist_init_connect(&options, &conn) != CAPDIST_OK) {
            fprintf(stderr, "%s\n", capdist_last_error());
            continue;
        }
        conns[count++] = conn;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
        if (epoll_ctl(set, EPOLL_CTL_ADD, capdist_get_fd(conn), &event) != 0) {
            perror("epoll");
            status = 1;
        }
        /* The user data tells the callback which gateway has answered. */
        if (capdist_get_capital_distribution(conn, &security, NULL, answered, argv[i + 1], NULL) == CAPDIST_OK) left++;
    }

    while (status == 0 && left > 0) {
        struct epoll_event ready[MOST];
        int readable = epoll_wait(set, ready, MOST, -1);
        if (readable < 0 && errno != EINTR) {
            perror("epoll");
            status = 1;
        }
        for (int i = 0; i < readable; i++) capdist_process(ready[i].data.ptr);
    }
    for (int i = 0; i < count; i++) {
        /* Before the release: a forked child's copy of the descriptor would otherwise go on waking this loop. */
        epoll_ctl(set, EPOLL_CTL_DEL, capdist_get_fd(conns[i]), NULL);
        capdist_release(conns[i]); /* completes the requests that are left */
    }
    close(set);
    return status;
}
