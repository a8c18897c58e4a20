/*
 * The vendor's C++ sample in C, with callbacks: connects, makes a request when the connection is established, prints the answer.
 * Usage: capital_distribution [SECURITY] [HOST] [PORT]
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "capdist.h"

typedef struct program {
    capdist_security security;
    uint32_t serial_no; /* of the request; used by callbacks only, which run one at a time */
    int failed;
    sem_t done; /* posted once, at the end */
} program;

static void fail(program *p, const char *what, const char *why) {
    fprintf(stderr, "capital_distribution: %s: %s\n", what, why);
    p->failed = 1;
    sem_post(&p->done);
}

static void on_reply(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    program *p = user_data;
    (void)conn;
    if (serial_no != p->serial_no) return;
    if (reply->status != CAPDIST_OK) {
        fail(p, capdist_status_name(reply->status), reply->desc);
        return;
    }
    printf("OnReply_GetCapitalDistribution SerialNo: %u\n", (unsigned)serial_no);
    int64_t length = capdist_reply_to_json(reply, NULL, 0);
    char *json = length < 0 ? NULL : malloc((size_t)length + 1);
    if (!json) {
        fail(p, "JSON", "no memory for it");
        return;
    }
    capdist_reply_to_json(reply, json, (size_t)length + 1);
    puts(json);
    free(json);
    sem_post(&p->done);
}

static void on_init_connect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    program *p = user_data;
    if (err_code != 0) {
        fail(p, "connect", desc);
        return;
    }
    puts("connect");
    if (capdist_get_capital_distribution(conn, &p->security, NULL, on_reply, p, &p->serial_no) != CAPDIST_OK) {
        fail(p, "request", capdist_last_error());
        return;
    }
    printf("Request GetCapitalDistribution SerialNo: %u\n", (unsigned)p->serial_no);
}

int main(int argc, char **argv) {
    program p = {.failed = 0};
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    if (argc > 2) options.host = argv[2];
    if (argc > 3) options.port = atoi(argv[3]);
    options.reconnect = 0; /* a lost connection ends the request, and so this program */
    options.on_init_connect = on_init_connect;
    options.user_data = &p;
    sem_init(&p.done, 0, 0);

    capdist_conn *conn;
    if (capdist_security_parse(argc > 1 ? argv[1] : "HK.00700", &p.security) != CAPDIST_OK ||
        capdist_init_connect(&options, &conn) != CAPDIST_OK) {
        fprintf(stderr, "capital_distribution: %s\n", capdist_last_error());
        return 1;
    }
    while (sem_wait(&p.done) != 0) {} /* a signal may interrupt the wait */
    capdist_release(conn); /* afterwards no callback runs, so `p` may be freed */
    sem_destroy(&p.done);
    return p.failed;
}
