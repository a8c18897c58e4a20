/* The log about failed requests: a line for each, and a warning for many. */
#include "support.h"

static void refuse(gateway *g, const frame *request) {
    message response = {0};
    put_refusal(&response, -1, "unknown stock");
    gateway_reply(g, request, &response);
}

static void refuse_for_frequency(gateway *g, const frame *request) {
    message response = {0};
    put_refusal(&response, -1, "获取资金分布频率太高，请求失败，每30秒最多30次。");
    gateway_reply(g, request, &response);
}

static void answer_damaged(gateway *g, const frame *request) {
    gateway_send(g, request->stream, request->proto_id, request->serial_no, "\xff", 1);
}

static void many_failures_are_a_stream_each_and_one_warning(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, refuse);
    client *c = ready_client(*state, g->port);
    for (int i = 0; i < 200; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 200, PATIENCE_MS));
    assert_true(logged(c, CAPDIST_LOG_WARNING, "requests failed within"));
    assert_int_equal(count_logged(c, CAPDIST_LOG_DEBUG, "(HK.00700) failed: the gateway refused (retType -1): unknown stock"), 200);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "unknown stock. Check the securities"));
    /* Not again within a minute. */
    for (int i = 0; i < 20; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 220, PATIENCE_MS));
    sleep_ms(1500);
    assert_int_equal(count_logged(c, CAPDIST_LOG_WARNING, "requests failed within"), 1);
}

static void damaged_and_unanswered_ones_count(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_damaged);
    client *c = ready_client(*state, g->port);
    for (int i = 0; i < 5; i++) ask(c, "1");
    assert_true(logged(c, CAPDIST_LOG_WARNING, "(HK.1) failed: the answer is not valid protobuf"));
    assert_true(logged(c, CAPDIST_LOG_WARNING, "requests failed within"));
    assert_true(logged(c, CAPDIST_LOG_WARNING, "between here and OpenD change its answers?"));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *d = new_client(*state, g->port);
    d->options.reply_timeout_ms = 50;
    open_ready(d);
    for (int i = 0; i < 5; i++) ask(d, "1");
    assert_true(logged(d, CAPDIST_LOG_WARNING, "no answer within 50 ms of sending. Is OpenD frozen, or has it lost the vendor's servers?"));
    assert_int_equal(count_logged(d, CAPDIST_LOG_DEBUG, "no answer within 50 ms"), 5);
}

static void requests_are_named(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_GLOBAL_STATE, refuse);
    client *c = ready_client(*state, g->port);
    uint32_t serial_no = 0;
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, NULL, record_proto_reply, c, &serial_no), CAPDIST_OK);
    note_accepted(c, serial_no);
    assert_true(logged(c, CAPDIST_LOG_DEBUG, "request 1 (protocol 1002) failed: the gateway refused"));
    /* A market without a name is written like everywhere else. */
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, refuse);
    capdist_security unnamed = security_of("#999.X");
    assert_status(capdist_get_capital_distribution(c->conn, &unnamed, NULL, record_reply, c, &serial_no), CAPDIST_OK);
    note_accepted(c, serial_no);
    assert_true(logged(c, CAPDIST_LOG_DEBUG, "request 2 (#999.X) failed: the gateway refused"));
}

static void the_gate_is_one_line_each_time_it_closes(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, refuse_for_frequency);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 30;
    open_ready(c);
    for (int i = 0; i < 30; i++) ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_true(logged(c, CAPDIST_LOG_WARNING, "nothing is sent for"));
    sleep_ms(200);
    assert_int_equal(count_logged(c, CAPDIST_LOG_WARNING, "nothing is sent for"), 1);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "Another program, or this one before its restart, used the quota."));
    event reply = event_at(c, EVENT_REPLY, 0);
    assert_status(reply.status, CAPDIST_RATE_LIMITED);
    assert_non_null(strstr(reply.text, "Another program, or this one before its restart, used the quota."));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(many_failures_are_a_stream_each_and_one_warning),
        TEST(damaged_and_unanswered_ones_count),
        TEST(requests_are_named),
        TEST(the_gate_is_one_line_each_time_it_closes),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
