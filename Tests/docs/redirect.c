/* Preloaded into the programs of the pages, which run unchanged: connects to the simulator (SIMULATOR_PORT) instead of port 11111
 * on any host. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    int (*next)(int, const struct sockaddr *, socklen_t);
    *(void **)&next = dlsym(RTLD_NEXT, "connect");
    const char *port = getenv("SIMULATOR_PORT");
    struct sockaddr_in other;
    if (port && address->sa_family == AF_INET && length >= sizeof other) {
        other = *(const struct sockaddr_in *)(const void *)address;
        if (other.sin_port == htons(11111)) {
            other.sin_port = htons((in_port_t)atoi(port));
            other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            return next(socket, (const struct sockaddr *)&other, sizeof other);
        }
    }
    return next(socket, address, length);
}
