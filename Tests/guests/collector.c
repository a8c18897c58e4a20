/* An application with Boehm's garbage collector, which stops every thread by a signal. The connection's thread is registered when
 * it starts, allocates in callbacks, and is stopped while it waits and while it works. collector PORT */
#include "guest.h"

#define GC_THREADS
#include <gc.h>
#include <stdatomic.h>

enum { REQUESTS = 200 };

static atomic_int answered, registered, left;

static void begin(capdist_conn *conn, void *user_data) {
    (void)conn, (void)user_data;
    struct GC_stack_base base;
    if (GC_get_stack_base(&base) == GC_SUCCESS && GC_register_my_thread(&base) == GC_SUCCESS) atomic_fetch_add(&registered, 1);
}

static void end(void *user_data) {
    (void)user_data;
    if (GC_unregister_my_thread() == GC_SUCCESS) atomic_fetch_add(&left, 1);
}

static void note(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)user_data;
    double *kept = GC_MALLOC(sizeof *kept);
    *kept = reply->distribution ? reply->distribution->capital_in_big : 0;
    GC_gcollect();
    if (*kept == BIG) atomic_fetch_add(&answered, 1);
}

int main(int argc, char **argv) {
    if (argc != 2) return 1;
    GC_INIT();
    GC_allow_register_threads();
    capdist_options options = options_for(atoi(argv[1]), CAPDIST_MODE_THREAD);
    options.on_thread_start = begin;
    options.on_closed = end;
    capdist_conn *conn = NULL;
    MUST(capdist_init_connect(&options, &conn) == CAPDIST_OK);
    MUST(capdist_wait_ready(conn, 8000) == CAPDIST_OK);
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    for (int i = 0; i < REQUESTS; i++) {
        MUST(capdist_get_capital_distribution(conn, &security, NULL, note, NULL, NULL) == CAPDIST_OK);
        GC_gcollect();
    }
    for (int64_t end = now_ms() + 20000; now_ms() < end && atomic_load(&answered) < REQUESTS;) GC_gcollect();
    MUST(atomic_load(&answered) == REQUESTS);
    MUST(capdist_release(conn) == CAPDIST_OK);
    MUST(atomic_load(&registered) == 1 && atomic_load(&left) == 1);
    GC_gcollect();
    return 0;
}
