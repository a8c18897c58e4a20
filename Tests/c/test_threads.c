/* Sixty-four threads make all calls at the same time on a few handles, which are released and replaced. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 64, HANDLES = 4, FOR_MS = 2000, PAUSE_MS = 20 };

typedef struct arena {
    _Atomic(capdist_conn *) handles[HANDLES];
    atomic_bool is_over;
    atomic_long accepted, completed, closed, opened, after_closed, oddities;
    int port;
} arena;

/* The user data of a connection's callbacks. It is freed after its last use, so that a later use is detected. */
typedef struct owner {
    arena *arena;
    atomic_bool is_closed;
} owner;

static void count_completion(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn;
    arena *a = user_data;
    if (serial_no == 0 || reply->serial_no != serial_no) atomic_fetch_add(&a->oddities, 1);
    if (reply->status == CAPDIST_OK && !reply->distribution) atomic_fetch_add(&a->oddities, 1);
    atomic_fetch_add(&a->completed, 1);
}

static void note_init(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn, (void)err_code, (void)desc;
    owner *o = user_data;
    if (atomic_load(&o->is_closed)) atomic_fetch_add(&o->arena->after_closed, 1);
}

static void note_closed(void *user_data) {
    owner *o = user_data;
    arena *a = o->arena;
    if (atomic_exchange(&o->is_closed, true)) atomic_fetch_add(&a->after_closed, 1);
    free(o); /* the very last use */
    atomic_fetch_add(&a->closed, 1);
}

static capdist_conn *open_one(arena *a) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    owner *o = calloc(1, sizeof *o);
    if (!o) abort();
    o->arena = a;
    options.port = a->port;
    options.quota_requests = 0;
    options.on_init_connect = note_init;
    options.on_closed = note_closed;
    options.user_data = o;
    capdist_conn *conn = NULL;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) {
        free(o);
        atomic_fetch_add(&a->oddities, 1);
        return NULL;
    }
    atomic_fetch_add(&a->opened, 1);
    return conn;
}

static void expect_one_of(arena *a, capdist_status status, capdist_status one, capdist_status other) {
    if (status != CAPDIST_OK && status != one && status != other) atomic_fetch_add(&a->oddities, 1);
}

typedef struct worker {
    arena *arena;
    unsigned seed;
} worker;

static void *do_everything(void *argument) {
    worker *w = argument;
    arena *a = w->arena;
    capdist_security security = {CAPDIST_MARKET_HK, "00005"};
    uint32_t serial_no = 1;
    while (!atomic_load(&a->is_over)) {
        int place = rand_r(&w->seed) % HANDLES;
        capdist_conn *conn = atomic_load(&a->handles[place]);
        capdist_status status;
        int what = rand_r(&w->seed) % 40;
        switch (what < 4 ? what : 4 + what / 10) {
        case 0: { /* one of the threads releases it, and puts a new one in its place */
            capdist_conn *old = atomic_exchange(&a->handles[place], open_one(a));
            status = capdist_release(old);
            expect_one_of(a, status, CAPDIST_RELEASED, CAPDIST_RELEASED);
            break;
        }
        case 1:
            status = capdist_release(conn);
            expect_one_of(a, status, CAPDIST_RELEASED, CAPDIST_RELEASED);
            break;
        case 2: {
            capdist_reply *reply = NULL;
            status = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
            /* Other threads may cancel any request. */
            expect_one_of(a, status, CAPDIST_RELEASED, CAPDIST_CANCELLED);
            capdist_reply_free(reply);
            break;
        }
        case 3:
            status = capdist_wait_ready(conn, PAUSE_MS);
            /* There are so many connections that the gateway may reach its limit of 128 for a moment. */
            if (status == CAPDIST_CONNECT_FAILED) break;
            expect_one_of(a, status, CAPDIST_RELEASED, CAPDIST_CONNECT_TIMEOUT);
            break;
        case 4:
            status = capdist_cancel(conn, serial_no);
            expect_one_of(a, status, CAPDIST_RELEASED, CAPDIST_NOT_FOUND);
            break;
        case 5: {
            capdist_quota quota;
            capdist_quota_init(&quota, sizeof quota);
            expect_one_of(a, capdist_get_quota(conn, &quota), CAPDIST_RELEASED, CAPDIST_RELEASED);
            capdist_connection_info info;
            capdist_connection_info_init(&info, sizeof info);
            expect_one_of(a, capdist_get_connection_info(conn, &info), CAPDIST_RELEASED, CAPDIST_RELEASED);
            break;
        }
        default:
            status = capdist_get_capital_distribution(conn, &security, NULL, count_completion, a, &serial_no);
            expect_one_of(a, status, CAPDIST_RELEASED, CAPDIST_QUEUE_FULL);
            if (status == CAPDIST_OK) atomic_fetch_add(&a->accepted, 1);
        }
    }
    return NULL;
}

static void everything_at_once(void **state) {
    arena *a = calloc(1, sizeof *a);
    assert_non_null(a);
    a->port = start_simulator(*state, "--no-quota", NULL);
    for (int i = 0; i < HANDLES; i++) atomic_store(&a->handles[i], open_one(a));
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker){a, i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, do_everything, &workers[i]), 0);
    }
    sleep_ms(FOR_MS);
    atomic_store(&a->is_over, true);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < HANDLES; i++) (void)capdist_release(atomic_load(&a->handles[i]));
    /* The second release of a handle does not wait for the first. */
    for (int waited = 0; waited < PATIENCE_MS && atomic_load(&a->closed) < atomic_load(&a->opened); waited++) {
        sleep_ms(1);
    }
    printf("%ld connections, %ld requests\n", atomic_load(&a->opened), atomic_load(&a->accepted));
    assert_int_equal(atomic_load(&a->closed), atomic_load(&a->opened));
    assert_int_equal(atomic_load(&a->completed), atomic_load(&a->accepted));
    assert_int_equal(atomic_load(&a->after_closed), 0);
    assert_int_equal(atomic_load(&a->oddities), 0);
    assert_true(atomic_load(&a->accepted) > THREADS && atomic_load(&a->opened) > HANDLES);
    free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(everything_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
