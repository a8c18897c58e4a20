/* A poll() loop of the application, which also waits for standard input: each line is another security to request. No thread is
 * made. The program ends when the input has ended and every request has completed.
 * Usage: poll ADDRESS PORT [SECURITY]... (a numeric address, or localhost) */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capdist.h"

static int left; /* requests that have not completed */

static void answered(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)user_data;
    char security[CAPDIST_CODE_SIZE + 8];
    capdist_security_format(&reply->security, security, sizeof security);
    if (reply->distribution) printf("%s %.0f\n", security, reply->distribution->capital_in_big);
    else printf("%s %s\n", security, reply->desc);
    left--;
}

static void logged(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    (void)conn, (void)user_data;
    if (level <= CAPDIST_LOG_WARNING) fprintf(stderr, "%s\n", message); /* for example, why there is no connection yet */
}

static void ask(capdist_conn *conn, const char *text) {
    capdist_security security;
    if (capdist_security_parse(text, &security) == CAPDIST_OK &&
        capdist_get_capital_distribution(conn, &security, NULL, answered, NULL, NULL) == CAPDIST_OK) {
        left++;
    } else {
        printf("%s %s\n", text, capdist_last_error());
    }
}

/* Makes a request for each complete line, and keeps the rest: waiting for it would delay the connection. Returns 0 at the end. */
static int take_lines(capdist_conn *conn) {
    static char input[256];
    static size_t held;
    ssize_t count = read(STDIN_FILENO, input + held, sizeof input - 1 - held);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return 1;
    if (count > 0) held += (size_t)count;
    char *line = input, *end;
    for (; (end = memchr(line, '\n', held)) != NULL; line = end + 1) {
        *end = 0;
        held -= (size_t)(end + 1 - line);
        ask(conn, line);
    }
    memmove(input, line, held);
    if (held > 0 && (count <= 0 || held == sizeof input - 1)) { /* the last line, or one that is too long */
        input[held] = 0;
        held = 0;
        ask(conn, input);
    }
    return count > 0;
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: poll HOST PORT [SECURITY]...\n"), 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.host = argv[1];
    options.port = atoi(argv[2]);
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    options.on_log = logged;
    capdist_conn *conn;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return fprintf(stderr, "%s\n", capdist_last_error()), 1;
    for (int i = 3; i < argc; i++) ask(conn, argv[i]);

    struct pollfd waits[] = {{.fd = capdist_get_fd(conn), .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    int status = 0;
    while (left > 0 || waits[1].fd >= 0) {
        if (poll(waits, 2, -1) < 0) {
            if (errno == EINTR) continue;
            perror("poll");
            status = 1;
            break;
        }
        if (waits[0].revents) capdist_process(conn);
        /* An input that has ended stays readable. poll() ignores a negative descriptor. */
        if (waits[1].revents && !take_lines(conn)) waits[1].fd = -1;
    }
    capdist_release(conn); /* completes the requests that are left */
    return status;
}
