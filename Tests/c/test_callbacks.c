/* Callbacks: their arguments; and requests, cancels and blocking calls inside them. */
#include "support.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- arguments ---- */

static void replies_come_in_the_order_of_answers(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    for (int i = 0; i < 5; i++) ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 5, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; reply 2 OK; reply 3 OK; reply 4 OK; reply 5 OK");
    for (int i = 0; i < 5; i++) {
        event e = event_at(c, EVENT_REPLY, i);
        assert_ptr_equal(e.conn, c->conn);
        assert_int_equal(e.reply.serial_no, e.serial_no);
    }
}

static void init_connect_comes_before_replies(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    open_client(c);
    for (int i = 0; i < 20; i++) ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 20, PATIENCE_MS));
    assert_int_equal(strncmp(story(c), "init 0; reply 1 OK; ", 20), 0);
    assert_int_equal(count_of(c, EVENT_INIT_CONNECT), 1);
}

/* The serial number of a request is compared in its own callback. */
typedef struct stored {
    uint32_t serial_no;
    atomic_uint seen_in_callback, handed_to_callback;
    atomic_bool done;
} stored;

static void look_at_stored(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    stored *s = user_data;
    (void)conn, (void)reply;
    atomic_store(&s->seen_in_callback, *(volatile uint32_t *)&s->serial_no);
    atomic_store(&s->handed_to_callback, serial_no);
    atomic_store(&s->done, true);
}

static void serial_number_is_stored_before_the_callback(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    capdist_security security = security_of("HK.00700");
    enum { REQUESTS = 300 };
    static stored all[REQUESTS];
    memset(all, 0, sizeof all);
    for (int i = 0; i < REQUESTS; i++) {
        assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, look_at_stored, &all[i],
                                                       &all[i].serial_no),
                      CAPDIST_OK);
    }
    for (int i = 0; i < REQUESTS; i++) {
        for (int64_t end = now_ms() + PATIENCE_MS; !atomic_load(&all[i].done) && now_ms() < end;) sleep_ms(1);
        assert_true(atomic_load(&all[i].done));
        assert_int_equal(atomic_load(&all[i].seen_in_callback), all[i].serial_no);
        assert_int_equal(atomic_load(&all[i].handed_to_callback), all[i].serial_no);
        for (int k = 0; k < i; k++) assert_int_not_equal(all[i].serial_no, all[k].serial_no);
    }
}

/* user_data: the options' for the connection's callbacks, and each request's own for its callback. */
typedef struct passed {
    void *init_connect, *log, *closed;
    atomic_int closes;
} passed;

static passed seen;

static void see_init_connect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn, (void)err_code, (void)desc;
    seen.init_connect = user_data;
}

static void see_log(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    (void)conn, (void)level, (void)message;
    seen.log = user_data;
}

static void see_closed(void *user_data) {
    seen.closed = user_data;
    atomic_fetch_add(&seen.closes, 1);
}

static void mark(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply;
    atomic_fetch_add((atomic_int *)user_data, 1);
}

static void user_data_comes_back(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    capdist_options options = c->options;
    int mine = 0;
    static atomic_int marks[3];
    memset(&seen, 0, sizeof seen);
    memset(marks, 0, sizeof marks);
    options.on_init_connect = see_init_connect;
    options.on_log = see_log;
    options.on_closed = see_closed;
    options.user_data = &mine;
    capdist_conn *conn;
    assert_status(capdist_init_connect(&options, &conn), CAPDIST_OK);
    capdist_security security = security_of("HK.00700");
    for (size_t i = 0; i < COUNT(marks); i++) {
        for (size_t k = 0; k <= i; k++) {
            assert_status(capdist_get_capital_distribution(conn, &security, NULL, mark, &marks[i], NULL), CAPDIST_OK);
        }
    }
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 6, PATIENCE_MS));
    assert_status(capdist_release(conn), CAPDIST_OK);
    for (size_t i = 0; i < COUNT(marks); i++) assert_int_equal(atomic_load(&marks[i]), (int)i + 1);
    assert_ptr_equal(seen.init_connect, &mine);
    assert_true(!seen.log || seen.log == &mine);
    assert_ptr_equal(seen.closed, &mine);
    assert_int_equal(atomic_load(&seen.closes), 1);
}

static void every_callback_may_be_null(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    capdist_options options = c->options;
    options.on_init_connect = NULL;
    options.on_disconnect = NULL;
    options.on_push = NULL;
    options.on_log = NULL;
    options.on_closed = NULL;
    options.user_data = NULL;
    options.recv_notify = 1;
    options.reconnect = 1;
    options.reconnect_min_ms = options.reconnect_max_ms = 1;
    capdist_conn *conn;
    assert_status(capdist_init_connect(&options, &conn), CAPDIST_OK);
    assert_status(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_OK);
    gateway_send(g, 0, NOTIFY, 0, "\x08\x00", 2);
    gateway_close_stream(g, 0, false);
    assert_true(gateway_wait(g, INIT_CONNECT, 2, PATIENCE_MS));
    assert_status(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_OK);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply;
    assert_status(capdist_fetch_capital_distribution(conn, &security, NULL, &reply), CAPDIST_OK);
    capdist_reply_free(reply);
    assert_status(capdist_release(conn), CAPDIST_OK);
}

/* ---- calls inside callbacks ---- */

typedef struct inside {
    atomic_int calls;
    capdist_status wait_ready, fetch, other_wait_ready, other_fetch, info, quota, cancel;
    capdist_reply *reply;
} inside;

/* The client's context: an `inside` for each kind of callback. */
static void call_everything(client *c, const event *e) {
    inside *i = (inside *)c->context + e->kind;
    if (atomic_load(&i->calls) > 0) return;
    capdist_security security = {CAPDIST_MARKET_HK, "1"};
    capdist_connection_info info;
    capdist_quota quota;
    capdist_connection_info_init(&info, sizeof info);
    capdist_quota_init(&quota, sizeof quota);
    i->reply = (capdist_reply *)(uintptr_t)0xa5;
    i->wait_ready = capdist_wait_ready(c->conn, 1000);
    i->fetch = capdist_fetch_capital_distribution(c->conn, &security, NULL, &i->reply);
    i->other_wait_ready = capdist_wait_ready(c->other->conn, 1000);
    capdist_reply *reply;
    i->other_fetch = capdist_fetch_capital_distribution(c->other->conn, &security, NULL, &reply);
    i->info = capdist_get_connection_info(c->conn, &info);
    i->quota = capdist_get_quota(c->conn, &quota);
    i->cancel = capdist_cancel(c->conn, 4000000000u);
    atomic_fetch_add(&i->calls, 1);
}

static void check_inside(inside *i) {
    for (int64_t end = now_ms() + PATIENCE_MS; atomic_load(&i->calls) == 0 && now_ms() < end;) sleep_ms(1);
    assert_int_equal(atomic_load(&i->calls), 1);
    assert_status(i->wait_ready, CAPDIST_WOULD_DEADLOCK);
    assert_status(i->fetch, CAPDIST_WOULD_DEADLOCK);
    assert_null(i->reply);
    assert_status(i->other_wait_ready, CAPDIST_WOULD_DEADLOCK);
    assert_status(i->other_fetch, CAPDIST_WOULD_DEADLOCK);
    assert_status(i->info, CAPDIST_OK);
    assert_status(i->quota, CAPDIST_OK);
    assert_status(i->cancel, CAPDIST_NOT_FOUND);
}

static void blocking_calls_in_callbacks_would_deadlock(void **state) {
    gateway *g = start_gateway(*state);
    client *other = ready_client(*state, g->port);
    client *c = new_client(*state, g->port);
    static inside insides[EVENT_CLOSED + 1];
    memset(insides, 0, sizeof insides);
    c->other = other;
    c->hook = call_everything;
    c->context = insides;
    c->options.recv_notify = 1;
    open_ready(c);
    gateway_send(g, 1, NOTIFY, 0, "\x08\x00", 2);
    ask(c, "1");
    uint32_t raw;
    assert_status(capdist_send_proto(c->conn, GET_CAPITAL_DISTRIBUTION, "", 0, NULL, record_proto_reply, c, &raw),
                  CAPDIST_OK);
    note_accepted(c, raw);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS) && wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    gateway_close_stream(g, 1, false);
    for (int kind = EVENT_INIT_CONNECT; kind < EVENT_CLOSED; kind++) check_inside(&insides[kind]);
}

/* on_closed is a callback, too, and the handle is released by then. */
typedef struct at_close {
    capdist_conn *conn, *other;
    atomic_int status, other_status;
} at_close;

static void call_on_close(void *user_data) {
    at_close *a = user_data;
    atomic_store(&a->other_status, capdist_wait_ready(a->other, 100));
    atomic_store(&a->status, capdist_cancel(a->conn, 1));
}

static void on_closed_is_a_callback_and_the_handle_is_gone(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static at_close a;
    capdist_options options = c->options;
    options.on_init_connect = NULL;
    options.on_log = NULL;
    options.on_closed = call_on_close;
    options.user_data = &a;
    a.other = c->conn;
    assert_status(capdist_init_connect(&options, &a.conn), CAPDIST_OK);
    assert_status(capdist_release(a.conn), CAPDIST_OK);
    assert_status(atomic_load(&a.status), CAPDIST_RELEASED);
    assert_status(atomic_load(&a.other_status), CAPDIST_WOULD_DEADLOCK);
}

/* Three generations of requests, each made in a callback of the one before. */
static void ask_again(client *c, const event *e) {
    if (e->kind == EVENT_INIT_CONNECT || (e->kind == EVENT_REPLY && e->serial_no < 20)) {
        capdist_security security = {CAPDIST_MARKET_HK, "1"};
        uint32_t serial_no;
        if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
            note_accepted(c, serial_no);
        }
    }
}

static void requests_may_be_made_in_callbacks(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->hook = ask_again;
    open_client(c);
    assert_true(wait_for(c, EVENT_REPLY, 20, PATIENCE_MS));
    sleep_ms(50);
    assert_int_equal(count_of(c, EVENT_REPLY), 20);
    assert_int_equal(count_of_status(c, CAPDIST_OK), 20);
}

/* ---- requests in the callbacks of answers that came together ---- */

enum { TOGETHER = 4 };

/* The first requests are answered in one piece. */
static void answer_together(gateway *g, const frame *request) {
    static uint8_t piece[TOGETHER * 256];
    static size_t length;
    int asked = gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION);
    if (asked == 1) length = 0;
    if (asked > TOGETHER) {
        answer_distribution(g, request);
        return;
    }
    message m = {0};
    char code[CAPDIST_CODE_SIZE];
    requested_code(request, code);
    put_distribution(&m, atoi(code), true);
    length += pack_frame(piece + length, GET_CAPITAL_DISTRIBUTION, request->serial_no, m.bytes, m.length);
    if (asked == TOGETHER) gateway_send_raw(g, request->stream, piece, length);
}

typedef struct together {
    gateway *gateway;
    int early;        /* requests that the gateway had while the first callback ran */
    int at_second;    /* and at the beginning of the second one, and after its request */
    bool second_leaves;
    sem_t entered, go; /* the first callback waits here if `is_held` */
    bool is_held;
} together;

static void ask_in_each(client *c, const event *e) {
    together *t = c->context;
    if (e->kind != EVENT_REPLY || e->serial_no > TOGETHER) return;
    if (e->serial_no == 2) {
        gateway_wait(t->gateway, GET_CAPITAL_DISTRIBUTION, TOGETHER + 1, PATIENCE_MS);
        t->at_second = gateway_frame_count(t->gateway, GET_CAPITAL_DISTRIBUTION);
    }
    capdist_security security = {CAPDIST_MARKET_HK, ""};
    snprintf(security.code, sizeof security.code, "%u", 100 + e->serial_no);
    uint32_t serial_no;
    if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
        note_accepted(c, serial_no);
    }
    if (e->serial_no == 2) t->second_leaves = gateway_wait(t->gateway, GET_CAPITAL_DISTRIBUTION, TOGETHER + 2, PATIENCE_MS);
    if (e->serial_no != 1) return;
    if (t->is_held) {
        sem_post(&t->entered);
        sem_wait(&t->go);
    } else {
        sleep_ms(50);
    }
    t->early = gateway_frame_count(t->gateway, GET_CAPITAL_DISTRIBUTION);
}

static client *asked_together(fixture *f, together *t) {
    t->gateway = start_gateway(f);
    gateway_on(t->gateway, GET_CAPITAL_DISTRIBUTION, answer_together);
    sem_init(&t->entered, 0, 0);
    sem_init(&t->go, 0, 0);
    client *c = ready_client(f, t->gateway->port);
    c->context = t;
    set_hook(c, ask_in_each);
    for (int i = 1; i <= TOGETHER; i++) ask(c, "1");
    return c;
}

static void all_are_answered(client *c, int count) {
    assert_true(wait_for(c, EVENT_REPLY, count, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), count);
}

/* Their requests go out together. After a slow callback they go out at once, for a while. */
static void a_slow_callback_holds_up_no_others_requests(void **state) {
    together t = {0};
    client *c = asked_together(*state, &t);
    all_are_answered(c, 2 * TOGETHER);
    assert_int_equal(t.early, TOGETHER);
    assert_int_equal(t.at_second, TOGETHER + 1);
    assert_true(t.second_leaves);
    assert_int_equal(gateway_frame_count(t.gateway, GET_CAPITAL_DISTRIBUTION), 2 * TOGETHER);
}

/* Another thread makes a request while such a callback runs. It is sent at once, after those that were kept. */
static void another_thread_does_not_wait_for_them(void **state) {
    together t = {.is_held = true};
    client *c = asked_together(*state, &t);
    sem_wait(&t.entered);
    ask(c, "200");
    bool is_sent = gateway_wait(t.gateway, GET_CAPITAL_DISTRIBUTION, TOGETHER + 2, PATIENCE_MS);
    sem_post(&t.go);
    assert_true(is_sent);
    all_are_answered(c, 2 * TOGETHER + 1);
    assert_int_equal(t.early, TOGETHER + 2);
    frame sent;
    char code[CAPDIST_CODE_SIZE];
    assert_true(gateway_frame(t.gateway, GET_CAPITAL_DISTRIBUTION, TOGETHER, &sent));
    requested_code(&sent, code);
    assert_string_equal(code, "101");
}

/* ---- calls do not wait for callbacks ---- */

/* No callback runs inside a request. While a callback of the connection blocks, requests and cancels return. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_the_gate(client *c, const event *e) {
    (void)c;
    if (e->kind != EVENT_INIT_CONNECT) return;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void calls_do_not_wait_for_callbacks(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->hook = wait_at_the_gate;
    pthread_mutex_lock(&gate);
    open_client(c);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    /* A call that waited for the callback would never return. */
    uint32_t first = ask(c, "1"), second = ask(c, "2");
    capdist_status cancelled = capdist_cancel(c->conn, second);
    capdist_quota quota;
    capdist_quota_init(&quota, sizeof quota);
    capdist_status told = capdist_get_quota(c->conn, &quota);
    capdist_status ready = capdist_wait_ready(c->conn, PATIENCE_MS);
    int replies = count_of(c, EVENT_REPLY);
    pthread_mutex_unlock(&gate);
    assert_status(cancelled, CAPDIST_OK);
    assert_status(told, CAPDIST_OK);
    assert_status(ready, CAPDIST_OK);
    assert_int_equal(replies, 0);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(reply_to(c, first).status, CAPDIST_OK);
    assert_int_equal(reply_to(c, second).status, CAPDIST_CANCELLED);
}

/* A fetch is limited by its timeouts, even while a callback of the application blocks the connection's thread. */
static void fetch_ends_in_time_though_a_callback_hangs(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->hook = wait_at_the_gate;
    pthread_mutex_lock(&gate);
    open_client(c);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    capdist_request_options o = request_defaults();
    o.queue_timeout_ms = o.reply_timeout_ms = 100;
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply = NULL;
    int64_t start = now_ms();
    capdist_status status = capdist_fetch_capital_distribution(c->conn, &security, &o, &reply);
    int64_t took = now_ms() - start;
    pthread_mutex_unlock(&gate);
    assert_true(status == CAPDIST_REPLY_TIMEOUT || status == CAPDIST_QUEUE_TIMEOUT);
    assert_non_null(reply);
    assert_int_equal(reply->status, status);
    capdist_reply_free(reply);
    assert_in_range(took, 90, PATIENCE_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(replies_come_in_the_order_of_answers),
        TEST(init_connect_comes_before_replies),
        TEST(serial_number_is_stored_before_the_callback),
        TEST(user_data_comes_back),
        TEST(every_callback_may_be_null),
        TEST(blocking_calls_in_callbacks_would_deadlock),
        TEST(on_closed_is_a_callback_and_the_handle_is_gone),
        TEST(requests_may_be_made_in_callbacks),
        TEST(a_slow_callback_holds_up_no_others_requests),
        TEST(another_thread_does_not_wait_for_them),
        TEST(calls_do_not_wait_for_callbacks),
        TEST(fetch_ends_in_time_though_a_callback_hangs),
    };
    return cmocka_run_group_tests_name("callbacks", tests, NULL, NULL);
}
