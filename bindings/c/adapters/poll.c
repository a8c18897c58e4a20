/* A host's own poll() loop, which waits for its other descriptors as well: here for standard input, whose end ends it. No
 * thread is made. Usage: poll HOST PORT SECURITY... (a numeric host, or localhost) */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "capdist.h"

static int left; /* requests that have not ended */

static void answered(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no;
    if (reply->distribution) printf("%s %.0f\n", (const char *)user_data, reply->distribution->capital_in_big);
    else printf("%s %s\n", (const char *)user_data, reply->desc);
    left--;
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: poll HOST PORT SECURITY...\n"), 2;
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.host = argv[1];
    options.port = atoi(argv[2]);
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    capdist_conn *conn;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return fprintf(stderr, "%s\n", capdist_last_error()), 1;

    for (int i = 3; i < argc; i++) {
        capdist_security security;
        capdist_status status = capdist_security_parse(argv[i], &security);
        if (status == CAPDIST_OK) {
            status = capdist_get_capital_distribution(conn, &security, NULL, answered, argv[i], NULL);
        }
        if (status == CAPDIST_OK) left++;
        else printf("%s %s\n", argv[i], capdist_last_error());
    }

    struct pollfd waits[] = {{.fd = capdist_get_fd(conn), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (left > 0) {
        if (poll(waits, 2, -1) < 0) {
            if (errno == EINTR) continue;
            return perror("poll"), 1;
        }
        if (waits[0].revents) capdist_process(conn);
        char input[256];
        if (waits[1].revents && !fgets(input, sizeof input, stdin)) break;
    }
    capdist_release(conn); /* what is left ends in here */
    return 0;
}
