/*
 * Stays connected, and makes a request for each line that it reads: "HK.00700", or "HK.00700 1" with a security firm. Prints "ready";
 * for each line the answer as JSON (or "STATUS: text") and then "."; and "push ID LENGTH" for each push. Ends with the input.
 * Usage: stay PORT
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capdist.h"

static void on_push(capdist_conn *conn, uint32_t proto_id, const uint8_t *body, size_t length, void *user_data) {
    (void)conn, (void)body, (void)user_data;
    printf("push %" PRIu32 " %zu\n", proto_id, length);
}

static void answer(capdist_conn *conn, const char *text, int firm) {
    capdist_request_options options;
    capdist_request_options_init(&options, sizeof options);
    options.security_firm = firm;
    capdist_security security;
    capdist_reply *reply = NULL;
    char json[4096];
    if (capdist_security_parse(text, &security) != CAPDIST_OK ||
        (capdist_fetch_capital_distribution(conn, &security, &options, &reply) != CAPDIST_OK && !reply)) {
        printf("refused: %s\n.\n", capdist_last_error());
    } else if (reply->status != CAPDIST_OK) {
        printf("%s: %s\n.\n", capdist_status_name(reply->status), reply->ret_msg);
    } else {
        capdist_reply_to_json(reply, json, sizeof json);
        printf("%s\n.\n", json);
    }
    capdist_reply_free(reply);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = argc > 1 ? atoi(argv[1]) : 11111;
    options.recv_notify = 1;
    options.client_id = "stay";
    options.client_version = 203;
    options.on_push = on_push;
    capdist_conn *conn;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK || capdist_wait_ready(conn, 15000) != CAPDIST_OK) {
        fprintf(stderr, "stay: %s\n", capdist_last_error());
        return 1;
    }
    puts("ready");
    char line[128];
    while (fgets(line, sizeof line, stdin)) {
        char text[80] = "";
        int firm = 0;
        sscanf(line, "%79s %d", text, &firm);
        answer(conn, text, firm);
    }
    return capdist_release(conn) != CAPDIST_OK;
}
