/* Whether timeouts work with whatever clock the process has: a request to a slow gateway ends at its reply timeout, in both
 * modes, and with callbacks alone. timers PORT */
#include "guest.h"

#include <poll.h>
#include <stdatomic.h>

static atomic_int ended;

static void note(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)user_data;
    atomic_store(&ended, reply->status == CAPDIST_REPLY_TIMEOUT ? 1 : 2);
}

int main(int argc, char **argv) {
    if (argc != 2) return 1;
    for (int32_t mode = CAPDIST_MODE_THREAD; mode <= CAPDIST_MODE_HOST_DRIVEN; mode++) {
        capdist_conn *conn = open_ready(atoi(argv[1]), mode);
        capdist_request_options options;
        MUST(capdist_request_options_init(&options, sizeof options) == CAPDIST_OK);
        options.reply_timeout_ms = 200;
        MUST(fetch(conn, &options, NULL) == CAPDIST_REPLY_TIMEOUT);
        capdist_security security = {CAPDIST_MARKET_HK, "00700"};
        atomic_store(&ended, 0);
        MUST(capdist_get_capital_distribution(conn, &security, &options, note, NULL, NULL) == CAPDIST_OK);
        /* Counts turns for ten seconds, since the clock may be wrong. */
        for (int turn = 0; turn < 100 && atomic_load(&ended) == 0; turn++) {
            struct pollfd polled = {.fd = mode == CAPDIST_MODE_THREAD ? -1 : capdist_get_fd(conn), .events = POLLIN};
            if (poll(&polled, 1, 100) > 0) MUST(capdist_process(conn) == CAPDIST_OK);
        }
        MUST(atomic_load(&ended) == 1);
        MUST(capdist_release(conn) == CAPDIST_OK);
    }
    return 0;
}
