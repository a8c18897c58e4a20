/* capdist_release(): what it completes, what it waits for, and that it leaves nothing behind. */
#include "support.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

/* ---- outside callbacks ---- */

static void queued_and_sent_requests_complete_as_released(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_first_only);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 3;
    open_ready(c);
    for (int i = 0; i < 5; i++) ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 3, PATIENCE_MS));
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_story(c, "init 0; reply 1 OK; reply 2 RELEASED; reply 3 RELEASED; reply 4 RELEASED; reply 5 RELEASED; "
                    "closed");
    for (int i = 1; i < 5; i++) {
        assert_int_equal(event_at(c, EVENT_REPLY, i).reply.was_sent, i < 3);
        assert_true(strlen(event_at(c, EVENT_REPLY, i).text) > 5);
    }
}

static void requests_before_the_connection_complete_as_released(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    for (int i = 0; i < 3; i++) ask(c, "1");
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_story(c, "reply 1 RELEASED; reply 2 RELEASED; reply 3 RELEASED; closed");
}

/* Blocks in the first reply until the test lets it go on. */
static atomic_bool holding, held;

static void hold_the_reply(client *c, const event *e) {
    (void)c;
    if (e->kind != EVENT_REPLY || e->serial_no != 1) return;
    atomic_store(&holding, true);
    for (int i = 0; i < 300 && atomic_load(&holding); i++) sleep_ms(1);
    atomic_store(&held, true);
}

static void release_waits_for_the_callback_that_runs(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->hook = hold_the_reply;
    atomic_store(&held, false);
    open_ready(c);
    ask(c, "1");
    ask(c, "2");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    int64_t start = now_ms();
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_true(atomic_load(&held));
    assert_in_range(now_ms() - start, 200, PATIENCE_MS);
    assert_int_equal(count_of(c, EVENT_CLOSED), 1);
    assert_int_equal(count_of(c, EVENT_REPLY), 2);
}

static void release_waits_for_nothing_else(void **state) {
    gateway *silent = start_gateway(*state);
    gateway_on(silent, INIT_CONNECT, answer_nothing);
    client *clients[4];
    clients[0] = new_client(*state, silent->port);
    clients[1] = new_client(*state, stuck_port(*state));
    clients[2] = new_client(*state, refused_port(*state));
    clients[2]->options.reconnect = 1;
    clients[2]->options.reconnect_min_ms = 30000;
    clients[3] = new_client(*state, 1);
    clients[3]->options.host = "no-such-host.invalid";
    for (int i = 0; i < 4; i++) {
        open_client(clients[i]);
        ask(clients[i], "1");
        if (i != 3) sleep_ms(50);
        int64_t start = now_ms();
        assert_status(capdist_release(clients[i]->conn), CAPDIST_OK);
        assert_true(now_ms() - start < PROMPT_MS);
        assert_int_equal(count_of(clients[i], EVENT_CLOSED), 1);
    }
}

static void nothing_runs_after_release(void **state) {
    gateway *g = start_gateway(*state);
    for (int round = 0; round < 10; round++) {
        client *c = ready_client(*state, g->port);
        for (int i = 0; i < 50; i++) ask(c, "1");
        assert_status(capdist_release(c->conn), CAPDIST_OK);
        char at_once[8192];
        snprintf(at_once, sizeof at_once, "%s", story(c));
        sleep_ms(5);
        assert_string_equal(story(c), at_once);
        assert_int_equal(count_of(c, EVENT_REPLY), 50);
        assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
    }
}

static void gateway_sees_the_stream_end(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_true(gateway_wait_closed(g, 0, PATIENCE_MS));
}

/* ---- no thread and no descriptor is left ---- */

static void open_in_many_states(fixture *f, int ready, int stuck, int refused, int round) {
    static const char *const hosts[] = {"127.0.0.1", "localhost", "127.1", "127.0.0.1", "127.0.0.1", "::1"};
    const int ports[] = {ready, ready, ready, stuck, refused, refused};
    capdist_conn *conns[COUNT(hosts)];
    capdist_security security = security_of("HK.00700");
    for (size_t i = 0; i < COUNT(hosts); i++) {
        capdist_options options;
        assert_status(capdist_options_init(&options, sizeof options), CAPDIST_OK);
        options.host = hosts[i];
        options.port = ports[i];
        options.reconnect = round % 2;
        options.quota_requests = 0;
        options.quota_group = f->test_name;
        assert_status(capdist_init_connect(&options, &conns[i]), CAPDIST_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(conns[i], &security, NULL, &reply), CAPDIST_OK);
        capdist_reply_free(reply);
    }
    for (size_t i = 0; i < COUNT(hosts); i++) assert_status(capdist_release(conns[i]), CAPDIST_OK);
}

static void no_thread_or_descriptor_is_left(void **state) {
    int ready = start_simulator(*state, "--no-quota", NULL);
    int stuck = stuck_port(*state), refused = refused_port(*state);
    open_in_many_states(*state, ready, stuck, refused, 0);
    sleep_ms(100);
    int threads = thread_count(), descriptors = descriptor_count();
    for (int round = 0; round < 20; round++) open_in_many_states(*state, ready, stuck, refused, round);
    assert_true(back_to(threads, descriptors));
}

static void failed_calls_leave_nothing(void **state) {
    int threads = thread_count(), descriptors = descriptor_count();
    client *c = new_client(*state, 1);
    for (int i = 0; i < 100; i++) {
        c->options.port = i % 2 ? 0 : 70000;
        capdist_conn *conn;
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
    }
    assert_true(back_to(threads, descriptors));
}

/* ---- inside callbacks ---- */

/* Releases its connection in the first callback of the kind in `context`. */
static void release_on(client *c, const event *e) {
    if ((intptr_t)c->context != (intptr_t)e->kind || count_of(c, e->kind) > 1) return;
    int64_t start = now_ms();
    capdist_status status = capdist_release(c->conn);
    capdist_status again = capdist_release(c->conn);
    if (status != CAPDIST_OK || again != CAPDIST_RELEASED || now_ms() - start > PROMPT_MS) abort();
}

static client *releasing_client(fixture *f, gateway *g, event_kind kind) {
    client *c = new_client(f, g->port);
    c->options.recv_notify = 1;
    c->hook = release_on;
    c->context = (void *)(intptr_t)kind;
    return c;
}

/* on_closed has been called, the handle is released, and soon the thread ends. */
static void is_over(client *c, int threads) {
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_status(capdist_cancel(c->conn, 1), CAPDIST_RELEASED);
    assert_true(back_to(threads, INT_MAX));
}

static void release_in_on_init_connect(void **state) {
    gateway *g = start_gateway(*state);
    sleep_ms(20);
    int threads = thread_count();
    client *c = releasing_client(*state, g, EVENT_INIT_CONNECT);
    open_client(c);
    is_over(c, threads);
    assert_string_equal(story(c), "init 0; closed");
}

static void release_in_on_init_connect_with_requests_queued(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = releasing_client(*state, g, EVENT_INIT_CONNECT);
    open_client(c);
    for (int i = 0; i < 3; i++) ask(c, "1");
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    frame request;
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &request));
    accept_init_connect(g, &request);
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 RELEASED; reply 2 RELEASED; reply 3 RELEASED; closed");
}

static void release_in_a_failed_on_init_connect(void **state) {
    client *c = new_client(*state, refused_port(*state));
    c->hook = release_on;
    c->context = (void *)(intptr_t)EVENT_INIT_CONNECT;
    open_client(c);
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no;
    if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
        note_accepted(c, serial_no);
    }
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_int_equal(count_of(c, EVENT_INIT_CONNECT), 1);
    assert_int_equal(count_of(c, EVENT_CLOSED), 1);
}

static void release_in_the_requests_own_callback(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = releasing_client(*state, g, EVENT_REPLY);
    open_ready(c);
    int threads = thread_count() - !is_application_driven();
    for (int i = 0; i < 5; i++) ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 5, PATIENCE_MS));
    frame second;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 1, &second));
    answer_distribution(g, &second);
    is_over(c, threads);
    assert_story(c, "init 0; reply 2 OK; reply 1 RELEASED; reply 3 RELEASED; reply 4 RELEASED; reply 5 RELEASED; "
                    "closed");
}

static void release_in_the_callback_of_a_cancelled_request(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = releasing_client(*state, g, EVENT_REPLY);
    open_ready(c);
    for (int i = 0; i < 3; i++) ask(c, "1");
    assert_status(capdist_cancel(c->conn, 2), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_story(c, "init 0; reply 2 CANCELLED; reply 1 RELEASED; reply 3 RELEASED; closed");
}

static void release_in_on_disconnect(void **state) {
    for (int reconnect = 0; reconnect <= 1; reconnect++) {
        gateway *g = start_gateway(*state);
        gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_first_only);
        client *c = releasing_client(*state, g, EVENT_DISCONNECT);
        c->options.reconnect = reconnect;
        c->options.quota_requests = 3;
        open_ready(c);
        for (int i = 0; i < 4; i++) ask(c, "1");
        assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 3, PATIENCE_MS));
        assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
        gateway_close_stream(g, 0, false);
        assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
        /* The requests in flight had lost their stream before the release. The last one had not been sent. */
        assert_story(c, reconnect ? "init 0; reply 1 OK; disconnect 11/0; reply 2 DISCONNECTED; reply 3 DISCONNECTED; "
                                    "reply 4 RELEASED; closed"
                                  : "init 0; reply 1 OK; disconnect 11/0; reply 2 DISCONNECTED; reply 3 DISCONNECTED; "
                                    "reply 4 DISCONNECTED; closed");
    }
}

static void release_in_on_push(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = releasing_client(*state, g, EVENT_PUSH);
    open_ready(c);
    ask(c, "1");
    gateway_send(g, 0, NOTIFY, 0, "\x08\x00", 2);
    gateway_send(g, 0, NOTIFY, 0, "\x08\x00", 2);
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_story(c, "init 0; push 1003; reply 1 RELEASED; closed");
}

static void release_in_on_log(void **state) {
    client *c = new_client(*state, refused_port(*state));
    c->options.reconnect = 1;
    c->hook = release_on;
    c->context = (void *)(intptr_t)EVENT_LOG;
    open_client(c);
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_int_equal(count_of(c, EVENT_LOG), 1);
    assert_story(c, "closed");
}

static void release_the_other(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && capdist_release(c->other->conn) != CAPDIST_OK) abort();
}

static void release_in_another_connections_callback(void **state) {
    gateway *g = start_gateway(*state), *silent = start_gateway(*state);
    gateway_on(silent, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *other = ready_client(*state, silent->port);
    client *c = ready_client(*state, g->port);
    c->other = other;
    set_hook(c, release_the_other);
    int threads = thread_count() - !is_application_driven();
    ask(other, "1");
    ask(other, "2");
    ask(c, "1");
    is_over(other, threads);
    assert_story(other, "init 0; reply 1 RELEASED; reply 2 RELEASED; closed");
    assert_story(c, "init 0; reply 1 OK");
    set_hook(c, NULL);
    ask(c, "2");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
}

/* Two connections release each other in their callbacks at the same time. Neither waits for the other. */
static void release_each_other(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && e->status == CAPDIST_OK) capdist_release(c->other->conn);
}

static void answer_two_together(gateway *g, const frame *request) {
    int count = gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION);
    frame first;
    if (count % 2 || !gateway_frame(g, GET_CAPITAL_DISTRIBUTION, count - 2, &first)) return;
    answer_distribution(g, &first);
    answer_distribution(g, request);
}

static void connections_may_release_each_other(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_two_together);
    for (int round = 0; round < 10; round++) {
        client *a = ready_client(*state, g->port), *b = ready_client(*state, g->port);
        a->other = b, b->other = a;
        set_hook(a, release_each_other);
        set_hook(b, release_each_other);
        ask(a, "1");
        ask(b, "1");
        assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
        /* The first callback has released the other connection, or each has. */
        for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; sleep_ms(1)) {
            if (count_of(a, EVENT_CLOSED) + count_of(b, EVENT_CLOSED) > 0) break;
        }
        assert_true(count_of(a, EVENT_CLOSED) + count_of(b, EVENT_CLOSED) > 0);
    }
}

/* ---- while others wait ---- */

typedef struct waiter {
    client *client;
    capdist_status status;
    capdist_reply *reply;
} waiter;

static void *wait_until_ready(void *argument) {
    waiter *w = argument;
    w->status = capdist_wait_ready(w->client->conn, 10000);
    return NULL;
}

static void *fetch(void *argument) {
    waiter *w = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "1"};
    w->status = capdist_fetch_capital_distribution(w->client->conn, &security, NULL, &w->reply);
    return NULL;
}

static void release_ends_wait_ready(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    waiter w = {new_client(*state, g->port), -1, NULL};
    open_client(w.client);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_until_ready, &w), 0);
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    sleep_ms(50);
    int64_t start = now_ms();
    assert_status(capdist_release(w.client->conn), CAPDIST_OK);
    pthread_join(thread, NULL);
    assert_true(now_ms() - start < PROMPT_MS);
    assert_status(w.status, CAPDIST_RELEASED);
}

static void release_ends_a_fetch(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    waiter w = {ready_client(*state, g->port), -1, NULL};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fetch, &w), 0);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    int64_t start = now_ms();
    assert_status(capdist_release(w.client->conn), CAPDIST_OK);
    pthread_join(thread, NULL);
    assert_true(now_ms() - start < PROMPT_MS);
    assert_status(w.status, CAPDIST_RELEASED);
    assert_non_null(w.reply);
    assert_int_equal(w.reply->status, CAPDIST_RELEASED);
    assert_int_equal(w.reply->was_sent, 1);
    capdist_reply_free(w.reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(queued_and_sent_requests_complete_as_released),
        TEST(requests_before_the_connection_complete_as_released),
        TEST(release_waits_for_the_callback_that_runs),
        TEST(release_waits_for_nothing_else),
        TEST(nothing_runs_after_release),
        TEST(gateway_sees_the_stream_end),
        TEST(no_thread_or_descriptor_is_left),
        TEST(failed_calls_leave_nothing),
        TEST(release_in_on_init_connect),
        TEST(release_in_on_init_connect_with_requests_queued),
        TEST(release_in_a_failed_on_init_connect),
        TEST(release_in_the_requests_own_callback),
        TEST(release_in_the_callback_of_a_cancelled_request),
        TEST(release_in_on_disconnect),
        TEST(release_in_on_push),
        TEST(release_in_on_log),
        TEST(release_in_another_connections_callback),
        TEST(connections_may_release_each_other),
        TEST(release_ends_wait_ready),
        TEST(release_ends_a_fetch),
    };
    return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
