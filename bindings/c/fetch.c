/* The shortest program: connects, fetches, prints. Usage:
 *     fetch [--rsa-key FILE] [SECURITY] [HOST] [PORT]
 *     fetch --websocket [--key KEY] [--tls] [--ca FILE] [SECURITY] [HOST] [PORT]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capdist.h"

int main(int argc, char **argv) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    for (; argc > 1 && strncmp(argv[1], "--", 2) == 0; argc--, argv++) {
        const char *option = argv[1];
        if (strcmp(option, "--websocket") == 0) {
            options.transport = CAPDIST_TRANSPORT_WEBSOCKET; /* it has a port of its own: */
            options.port = 33333;                            /* the one in the vendor's samples */
            continue;
        }
        if (strcmp(option, "--tls") == 0) {
            options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS; /* if OpenD, or a proxy before it, has a certificate */
            continue;
        }
        argc--, argv++;
        if (argc > 1 && strcmp(option, "--rsa-key") == 0) {
            options.rsa_private_key_file = argv[1]; /* the key that OpenD has, too; it turns encryption on */
        } else if (argc > 1 && strcmp(option, "--key") == 0) {
            options.websocket_key = argv[1]; /* the key that is set in OpenD */
        } else if (argc > 1 && strcmp(option, "--ca") == 0) {
            options.tls_ca_file = argv[1]; /* the certificates to trust instead of the system's CAs */
        } else {
            fprintf(stderr, "fetch: %s: see the top of fetch.c\n", option);
            return 2;
        }
    }
    if (argc > 2) options.host = argv[2];
    if (argc > 3) options.port = atoi(argv[3]);
    options.reconnect = 0; /* if OpenD is not there, fail at once */

    capdist_security security;
    capdist_conn *conn = NULL;
    capdist_reply *reply = NULL;
    capdist_status status = capdist_security_parse(argc > 1 ? argv[1] : "HK.00700", &security);
    if (status == CAPDIST_OK) status = capdist_init_connect(&options, &conn);
    if (status == CAPDIST_OK) status = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);

    char json[2048]; /* four times as long as the figures */
    if (status == CAPDIST_OK && capdist_reply_to_json(reply, json, sizeof json) < (int64_t)sizeof json) {
        puts(json);
    } else {
        /* The reply tells why there is no answer. Without a reply the call was refused, and the last error tells why. */
        fprintf(stderr, "fetch: %s: %s\n", capdist_status_name(status), reply ? reply->desc : capdist_last_error());
    }
    capdist_reply_free(reply);
    capdist_release(conn);
    return status != CAPDIST_OK;
}
