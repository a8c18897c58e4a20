/* The shortest way to an answer: connect, fetch, print. Usage: fetch [--rsa-key FILE] [SECURITY] [HOST] [PORT] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capdist.h"

int main(int argc, char **argv) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    if (argc > 2 && strcmp(argv[1], "--rsa-key") == 0) {
        options.rsa_private_key_file = argv[2]; /* the key that OpenD has, too: everything is encrypted */
        argv += 2;
        argc -= 2;
    }
    if (argc > 2) options.host = argv[2];
    if (argc > 3) options.port = atoi(argv[3]);
    options.reconnect = 0; /* if OpenD is not there, say so instead of waiting for it */

    capdist_security security;
    capdist_conn *conn = NULL;
    capdist_reply *reply = NULL;
    capdist_status status = capdist_security_parse(argc > 1 ? argv[1] : "HK.00700", &security);
    if (status == CAPDIST_OK) status = capdist_init_connect(&options, &conn);
    if (status == CAPDIST_OK) status = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);

    char json[2048]; /* the figures take a quarter of it */
    if (status == CAPDIST_OK && capdist_reply_to_json(reply, json, sizeof json) < (int64_t)sizeof json) {
        puts(json);
    } else {
        /* The reply says why there is no answer; without one the call was refused, and the last error says why. */
        fprintf(stderr, "fetch: %s: %s\n", capdist_status_name(status), reply ? reply->desc : capdist_last_error());
    }
    capdist_reply_free(reply);
    capdist_release(conn);
    return status != CAPDIST_OK;
}
