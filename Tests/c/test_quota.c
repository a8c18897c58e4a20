/* The quota: waiting and failing, groups, capdist_quota, history, and the gateway's own rate limit. */
#include "support.h"

#include <stdlib.h>

static client *limited_client(fixture *f, int port, int requests, int window_ms) {
    client *c = new_client(f, port);
    c->options.quota_requests = requests;
    c->options.quota_window_ms = window_ms;
    return c;
}

static capdist_quota quota_of(client *c) {
    capdist_quota quota;
    assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
    assert_status(capdist_get_quota(c->conn, &quota), CAPDIST_OK);
    return quota;
}

/* ---- waiting ---- */

static void requests_wait_their_turn_and_are_never_refused(void **state) {
    client *c = limited_client(*state, start_simulator(*state, "--quota", "3/1", NULL), 3, 1000);
    open_ready(c);
    int64_t start = now_ms();
    for (int i = 0; i < 7; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    capdist_quota quota = quota_of(c);
    assert_int_equal(quota.limit, 3);
    assert_int_equal(quota.window_ms, 1000);
    assert_int_equal(quota.used, 3);
    assert_int_equal(quota.waiting, 4);
    assert_int_equal(quota.reserved, 0);
    assert_true(wait_for(c, EVENT_REPLY, 7, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 7);
    for (int i = 0; i < 7; i++) {
        int64_t at = event_at(c, EVENT_REPLY, i).at - start;
        assert_int_equal(event_at(c, EVENT_REPLY, i).serial_no, i + 1);
        assert_in_range(at, i / 3 * 1000, PATIENCE_MS);
    }
}

static void window_counts_from_the_answer(void **state) {
    client *c = limited_client(*state, start_simulator(*state, "--quota", "1/1", "--latency", "300", NULL), 1, 1000);
    open_ready(c);
    int64_t start = now_ms();
    ask(c, "00700");
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 2);
    /* 300 ms to the answer, a window, 300 ms to the second answer. */
    assert_in_range(event_at(c, EVENT_REPLY, 1).at - start, 1590, PATIENCE_MS);
}

static void fetch_waits_for_a_slot(void **state) {
    client *c = limited_client(*state, start_simulator(*state, "--quota", "1/1", NULL), 1, 1000);
    open_ready(c);
    capdist_security security = security_of("HK.00700");
    int64_t start = now_ms();
    for (int i = 0; i < 2; i++) {
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
        capdist_reply_free(reply);
    }
    assert_in_range(now_ms() - start, 1000, PATIENCE_MS);
}

static void what_needs_no_slot_does_not_wait(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_GLOBAL_STATE, answer_distribution);
    client *c = limited_client(*state, g->port, 1, 60000);
    open_ready(c);
    ask(c, "1");
    uint32_t waiting = ask(c, "2"), other;
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, NULL, record_proto_reply, c, &other),
                  CAPDIST_OK);
    note_accepted(c, other);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    assert_int_equal(count_of(c, EVENT_REPLY), 1);
    assert_int_equal(quota_of(c).waiting, 1);
    assert_status(capdist_cancel(c->conn, waiting), CAPDIST_OK);
}

static void limit_0_keeps_no_quota(void **state) {
    client *c = limited_client(*state, start_simulator(*state, "--no-quota", NULL), 0, 1000);
    open_ready(c);
    for (int i = 0; i < 100; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 100, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 100);
    capdist_quota quota = quota_of(c);
    assert_int_equal(quota.limit, 0);
    assert_int_equal(quota.used, 0);
    assert_int_equal(quota.waiting, 0);
    assert_int_equal(quota.next_slot_ms, 0);
}

/* ---- failing ---- */

static void fail_mode_refuses_without_a_callback(void **state) {
    gateway *g = start_gateway(*state);
    client *c = limited_client(*state, g->port, 2, 3000);
    c->options.quota_mode = CAPDIST_QUOTA_FAIL;
    open_ready(c);
    ask(c, "1");
    ask(c, "2");
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no = 77;
    assert_refused(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no),
                   CAPDIST_QUOTA_EXHAUSTED, "quota");
    assert_int_equal(serial_no, 0);
    capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_QUOTA_EXHAUSTED);
    assert_null(reply);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    capdist_quota quota = quota_of(c);
    assert_int_equal(quota.used, 2);
    assert_in_range(quota.next_slot_ms, 1, 3000);
    sleep_ms(quota.next_slot_ms + 1);
    uint32_t third = ask(c, "3");
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; reply 2 OK; reply 3 OK");
    assert_int_equal(third, 3);
}

static void request_may_choose_its_own_mode(void **state) {
    gateway *g = start_gateway(*state);
    client *c = limited_client(*state, g->port, 1, 400);
    open_ready(c);
    ask(c, "1");
    capdist_security security = security_of("HK.00700");
    capdist_request_options o = request_defaults();
    o.quota_mode = CAPDIST_QUOTA_FAIL;
    assert_status(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, NULL),
                  CAPDIST_QUOTA_EXHAUSTED);
    o.quota_mode = CAPDIST_QUOTA_WAIT;
    ask_with(c, "2", &o);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 2);

    client *d = limited_client(*state, g->port, 1, 400);
    d->options.quota_mode = CAPDIST_QUOTA_FAIL;
    open_ready(d);
    ask(d, "1");
    assert_status(capdist_get_capital_distribution(d->conn, &security, NULL, record_reply, d, NULL),
                  CAPDIST_QUOTA_EXHAUSTED);
    ask_with(d, "2", &o); /* waits, although its connection's mode is to fail */
    assert_true(wait_for(d, EVENT_REPLY, 2, PATIENCE_MS));
}

/* ---- slots ---- */

static void unanswered_request_keeps_its_slot(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = limited_client(*state, g->port, 1, 400);
    open_ready(c);
    ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    capdist_quota quota = quota_of(c);
    assert_int_equal(quota.used, 1);
    assert_int_equal(quota.next_slot_ms, -1); /* not known before the answer */
    assert_status(capdist_cancel(c->conn, 1), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(quota_of(c).used, 1); /* given up, but the gateway has counted it */
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    gateway_on(g, GET_GLOBAL_STATE, answer_distribution);
    frame late;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 0, &late));
    sleep_ms(600); /* more than a window: still held, since no later frame was answered */
    assert_int_equal(quota_of(c).used, 1);
    int64_t start = now_ms();
    answer_distribution(g, &late);
    ask(c, "2");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_in_range(now_ms() - start, 395, PATIENCE_MS);
}

static void cancelled_request_that_was_not_sent_gives_its_slot_back(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = limited_client(*state, g->port, 1, 60000);
    c->options.quota_mode = CAPDIST_QUOTA_FAIL;
    open_client(c);
    uint32_t first = ask(c, "1");
    capdist_security security = security_of("HK.00700");
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, NULL),
                  CAPDIST_QUOTA_EXHAUSTED);
    assert_int_equal(quota_of(c).used, 1);
    assert_status(capdist_cancel(c->conn, first), CAPDIST_OK);
    assert_int_equal(quota_of(c).used, 0);
    assert_int_equal(quota_of(c).next_slot_ms, 0);
    ask(c, "2");
}

/* ---- groups ---- */

static void dawdle(client *c, const event *e) {
    if (e->kind == EVENT_PUSH) sleep_ms(*(int *)c->context);
}

static void *release_it(void *argument) {
    client *c = argument;
    capdist_release(c->conn);
    return NULL;
}

/* Until then the gateway may read and count the request: the connection stays open while a callback runs. */
static void slot_of_a_released_connection_is_free_a_window_after_its_line_is_closed(void **state) {
    int busy_ms = 500;
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = limited_client(*state, g->port, 1, 300), *b = limited_client(*state, g->port, 1, 300);
    b->options.quota_group = a->options.quota_group;
    a->hook = dawdle;
    a->context = &busy_ms;
    open_ready(a);
    open_ready(b);
    ask(a, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    gateway_send(g, 0, NOTIFY, 0, NULL, 0);
    assert_true(wait_for(a, EVENT_PUSH, 1, PATIENCE_MS));
    int64_t start = event_at(a, EVENT_PUSH, 0).at;
    pthread_t releasing;
    assert_int_equal(pthread_create(&releasing, NULL, release_it, a), 0);
    ask(b, "2");
    bool sent = gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS);
    pthread_join(releasing, NULL);
    frame second;
    assert_true(sent && gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 1, &second));
    assert_in_range(second.at - start, busy_ms + 295, PATIENCE_MS);
}

static void connections_of_one_group_share_their_slots(void **state) {
    int port = start_simulator(*state, "--quota", "4/3", NULL);
    client *a = limited_client(*state, port, 4, 3000), *b = limited_client(*state, port, 4, 3000);
    client *other = limited_client(*state, start_simulator(*state, "--quota", "4/3", NULL), 4, 3000);
    b->options.quota_group = a->options.quota_group;
    open_ready(a);
    open_ready(b);
    open_ready(other);
    int64_t start = now_ms();
    for (int i = 0; i < 3; i++) ask(a, "00700");
    for (int i = 0; i < 3; i++) ask(b, "00700");
    for (int i = 0; i < 4; i++) ask(other, "00700");
    /* The first request is sent alone. When it is answered, the others follow. */
    while (count_of(a, EVENT_REPLY) + count_of(b, EVENT_REPLY) < 4 && now_ms() - start < 900) sleep_ms(1);
    while (count_of(other, EVENT_REPLY) < 4 && now_ms() - start < 1800) sleep_ms(1);
    assert_int_equal(quota_of(a).used, 4);
    assert_int_equal(quota_of(b).used, 4);
    assert_int_equal(quota_of(a).waiting, 2);
    /* Another group's waiting requests do not make it wait. */
    assert_int_equal(quota_of(other).used, 4);
    assert_int_equal(quota_of(other).waiting, 0);
    assert_true(wait_for(other, EVENT_REPLY, 4, PATIENCE_MS));
    assert_true(wait_for(a, EVENT_REPLY, 3, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 3, PATIENCE_MS));
    assert_in_range(now_ms() - start, 3000, PATIENCE_MS);
    assert_int_equal(count_of_status(a, CAPDIST_OK) + count_of_status(b, CAPDIST_OK), 6);
}

static void hosts_loopback_names_are_one_group_by_default(void **state) {
    gateway *v4 = start_gateway(*state), *v6 = start_gateway_at(*state, "::1");
    static const char *const hosts[] = {"127.0.0.1", "localhost", "LOCALHOST", "::1", "127.0.0.2"};
    client *clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = limited_client(*state, i == 3 ? v6->port : v4->port, 7, 1234);
        clients[i]->options.host = hosts[i];
        clients[i]->options.quota_group = NULL;
        open_ready(clients[i]);
    }
    ask(clients[0], "1");
    ask(clients[3], "1");
    assert_true(wait_for(clients[0], EVENT_REPLY, 1, PATIENCE_MS) && wait_for(clients[3], EVENT_REPLY, 1, PATIENCE_MS));
    for (int i = 0; i < 4; i++) assert_int_equal(quota_of(clients[i]).used, 2);
    client *c = limited_client(*state, v4->port, 8, 1234);
    c->options.host = hosts[4];
    c->options.quota_group = NULL;
    capdist_conn *conn;
    assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_QUOTA_CONFLICT);
}

static void other_figures_in_a_group_are_a_conflict(void **state) {
    gateway *g = start_gateway(*state);
    client *a = limited_client(*state, g->port, 5, 1000);
    open_ready(a);
    static const struct {
        int requests, window_ms;
    } others[] = {{6, 1000}, {5, 1001}, {0, 1000}};
    for (size_t i = 0; i < COUNT(others); i++) {
        client *b = limited_client(*state, g->port, others[i].requests, others[i].window_ms);
        b->options.quota_group = a->options.quota_group;
        capdist_conn *conn = (capdist_conn *)(uintptr_t)0xa5;
        assert_refused(capdist_init_connect(&b->options, &conn), CAPDIST_QUOTA_CONFLICT, "quota_group");
        assert_null(conn);
    }
    client *same = limited_client(*state, g->port, 5, 1000);
    same->options.quota_group = a->options.quota_group;
    open_ready(same);
    /* Once no connection uses the group, it may have another limit and window. */
    assert_status(capdist_release(a->conn), CAPDIST_OK);
    assert_status(capdist_release(same->conn), CAPDIST_OK);
    client *b = limited_client(*state, g->port, 6, 1000);
    b->options.quota_group = a->options.quota_group;
    open_ready(b);
}

static void history_outlives_its_connections(void **state) {
    int port = start_simulator(*state, "--quota", "2/3", NULL);
    client *a = limited_client(*state, port, 2, 3000);
    open_ready(a);
    int64_t start = now_ms();
    ask(a, "00700");
    ask(a, "00700");
    assert_true(wait_for(a, EVENT_REPLY, 2, PATIENCE_MS));
    assert_status(capdist_release(a->conn), CAPDIST_OK);
    client *b = limited_client(*state, port, 2, 3000);
    b->options.quota_group = a->options.quota_group;
    open_ready(b);
    assert_int_equal(quota_of(b).used, 2);
    ask(b, "00700");
    assert_true(wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(b, EVENT_REPLY, 0).status, CAPDIST_OK);
    assert_in_range(event_at(b, EVENT_REPLY, 0).at - start, 2995, PATIENCE_MS);
}

/* ---- the gateway's rate limit ---- */

static void refusal_for_frequency_closes_the_gate(void **state) {
    client *c = limited_client(*state, start_simulator(*state, "--quota", "2/3", NULL), 5, 500);
    open_ready(c);
    int64_t start = now_ms();
    for (int i = 0; i < 3; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    event refused = reply_to(c, 3);
    assert_int_equal(refused.status, CAPDIST_RATE_LIMITED);
    assert_int_equal(refused.reply.was_sent, 1);
    assert_int_equal(refused.reply.ret_type, -1);
    assert_in_range(refused.reply.retry_after_ms, 2900, 3001);
    assert_true(strlen(refused.text) > 10);
    assert_true(logged(c, CAPDIST_LOG_WARNING, ""));
    uint32_t held = ask(c, "00700");
    assert_in_range(quota_of(c).next_slot_ms, 1, 3001);
    assert_true(wait_for(c, EVENT_REPLY, 4, PATIENCE_MS));
    assert_int_equal(reply_to(c, held).status, CAPDIST_OK);
    assert_in_range(reply_to(c, held).at - start, 2990, PATIENCE_MS);
}

/* "Requests are too frequent", without a number. */
static void refuse_without_a_number(gateway *g, const frame *request) {
    message body = {0};
    put_refusal(&body, -1, "\xe8\xaf\xb7\xe6\xb1\x82\xe9\xa2\x91\xe7\x8e\x87\xe5\xa4\xaa\xe9\xab\x98");
    gateway_reply(g, request, &body);
}

static void refusal_without_a_number_means_a_window(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, refuse_without_a_number);
    client *c = limited_client(*state, g->port, 5, 9000);
    open_ready(c);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_RATE_LIMITED);
    assert_in_range(reply->retry_after_ms, 8900, 9001);
    assert_string_equal(reply->ret_msg, "\xe8\xaf\xb7\xe6\xb1\x82\xe9\xa2\x91\xe7\x8e\x87\xe5\xa4\xaa\xe9\xab\x98");
    assert_null(reply->distribution);
    capdist_reply_free(reply);
    /* In fail mode the call is refused at once while the gate is closed. */
    capdist_request_options o = request_defaults();
    o.quota_mode = CAPDIST_QUOTA_FAIL;
    assert_status(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, NULL),
                  CAPDIST_QUOTA_EXHAUSTED);
}

/* A slot that was taken before the connection was established does not pass a gate that closed meanwhile. */
static void fail_mode_does_not_wait_for_a_gate(void **state) {
    gateway *refusing = start_gateway(*state), *away = start_gateway(*state);
    gateway_on(refusing, GET_CAPITAL_DISTRIBUTION, refuse_without_a_number);
    gateway_go_down(away);
    client *a = limited_client(*state, refusing->port, 5, 15000), *b = limited_client(*state, away->port, 5, 15000);
    b->options.quota_group = a->options.quota_group;
    b->options.reconnect = 1;
    b->options.reconnect_min_ms = 20;
    b->options.reconnect_max_ms = 50;
    open_ready(a);
    assert_status(capdist_init_connect(&b->options, &b->conn), CAPDIST_OK);
    capdist_security security = security_of("HK.00700");
    capdist_request_options o = request_defaults();
    o.quota_mode = CAPDIST_QUOTA_FAIL;
    uint32_t early;
    assert_status(capdist_get_capital_distribution(b->conn, &security, &o, record_reply, b, &early), CAPDIST_OK);
    assert_int_equal(quota_of(a).used, 1);
    ask(a, "00700");
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_come_back(away);
    assert_true(wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    event refused = reply_to(b, early);
    assert_int_equal(refused.status, CAPDIST_RATE_LIMITED);
    assert_int_equal(refused.reply.was_sent, 0);
    assert_in_range(refused.reply.retry_after_ms, 100, 15001);
    assert_int_equal(gateway_frame_count(away, GET_CAPITAL_DISTRIBUTION), 0);
    assert_int_equal(quota_of(a).used, 1); /* the other request has returned its slot */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_wait_their_turn_and_are_never_refused),
        TEST(window_counts_from_the_answer),
        TEST(fetch_waits_for_a_slot),
        TEST(what_needs_no_slot_does_not_wait),
        TEST(limit_0_keeps_no_quota),
        TEST(fail_mode_refuses_without_a_callback),
        TEST(request_may_choose_its_own_mode),
        TEST(unanswered_request_keeps_its_slot),
        TEST(cancelled_request_that_was_not_sent_gives_its_slot_back),
        TEST(slot_of_a_released_connection_is_free_a_window_after_its_line_is_closed),
        TEST(connections_of_one_group_share_their_slots),
        TEST(hosts_loopback_names_are_one_group_by_default),
        TEST(other_figures_in_a_group_are_a_conflict),
        TEST(history_outlives_its_connections),
        TEST(refusal_for_frequency_closes_the_gate),
        TEST(refusal_without_a_number_means_a_window),
        TEST(fail_mode_does_not_wait_for_a_gate),
    };
    return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
