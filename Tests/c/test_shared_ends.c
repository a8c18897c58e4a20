/* Shared answers (max_age_ms): how requests end that wait for another one's answer. */
#include "shared_answers.h"

#include <stdatomic.h>

/* ---- how the one in flight ends ---- */

static void if_the_one_in_flight_is_lost_the_next_is_sent(void **state) {
    client *a, *b;
    gateway *g = two_clients(*state, &a, &b);
    uint32_t lost = ask_shared(a, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    uint32_t next = ask_shared(b, "700", MINUTE), last = ask_shared(b, "700", MINUTE);
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(a, lost).status, CAPDIST_DISCONNECTED);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    is_sent(b, next, 701);
    is_shared(b, last, 701);
    assert_int_equal(asked(g), 2);
}

static void if_the_one_in_flight_times_out_the_next_is_sent(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = sharing_client(*state, g->port, 30, NULL);
    open_ready(c);
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    o.reply_timeout_ms = 200;
    uint32_t late = ask_with(c, "700", &o);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    uint32_t next = ask_shared(c, "700", MINUTE);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_status(reply_to(c, late).status, CAPDIST_REPLY_TIMEOUT);
    is_sent(c, next, 701);
}

static void refuse_the_stock(gateway *g, const frame *request) {
    message body = {0};
    put_refusal(&body, -1, "\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8");
    gateway_reply(g, request, &body);
}

static void a_refusal_is_shared_and_not_kept(void **state) {
    client *a, *b;
    gateway *g = two_clients(*state, &a, &b);
    uint32_t sent = ask_shared(a, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    pthread_t thread;
    __atomic_store_n(&fetching, 0, __ATOMIC_RELEASE);
    assert_int_equal(pthread_create(&thread, NULL, fetch_shared, b), 0);
    uint32_t joined = ask_shared(b, "700", MINUTE);
    assert_true(comes_to_be_fetching());
    answer_now(g, 0, refuse_the_stock);
    void *result;
    pthread_join(thread, &result);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    event first = reply_to(a, sent), second = reply_to(b, joined);
    assert_status(first.status, CAPDIST_REFUSED);
    assert_status(second.status, CAPDIST_REFUSED);
    assert_string_equal(first.text, second.text);
    assert_int_equal(first.reply.was_sent, 1);
    assert_int_equal(second.reply.was_sent, 0);
    assert_int_equal(second.reply.from_cache, 1);
    assert_int_equal(second.reply.ret_type, -1);
    assert_int_equal(second.reply.retry, CAPDIST_RETRY_NEVER);
    assert_int_equal(second.reply.body_length, first.reply.body_length);
    capdist_reply *fetched = result;
    assert_status(fetched->status, CAPDIST_REFUSED);
    assert_string_equal(fetched->ret_msg, "\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8");
    capdist_reply_free(fetched);
    assert_int_equal(asked(g), 1);
    /* Who asks now is told by the gateway itself. */
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    uint32_t later = ask_shared(b, "700", MINUTE);
    assert_true(wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    is_sent(b, later, 701);
}

static void cancelling_one_leaves_the_others(void **state) {
    client *a, *b;
    gateway *g = two_clients(*state, &a, &b);
    uint32_t first = ask_shared(a, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    uint32_t joined = ask_shared(b, "700", MINUTE), other = ask_shared(b, "700", MINUTE);
    assert_status(capdist_cancel(b->conn, joined), CAPDIST_OK);
    assert_true(wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(b, joined).status, CAPDIST_CANCELLED);
    assert_int_equal(reply_to(b, joined).reply.was_sent, 0);
    assert_int_equal(asked(g), 1);
    /* The one in flight is cancelled: the other one is sent. */
    assert_status(capdist_cancel(a->conn, first), CAPDIST_OK);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    is_sent(b, other, 701);
    assert_int_equal(quota_of(b).used, 2);
}

static void one_that_waits_times_out_and_says_why(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = sharing_client(*state, g->port, 30, NULL);
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    o.queue_timeout_ms = 30;
    uint32_t joined = ask_with(c, "700", &o);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(c, joined).status, CAPDIST_QUEUE_TIMEOUT);
    assert_non_null(strstr(reply_to(c, joined).text, "another request for the same security"));
    assert_int_equal(asked(g), 1);
}

/* ---- release ---- */

static void release_the_other(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && c->other) capdist_release(c->other->conn);
}

static void release_itself(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && e->status == CAPDIST_OK) capdist_release(c->conn);
}

static void releases_inside_callbacks(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a),
           *c = sharing_client(*state, g->port, 30, a);
    a->other = b;
    a->hook = release_the_other;
    c->hook = release_itself;
    open_ready(a);
    open_ready(b);
    open_ready(c);
    ask_shared(a, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    for (int i = 0; i < 10; i++) ask_shared(b, "700", MINUTE);
    for (int i = 0; i < 10; i++) ask_shared(c, "700", MINUTE);
    answer_now(g, 0, answer_distribution);
    /* b's are answered or released, and c's first is answered, the rest answered or released: each once (teardown). */
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    assert_true(wait_for(b, EVENT_REPLY, 10, PATIENCE_MS) && wait_for(c, EVENT_REPLY, 10, PATIENCE_MS));
    assert_int_equal(count_of_status(b, CAPDIST_OK) + count_of_status(b, CAPDIST_RELEASED), 10);
    assert_int_equal(count_of_status(c, CAPDIST_OK) + count_of_status(c, CAPDIST_RELEASED), 10);
    assert_int_equal(asked(g), 1);
}

/* The last callback looks at it when the test may be over. */
static atomic_int left;

static void ask_again(client *c, const event *e) {
    if (e->kind != EVENT_REPLY || atomic_fetch_sub(&left, 1) <= 0) return;
    capdist_security security = {CAPDIST_MARKET_HK, "700"};
    capdist_request_options o;
    capdist_request_options_init(&o, sizeof o);
    o.max_age_ms = MINUTE;
    uint32_t serial_no;
    /* No assertion off the main thread. */
    if (capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, &serial_no) == CAPDIST_OK) {
        note_accepted(c, serial_no);
    }
}

static void asked_in_a_callback(void **state) {
    gateway *g = start_gateway(*state);
    client *c = sharing_client(*state, g->port, 30, NULL);
    atomic_store(&left, 100);
    c->hook = ask_again;
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 101, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 101);
    assert_int_equal(asked(g), 1);
}

static atomic_bool may_go_on;

static void dawdle(client *c, const event *e) {
    (void)c;
    for (int i = 0; e->kind == EVENT_PUSH && i < PATIENCE_MS && !atomic_load(&may_go_on); i++) sleep_ms(1);
}

/* The answer lies there unread. Another connection does not wait for it beyond its reply timeout. */
static void a_slow_callback_holds_up_its_own_connection_only(void **state) {
    use_threads(true);
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    atomic_store(&may_go_on, false);
    a->hook = dawdle;
    open_ready(a);
    open_ready(b);
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    o.reply_timeout_ms = 500;
    uint32_t sent = ask_with(a, "700", &o);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    gateway_send(g, 0, NOTIFY, 0, NULL, 0);
    assert_true(wait_for(a, EVENT_PUSH, 1, PATIENCE_MS));
    uint32_t joined = ask_shared(b, "700", MINUTE);
    answer_now(g, 0, answer_distribution);
    answer_now(g, 1, answer_distribution);
    bool is_answered = wait_for(b, EVENT_REPLY, 1, PATIENCE_MS);
    atomic_store(&may_go_on, true);
    assert_true(is_answered);
    is_sent(b, joined, 701);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(reply_to(a, sent).serial_no, sent);
}

/* ---- modes ---- */

/* A client that must not wait for a slot. Its first request is in flight and has the only one. */
static client *fail_mode_client(void *state, gateway **g, uint32_t *first) {
    *g = start_gateway(state);
    gateway_on(*g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = sharing_client(state, (*g)->port, 1, NULL);
    c->options.quota_mode = CAPDIST_QUOTA_FAIL;
    open_ready(c);
    *first = ask_shared(c, "700", MINUTE);
    assert_true(gateway_wait(*g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    return c;
}

static void fail_mode_takes_what_needs_no_slot(void **state) {
    gateway *g;
    uint32_t first;
    client *c = fail_mode_client(*state, &g, &first);
    uint32_t joined = ask_shared(c, "700", MINUTE);
    capdist_security other = security_of("HK.701");
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    assert_status(capdist_get_capital_distribution(c->conn, &other, &o, record_reply, c, NULL), CAPDIST_QUOTA_EXHAUSTED);
    answer_now(g, 0, answer_distribution);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    uint32_t fresh = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    is_sent(c, first, 701);
    is_shared(c, joined, 701);
    is_shared(c, fresh, 701);
}

static void fail_mode_ends_when_the_one_in_flight_does(void **state) {
    gateway *g;
    uint32_t first;
    client *c = fail_mode_client(*state, &g, &first);
    uint32_t joined = ask_shared(c, "700", MINUTE);
    assert_status(capdist_cancel(c->conn, first), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    event e = reply_to(c, joined);
    assert_status(e.status, CAPDIST_QUOTA_EXHAUSTED);
    assert_int_equal(e.reply.was_sent, 0);
    assert_int_equal(e.reply.retry, CAPDIST_RETRY_LATER);
    assert_true(strlen(e.text) > 10);
}

static void in_an_outage_fresh_answers_are_given(void **state) {
    gateway *g = start_gateway(*state);
    client *c = sharing_client(*state, g->port, 30, NULL);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 20;
    c->options.reconnect_max_ms = 40;
    c->options.outage_mode = CAPDIST_OUTAGE_FAIL;
    c->options.on_attempt_failed = record_attempt_failed;
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_go_down(g);
    assert_true(wait_for(c, EVENT_ATTEMPT_FAILED, 1, PATIENCE_MS));
    uint32_t fresh = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    is_shared(c, fresh, 701);
    capdist_security security = security_of("HK.701");
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    assert_status(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, NULL),
                  CAPDIST_CONNECT_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(if_the_one_in_flight_is_lost_the_next_is_sent),
        TEST(if_the_one_in_flight_times_out_the_next_is_sent),
        TEST(a_refusal_is_shared_and_not_kept),
        TEST(cancelling_one_leaves_the_others),
        TEST(one_that_waits_times_out_and_says_why),
        TEST(releases_inside_callbacks),
        TEST(asked_in_a_callback),
        TEST(a_slow_callback_holds_up_its_own_connection_only),
        TEST(fail_mode_takes_what_needs_no_slot),
        TEST(fail_mode_ends_when_the_one_in_flight_does),
        TEST(in_an_outage_fresh_answers_are_given),
    };
    return cmocka_run_group_tests_name("shared ends", tests, NULL, NULL);
}
