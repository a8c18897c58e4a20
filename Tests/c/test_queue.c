/* Requests that wait: their order, both timeouts, cancelling, and the longest queue. */
#include "support.h"

#include <stdlib.h>

static void requests_before_the_connection_are_sent_in_order(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    for (int i = 0; i < 50; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", i);
        assert_int_equal(ask(c, code), i + 1);
    }
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    frame request, earlier = {0};
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &earlier));
    accept_init_connect(g, &earlier);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 50, PATIENCE_MS));
    for (int i = 0; i < 50; i++) {
        char code[CAPDIST_CODE_SIZE];
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i, &request));
        assert_true(request.sound);
        assert_true(request.serial_no > earlier.serial_no); /* wire serial numbers must increase */
        requested_code(&request, code);
        assert_int_equal(atoi(code), i);
        earlier = request;
    }
    assert_true(wait_for(c, EVENT_REPLY, 50, PATIENCE_MS));
    for (int i = 0; i < 50; i++) assert_true(reply_to(c, (uint32_t)i + 1).in_big == i + 1);
}

/* ---- timeouts ---- */

static void reply_timeout_ends_a_sent_request(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.reply_timeout_ms = 300;
    open_ready(c);
    int64_t start = now_ms();
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    event e = event_at(c, EVENT_REPLY, 0);
    assert_int_equal(e.status, CAPDIST_REPLY_TIMEOUT);
    assert_int_equal(e.reply.was_sent, 1);
    assert_null(e.reply.distribution);
    assert_true(strlen(e.text) > 10);
    assert_in_range(e.at - start, 299, PROMPT_MS);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
}

static void requests_reply_timeout_overrides_the_connections(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.reply_timeout_ms = 500;
    open_ready(c);
    client *patient = new_client(*state, g->port);
    patient->options.reply_timeout_ms = 600000;
    open_ready(patient);
    capdist_request_options shorter = request_defaults(), longer = request_defaults();
    shorter.reply_timeout_ms = 100;
    longer.reply_timeout_ms = 900;
    int64_t start = now_ms();
    uint32_t last = ask_with(c, "1", &longer), middle = ask(c, "2"), first = ask_with(c, "3", &shorter);
    uint32_t soon = ask_with(patient, "1", &shorter);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    assert_true(wait_for(patient, EVENT_REPLY, 1, PATIENCE_MS));
    assert_in_range(reply_to(c, first).at - start, 99, PATIENCE_MS);
    assert_in_range(reply_to(c, middle).at - start, 499, PATIENCE_MS);
    assert_in_range(reply_to(c, last).at - start, 899, PATIENCE_MS);
    assert_int_equal(count_of_status(c, CAPDIST_REPLY_TIMEOUT), 3);
    assert_int_equal(reply_to(patient, soon).status, CAPDIST_REPLY_TIMEOUT);
}

static void late_answer_is_passed_over(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    capdist_request_options o = request_defaults();
    o.reply_timeout_ms = 50;
    uint32_t given_up = ask_with(c, "1", &o);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    frame request;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 0, &request));
    answer_distribution(g, &request);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    uint32_t next = ask(c, "5");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(reply_to(c, given_up).status, CAPDIST_REPLY_TIMEOUT);
    assert_int_equal(reply_to(c, next).status, CAPDIST_OK);
    assert_true(reply_to(c, next).in_big == 6);
    assert_int_equal(count_of(c, EVENT_PUSH), 0);
}

static void queue_timeout_ends_a_request_that_waits_for_the_connection(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.queue_timeout_ms = 200;
    open_client(c);
    int64_t start = now_ms();
    uint32_t by_default = ask(c, "1");
    capdist_request_options o = request_defaults();
    o.queue_timeout_ms = 600;
    uint32_t later = ask_with(c, "2", &o);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    event e = reply_to(c, by_default);
    assert_int_equal(e.status, CAPDIST_QUEUE_TIMEOUT);
    assert_int_equal(e.reply.was_sent, 0);
    assert_true(strlen(e.text) > 10);
    assert_in_range(e.at - start, 199, PROMPT_MS);
    assert_int_equal(reply_to(c, later).status, CAPDIST_QUEUE_TIMEOUT);
    assert_in_range(reply_to(c, later).at - start, 599, PATIENCE_MS);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
}

static void queue_timeout_ends_a_request_that_waits_for_the_quota(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 1;
    c->options.quota_window_ms = 60000;
    open_ready(c);
    capdist_request_options o = request_defaults();
    o.queue_timeout_ms = 150;
    ask(c, "1");
    uint32_t waiting = ask_with(c, "2", &o);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(reply_to(c, waiting).status, CAPDIST_QUEUE_TIMEOUT);
    assert_int_equal(reply_to(c, waiting).reply.was_sent, 0);
    assert_non_null(strstr(reply_to(c, waiting).text, "quota"));
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 1);
}

static void fetch_times_out_in_the_queue_and_for_the_reply(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    capdist_security security = security_of("HK.00700");
    capdist_request_options o = request_defaults();
    o.queue_timeout_ms = o.reply_timeout_ms = 150;
    capdist_reply *reply;
    int64_t start = now_ms();
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, &o, &reply), CAPDIST_QUEUE_TIMEOUT);
    assert_in_range(now_ms() - start, 149, PROMPT_MS);
    assert_non_null(reply);
    assert_int_equal(reply->status, CAPDIST_QUEUE_TIMEOUT);
    assert_int_equal(reply->was_sent, 0);
    assert_string_equal(reply->security.code, "00700");
    assert_string_equal(reply->ret_msg, "");
    assert_true(strlen(reply->desc) > 10);
    assert_true(!reply->distribution && !reply->body && reply->body_length == 0);
    capdist_reply_free(reply);
    frame request;
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &request));
    accept_init_connect(g, &request);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, &o, &reply), CAPDIST_REPLY_TIMEOUT);
    assert_non_null(reply);
    assert_int_equal(reply->was_sent, 1);
    capdist_reply_free(reply);
}

/* ---- cancelling ---- */

static void sent_request_is_cancelled(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = ready_client(*state, g->port);
    uint32_t first = ask(c, "1"), second = ask(c, "2");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
    assert_status(capdist_cancel(c->conn, first), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    event e = event_at(c, EVENT_REPLY, 0);
    assert_int_equal(e.serial_no, first);
    assert_int_equal(e.status, CAPDIST_CANCELLED);
    assert_int_equal(e.reply.was_sent, 1);
    assert_status(capdist_cancel(c->conn, first), CAPDIST_NOT_FOUND);
    frame request;
    for (int i = 0; i < 2; i++) {
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i, &request));
        answer_distribution(g, &request); /* the first comes too late */
    }
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(reply_to(c, second).status, CAPDIST_OK);
    assert_int_equal(count_of(c, EVENT_REPLY), 2);
}

static void queued_request_is_cancelled_and_never_sent(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    uint32_t first = ask(c, "1"), second = ask(c, "2"), third = ask(c, "3");
    assert_status(capdist_cancel(c->conn, second), CAPDIST_OK);
    assert_status(capdist_cancel(c->conn, second), CAPDIST_NOT_FOUND);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(reply_to(c, second).status, CAPDIST_CANCELLED);
    assert_int_equal(reply_to(c, second).reply.was_sent, 0);
    frame request;
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &request));
    accept_init_connect(g, &request);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    assert_int_equal(reply_to(c, first).status, CAPDIST_OK);
    assert_int_equal(reply_to(c, third).status, CAPDIST_OK);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 2);
}

static void request_that_waits_for_the_quota_is_cancelled(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 1;
    c->options.quota_window_ms = 60000;
    open_ready(c);
    ask(c, "1");
    uint32_t waiting = ask(c, "2");
    assert_status(capdist_cancel(c->conn, waiting), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(reply_to(c, waiting).status, CAPDIST_CANCELLED);
    assert_int_equal(reply_to(c, waiting).reply.was_sent, 0);
}

static void unknown_serial_numbers_are_not_found(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    assert_refused(capdist_cancel(c->conn, 1), CAPDIST_NOT_FOUND, "1");
    uint32_t serial_no = ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_refused(capdist_cancel(c->conn, serial_no), CAPDIST_NOT_FOUND, "completed");
    assert_status(capdist_cancel(c->conn, serial_no + 1), CAPDIST_NOT_FOUND);
    assert_status(capdist_cancel(c->conn, UINT32_MAX), CAPDIST_NOT_FOUND);
    assert_status(capdist_cancel(c->conn, 0), CAPDIST_NOT_FOUND);
    assert_story(c, "init 0; reply 1 OK");
}

/* Cancels while answers come. Whichever is first, each request completes once (teardown() counts). */
static void cancel_races_the_answer(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    int cancelled = 0;
    for (int i = 0; i < 500; i++) {
        uint32_t serial_no = ask(c, "1");
        for (volatile int spin = 0; spin < i * 20; spin++) {}
        capdist_status status = capdist_cancel(c->conn, serial_no);
        assert_true(status == CAPDIST_OK || status == CAPDIST_NOT_FOUND);
        cancelled += status == CAPDIST_OK;
    }
    assert_true(wait_for(c, EVENT_REPLY, 500, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_CANCELLED), cancelled);
    assert_int_equal(count_of_status(c, CAPDIST_OK), 500 - cancelled);
}

/* ---- the longest queue ---- */

static void queue_holds_max_queue_requests(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.max_queue = 3;
    open_ready(c);
    uint32_t first = ask(c, "1");
    ask(c, "2");
    ask(c, "3");
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no = 77;
    assert_refused(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no),
                   CAPDIST_QUEUE_FULL, "max_queue");
    assert_int_equal(serial_no, 0);
    capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_QUEUE_FULL);
    assert_null(reply);
    serial_no = 77;
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, NULL, record_proto_reply, c, &serial_no),
                  CAPDIST_QUEUE_FULL);
    assert_int_equal(serial_no, 0);
    assert_status(capdist_cancel(c->conn, first), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    ask(c, "4");
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, NULL),
                  CAPDIST_QUEUE_FULL);
    assert_int_equal(count_of(c, EVENT_REPLY), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_before_the_connection_are_sent_in_order),
        TEST(reply_timeout_ends_a_sent_request),
        TEST(requests_reply_timeout_overrides_the_connections),
        TEST(late_answer_is_passed_over),
        TEST(queue_timeout_ends_a_request_that_waits_for_the_connection),
        TEST(queue_timeout_ends_a_request_that_waits_for_the_quota),
        TEST(fetch_times_out_in_the_queue_and_for_the_reply),
        TEST(sent_request_is_cancelled),
        TEST(queued_request_is_cancelled_and_never_sent),
        TEST(request_that_waits_for_the_quota_is_cancelled),
        TEST(unknown_serial_numbers_are_not_found),
        TEST(cancel_races_the_answer),
        TEST(queue_holds_max_queue_requests),
    };
    return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
