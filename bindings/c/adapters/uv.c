/* Uses a libuv loop, which also runs a timer. No thread is made. The loop ends when the last answer has come.
 * Usage: uv HOST PORT SECURITY... (a numeric host, or localhost) */
#include <stdio.h>
#include <stdlib.h>

#include "capdist_uv.h"

static capdist_uv adapter;
static uv_timer_t timer;
static int left; /* requests that have not completed */

static void answered(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no;
    if (reply->distribution) printf("%s %.0f\n", (const char *)user_data, reply->distribution->capital_in_big);
    else printf("%s %s\n", (const char *)user_data, reply->desc);
    if (--left > 0) return;
    capdist_uv_release(&adapter, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
}

static void logged(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    (void)conn, (void)user_data;
    if (level <= CAPDIST_LOG_WARNING) fprintf(stderr, "%s\n", message); /* for example, why there is no connection yet */
}

static void ticked(uv_timer_t *timer) {
    (void)timer;
    printf("still %d to come\n", left);
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: uv HOST PORT SECURITY...\n"), 2;
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.host = argv[1];
    options.port = atoi(argv[2]);
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    options.on_log = logged;
    capdist_conn *conn;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return fprintf(stderr, "%s\n", capdist_last_error()), 1;

    uv_loop_t *loop = uv_default_loop();
    int error = capdist_uv_attach(loop, &adapter, conn);
    if (error != 0) {
        capdist_release(conn);
        return fprintf(stderr, "%s\n", uv_strerror(error)), 1;
    }
    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, ticked, 1000, 1000);
    for (int i = 3; i < argc; i++) {
        capdist_security security;
        if (capdist_security_parse(argv[i], &security) == CAPDIST_OK &&
            capdist_get_capital_distribution(conn, &security, NULL, answered, argv[i], NULL) == CAPDIST_OK) {
            left++;
        } else {
            printf("%s %s\n", argv[i], capdist_last_error());
        }
    }
    if (left == 0) {
        capdist_uv_release(&adapter, NULL);
        uv_close((uv_handle_t *)&timer, NULL);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) != 0;
}
