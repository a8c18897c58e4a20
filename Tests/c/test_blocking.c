/* Blocking calls: their serial number, which is stored while they wait, and their end by another thread; and threads that are
 * cancelled in any call. */
#include "support.h"

#include <stdatomic.h>
#include <poll.h>
#include <stdlib.h>

/* Fetches on a thread. */
typedef struct fetcher {
    capdist_conn *conn;
    capdist_request_options options;
    uint32_t serial_no;
    capdist_status status;
    capdist_reply *reply;
    pthread_t thread;
} fetcher;

static void *fetch(void *argument) {
    fetcher *f = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    f->status = capdist_fetch_capital_distribution(f->conn, &security, &f->options, &f->reply);
    return NULL;
}

static void start_fetching(fetcher *f, capdist_conn *conn) {
    memset(f, 0, sizeof *f);
    f->conn = conn;
    f->options = request_defaults();
    f->options.serial_no = &f->serial_no;
    __atomic_store_n(&f->serial_no, 77, __ATOMIC_RELEASE);
    assert_int_equal(pthread_create(&f->thread, NULL, fetch, f), 0);
}

/* Waits until the call has stored its serial number. */
static uint32_t told(fetcher *f) {
    uint32_t number = 0;
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; sleep_ms(1)) {
        number = __atomic_load_n(&f->serial_no, __ATOMIC_ACQUIRE);
        if (number != 0 && number != 77) return number;
    }
    return 0;
}

static void a_blocking_call_is_cancelled_by_its_number(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = ready_client(*state, g->port);
    fetcher f;
    for (int round = 0; round < 3; round++) {
        start_fetching(&f, c->conn);
        uint32_t number = told(&f);
        assert_int_not_equal(number, 0);
        if (round > 0) assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, round + 1, PATIENCE_MS));
        assert_status(capdist_cancel(c->conn, number), CAPDIST_OK);
        pthread_join(f.thread, NULL);
        assert_status(f.status, CAPDIST_CANCELLED);
        assert_int_equal(f.reply->serial_no, number);
        capdist_reply_free(f.reply);
    }
}

/* A request that waits for its connection has a serial number, too. */
static void a_queued_blocking_call_is_cancelled_by_its_number(void **state) {
    client *c = new_client(*state, stuck_port(*state));
    open_client(c);
    fetcher f;
    start_fetching(&f, c->conn);
    assert_status(capdist_cancel(c->conn, told(&f)), CAPDIST_OK);
    pthread_join(f.thread, NULL);
    assert_status(f.status, CAPDIST_CANCELLED);
    assert_int_equal(f.reply->was_sent, 0);
    capdist_reply_free(f.reply);
}

static void a_refused_call_has_no_number(void **state) {
    client *c = ready_client(*state, start_gateway(*state)->port);
    capdist_security security = security_of("HK.1"), bad = {CAPDIST_MARKET_HK, ""};
    uint32_t number = 77, other = 77;
    capdist_request_options o = request_defaults();
    capdist_reply *reply;
    o.serial_no = &number;
    assert_refused(capdist_fetch_capital_distribution(c->conn, &bad, &o, &reply), CAPDIST_INVALID_ARGUMENT, "code");
    assert_int_equal(number, 0);
    number = 77;
    assert_refused(capdist_fetch_capital_distribution(NULL, &security, &o, &reply), CAPDIST_INVALID_ARGUMENT, "NULL");
    assert_int_equal(number, 0);
    number = 77;
    o.queue_timeout_ms = -1;
    assert_refused(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, &other),
                   CAPDIST_INVALID_ARGUMENT, "queue_timeout_ms");
    assert_int_equal(number, 0);
    assert_int_equal(other, 0);
}

/* The other two calls store the number there as well as in their own argument. */
static void both_places_get_the_same_number(void **state) {
    client *c = ready_client(*state, start_gateway(*state)->port);
    capdist_security security = security_of("HK.1");
    uint32_t number = 0, other = 0;
    capdist_request_options o = request_defaults();
    o.serial_no = &number;
    assert_status(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, &other), CAPDIST_OK);
    note_accepted(c, other);
    assert_int_equal(number, other);
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, &o, record_proto_reply, c, NULL), CAPDIST_OK);
    assert_int_equal(number, other + 1);
    note_accepted(c, number);
    /* A program that was built before the field existed: nothing behind its struct is written. */
    number = 77;
    o.struct_size = 24;
    assert_status(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, &other), CAPDIST_OK);
    note_accepted(c, other);
    assert_int_equal(number, 77);
}

/* ---- threads that are cancelled ---- */

/* Joins a thread, which must have been cancelled. */
static void must_be_cancelled(pthread_t thread) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    void *result = NULL;
    assert_int_equal(pthread_timedjoin_np(thread, &result, &end), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
}

static void *wait_ready(void *conn) {
    capdist_wait_ready(conn, 3600000);
    return NULL;
}

static void a_wait_that_is_cancelled_ends(void **state) {
    client *c = new_client(*state, stuck_port(*state));
    c->options.connect_timeout_ms = 3600000;
    open_client(c);
    for (int after_ms = 0; after_ms < 200; after_ms += 50) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_ready, c->conn), 0);
        sleep_ms(after_ms);
        pthread_cancel(thread);
        must_be_cancelled(thread);
        assert_refused(capdist_wait_ready(c->conn, 0), CAPDIST_CONNECT_TIMEOUT, "");
    }
}

/* Its request is withdrawn: it no longer waits, and completes without a callback. */
static void a_fetch_that_is_cancelled_ends_with_its_request(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.max_queue = 1;
    open_ready(c);
    capdist_security security = security_of("HK.1");
    fetcher f;
    for (int after_ms = 0; after_ms < 300; after_ms += 75) {
        start_fetching(&f, c->conn);
        assert_int_not_equal(told(&f), 0);
        uint32_t number;
        assert_refused(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &number),
                       CAPDIST_QUEUE_FULL, "max_queue");
        sleep_ms(after_ms);
        pthread_cancel(f.thread);
        must_be_cancelled(f.thread);
        assert_refused(capdist_cancel(c->conn, f.serial_no), CAPDIST_NOT_FOUND, "");
    }
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
}

/* Makes calls of every kind, until it is cancelled in one of them. */
static void *call_everything(void *argument) {
    client *c = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_connection_info info;
    capdist_quota quota;
    while (true) {
        capdist_reply *reply = NULL;
        char text[32];
        capdist_connection_info_init(&info, sizeof info);
        capdist_quota_init(&quota, sizeof quota);
        capdist_get_connection_info(c->conn, &info);
        capdist_get_quota(c->conn, &quota);
        capdist_cancel(c->conn, 1);
        capdist_security_format(&security, text, sizeof text);
        capdist_wait_ready(c->conn, 1000);
        int old;
        /* Accepted requests are recorded, and replies are freed. */
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
        uint32_t number;
        if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &number) == CAPDIST_OK) note_accepted(c, number);
        pthread_setcancelstate(old, NULL);
        capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply);
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
        capdist_reply_free(reply);
        capdist_conn *other = NULL;
        capdist_options options = c->options;
        options.on_init_connect = NULL, options.on_log = NULL, options.on_closed = NULL;
        capdist_init_connect(&options, &other);
        pthread_setcancelstate(old, NULL);
        capdist_release(other);
    }
    return NULL;
}

static void a_thread_is_cancelled_in_any_call(void **state) {
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.max_queue = 100000;
    open_ready(c);
    for (int round = 0; round < (SLOWNESS == 1 ? 150 : 30); round++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, call_everything, c), 0);
        for (volatile int turns = 0; turns < round * 20000; turns++) {}
        pthread_cancel(thread);
        must_be_cancelled(thread);
        /* No lock is left locked. */
        capdist_quota quota;
        assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
        assert_status(capdist_get_quota(c->conn, &quota), CAPDIST_OK);
    }
    assert_true(wait_for(c, EVENT_REPLY, (int)c->accepted_count, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
}

static void ignore(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply, (void)user_data;
}

/* Only calls, since the test's other code must not be cancelled asynchronously. */
static void *call_cancellable_at_once(void *argument) {
    client *c = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_quota quota = {.struct_size = sizeof quota};
    capdist_connection_info info = {.struct_size = sizeof info};
    capdist_request_options options = {.struct_size = sizeof options};
    capdist_reply *reply = NULL;
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    while (true) {
        for (int turn = 0; turn < 5; turn++) {
            capdist_get_quota(c->conn, &quota);
            capdist_get_capital_distribution(c->conn, &security, &options, ignore, NULL, NULL);
            capdist_get_connection_info(c->conn, &info);
            capdist_cancel(c->conn, 1);
        }
        capdist_wait_ready(c->conn, 0);
        capdist_fetch_capital_distribution(c->conn, &security, &options, &reply);
    }
    return NULL;
}

static void a_thread_is_cancelled_at_any_instruction(void **state) {
    /* Sanitizers do not support that. */
    if (SLOWNESS != 1) return;
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.max_queue = 10;
    open_ready(c);
    for (int round = 0; round < 6000; round++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, call_cancellable_at_once, c), 0);
        for (volatile int turns = 0; turns < round % 100 * 1000; turns++) {}
        pthread_cancel(thread);
        must_be_cancelled(thread);
        capdist_quota quota = {.struct_size = sizeof quota};
        assert_status(capdist_get_quota(c->conn, &quota), CAPDIST_OK);
    }
    capdist_status status = capdist_wait_ready(c->conn, 0);
    /* In application-driven mode the thread may itself have been cancelled inside `ignore`. */
    if (status != CAPDIST_OK) {
        assert_status(status, CAPDIST_DISCONNECTED);
        assert_non_null(strstr(capdist_last_error(), "a callback of this connection did not return"));
    }
    assert_status(capdist_release(c->conn), CAPDIST_OK);
}

/* ---- cancelling inside callbacks ---- */

static atomic_int found;

static void look_at_the_state(client *c, const event *e) {
    (void)c;
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    pthread_setcancelstate(state, NULL);
    if (e->kind == EVENT_REPLY) atomic_store(&found, state);
}

static void callbacks_find_the_state_of_the_application(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    open_ready(c);
    set_hook(c, look_at_the_state);
    for (int wanted = 0; wanted < 2; wanted++) {
        int before, after;
        pthread_setcancelstate(wanted ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE, &before);
        atomic_store(&found, -1);
        ask(c, "1");
        for (int turn = 0; turn < 1000 && atomic_load(&found) == -1; turn++) {
            struct pollfd polled = {.fd = capdist_get_fd(c->conn), .events = POLLIN};
            poll(&polled, 1, 10);
            capdist_process(c->conn);
        }
        pthread_setcancelstate(before, &after);
        assert_int_equal(atomic_load(&found), wanted ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE);
        assert_int_equal(after, wanted ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE);
    }
}

/* A connection's own thread cannot be cancelled by the application. */
static void a_connections_thread_is_not_cancelled(void **state) {
    use_threads(true);
    client *c = new_client(*state, start_gateway(*state)->port);
    c->hook = look_at_the_state;
    atomic_store(&found, -1);
    open_ready(c);
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_int_equal(atomic_load(&found), PTHREAD_CANCEL_DISABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_blocking_call_is_cancelled_by_its_number),
        TEST(a_queued_blocking_call_is_cancelled_by_its_number),
        TEST(a_refused_call_has_no_number),
        TEST(both_places_get_the_same_number),
        TEST(a_wait_that_is_cancelled_ends),
        TEST(a_fetch_that_is_cancelled_ends_with_its_request),
        TEST(a_thread_is_cancelled_in_any_call),
        TEST(a_thread_is_cancelled_at_any_instruction),
        TEST(callbacks_find_the_state_of_the_application),
        TEST(a_connections_thread_is_not_cancelled),
    };
    return cmocka_run_group_tests_name("blocking", tests, NULL, NULL);
}
