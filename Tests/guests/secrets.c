/* An application with encryption, which dumps its own memory while it is connected and afterwards:
 * secrets PORT KEY CIPHER text|file|websocket DUMP DUMP. With `refused` instead of `text` the key must be refused, and the first
 * dump is made before. The dumps have all writable memory. Another program searches them, so that the searched texts are not in
 * them. */
#define _GNU_SOURCE
#include "capdist.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int logged;

static void on_log(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    (void)conn, (void)level, (void)user_data;
    logged++;
    printf("log: %s\n", message);
}

static int dump(const char *path) {
    FILE *maps = fopen("/proc/self/maps", "re");
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char line[512];
    if (!maps || out < 0) return 0;
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char rights[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3 || rights[0] != 'r' || rights[1] != 'w') continue;
        for (ssize_t written; start < end; start += (unsigned long)written) {
            written = write(out, (const void *)start, end - start);
            if (written <= 0) break; /* pages that cannot be read */
        }
    }
    fclose(maps);
    return close(out) == 0;
}

int main(int count, char **arguments) {
    if (count != 7) return 2;
    static char text[16384];
    capdist_options options;
    capdist_conn *conn = NULL;
    capdist_options_init(&options, sizeof options);
    options.port = atoi(arguments[1]);
    options.packet_cipher = atoi(arguments[3]);
    options.recv_notify = 1;
    options.reconnect = 0;
    options.on_log = on_log;
    const bool is_refused = strcmp(arguments[4], "refused") == 0;
    const bool is_websocket = strcmp(arguments[4], "websocket") == 0;
    if (is_websocket) options.transport = CAPDIST_TRANSPORT_WEBSOCKET;
    if (is_refused || is_websocket || strcmp(arguments[4], "text") == 0) {
        int file = open(arguments[2], O_RDONLY | O_CLOEXEC);
        if (file < 0 || read(file, text, sizeof text - 1) <= 0) return 3;
        close(file);
        *(is_websocket ? &options.websocket_key : &options.rsa_private_key) = text;
    } else {
        options.rsa_private_key_file = arguments[2];
    }
    if (is_refused && !dump(arguments[5])) return 10;
    capdist_status status = capdist_init_connect(&options, &conn);
    explicit_bzero(text, sizeof text);
    if (is_refused) {
        printf("%s\n", capdist_last_error());
        return status == CAPDIST_INVALID_ARGUMENT && dump(arguments[6]) ? 0 : 11;
    }
    if (status != CAPDIST_OK || capdist_wait_ready(conn, 5000) != CAPDIST_OK) {
        printf("%s\n", capdist_last_error());
        return 4;
    }
    for (int i = 0; i < 20; i++) {
        capdist_security security;
        capdist_reply *reply = NULL;
        capdist_security_parse("HK.00700", &security);
        status = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
        if (status != CAPDIST_OK) return 5;
        capdist_reply_free(reply);
    }
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    if (capdist_get_connection_info(conn, &info) != CAPDIST_OK) return 6;
    printf("connection %llu\n", (unsigned long long)info.conn_id);
    if (!dump(arguments[5])) return 7;
    if (capdist_release(conn) != CAPDIST_OK) return 8;
    return !dump(arguments[6]) || logged == 0 ? 9 : 0;
}
