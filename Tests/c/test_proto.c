/* capdist_send_proto(): raw requests. */
#include "support.h"

#include <stdlib.h>

/* Keeps the reply's body in the client's context. */
static void keep_body(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply, void *user_data) {
    client *c = user_data;
    message *m = c->context;
    m->length = reply->body_length;
    if (reply->body_length <= sizeof m->bytes && reply->body) memcpy(m->bytes, reply->body, reply->body_length);
    record_proto_reply(conn, serial_no, reply, c);
}

static uint32_t send_raw(client *c, uint32_t proto_id, const void *body, size_t length) {
    uint32_t serial_no = 0;
    assert_status(capdist_send_proto(c->conn, proto_id, body, length, NULL, c->context ? keep_body : record_proto_reply,
                                     c, &serial_no),
                  CAPDIST_OK);
    assert_int_not_equal(serial_no, 0);
    note_accepted(c, serial_no);
    return serial_no;
}

static void global_state_comes_from_the_simulator(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    message body = {0};
    c->context = &body;
    uint32_t serial_no = send_raw(c, GET_GLOBAL_STATE, "\x0a\x02\x08\x00", 4);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    event e = reply_to(c, serial_no);
    assert_int_equal(e.status, CAPDIST_OK);
    assert_int_equal(e.proto_id, GET_GLOBAL_STATE);
    assert_int_equal(e.reply.serial_no, serial_no);
    assert_int_equal(e.reply.was_sent, 1);
    assert_int_equal(e.reply.present, CAPDIST_HAS_RETRY | CAPDIST_HAS_RET_TYPE);
    assert_int_equal(e.reply.ret_type, 0);
    assert_string_equal(e.text, "");
    const uint8_t *s2c;
    size_t length;
    int64_t number;
    assert_true(find_field(body.bytes, body.length, 4, NULL, &s2c, &length));
    for (int field = 1; field <= 10; field++) assert_true(find_field(s2c, length, field, &number, NULL, NULL));
    assert_true(number > 1600000000); /* field 10: the time */
}

static void distribution_can_be_asked_raw(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    message body = {0};
    c->context = &body;
    send_raw(c, GET_CAPITAL_DISTRIBUTION, "\x0a\x0b\x0a\x09\x08\x01\x12\x05" "00700", 13);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_PROTO_REPLY, 0).status, CAPDIST_OK);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
    assert_int_equal(reply->body_length, body.length);
    assert_memory_equal(reply->body, body.bytes, body.length);
    capdist_reply_free(reply);
}

static void distribution_asked_raw_passes_the_quota(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 1;
    c->options.quota_window_ms = 400;
    open_ready(c);
    int64_t start = now_ms();
    ask(c, "1");
    capdist_request_options o = request_defaults();
    o.quota_mode = CAPDIST_QUOTA_FAIL;
    uint32_t serial_no = 77;
    assert_status(capdist_send_proto(c->conn, GET_CAPITAL_DISTRIBUTION, "", 0, &o, record_proto_reply, c, &serial_no),
                  CAPDIST_QUOTA_EXHAUSTED);
    assert_int_equal(serial_no, 0);
    serial_no = send_raw(c, GET_CAPITAL_DISTRIBUTION, "", 0);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    event second = reply_to(c, serial_no);
    assert_int_equal(second.status, CAPDIST_OK);
    assert_in_range(second.at - start, 395, PATIENCE_MS);
}

static void refuse_for_frequency(gateway *g, const frame *request) {
    message body = {0};
    put_refusal(&body, -1, "\xe9\xa2\x91\xe7\x8e\x87\xe5\xa4\xaa\xe9\xab\x98\xef\xbc\x8c\xe6\xaf\x8f" "2"
                           "\xe7\xa7\x92\xe6\x9c\x80\xe5\xa4\x9a" "5" "\xe6\xac\xa1"); /* at most 5 in 2 s */
    gateway_reply(g, request, &body);
}

static void refusal_for_frequency_of_a_raw_request_is_recognised(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, refuse_for_frequency);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 5;
    open_ready(c);
    send_raw(c, GET_CAPITAL_DISTRIBUTION, "", 0);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    event e = event_at(c, EVENT_PROTO_REPLY, 0);
    assert_int_equal(e.status, CAPDIST_RATE_LIMITED);
    assert_in_range(e.reply.retry_after_ms, 1900, 2001);
}

static void echo(gateway *g, const frame *request) {
    gateway_send(g, request->stream, request->proto_id, request->serial_no, request->body, request->length);
}

static void bodies_go_and_come_as_they_are(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, 3004, echo);
    client *c = ready_client(*state, g->port);
    static const char *const bodies[] = {"", "\x0a\x00", "\xff\xff\xff\xff", "text"};
    static const size_t lengths[] = {0, 2, 4, 4};
    for (size_t i = 0; i < COUNT(bodies); i++) {
        message back = {.length = 99};
        c->context = &back;
        send_raw(c, 3004, i == 0 ? NULL : bodies[i], lengths[i]);
        assert_true(wait_for(c, EVENT_PROTO_REPLY, (int)i + 1, PATIENCE_MS));
        event e = event_at(c, EVENT_PROTO_REPLY, (int)i);
        assert_int_equal(e.status, CAPDIST_OK); /* also for a body without a retType, or that is not protobuf */
        assert_int_equal(e.reply.present, CAPDIST_HAS_RETRY);
        assert_int_equal(e.reply.ret_type, 0);
        assert_int_equal(back.length, lengths[i]);
        assert_memory_equal(back.bytes, bodies[i], lengths[i]);
        frame f;
        assert_true(gateway_frame(g, 3004, (int)i, &f));
        assert_true(f.sound);
        assert_int_equal(f.length, lengths[i]);
    }
}

static void body_is_copied(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    char body[] = "original";
    send_raw(c, 3004, body, 8);
    memset(body, '#', 8);
    frame f;
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &f));
    accept_init_connect(g, &f);
    assert_true(gateway_wait(g, 3004, 1, PATIENCE_MS));
    assert_true(gateway_frame(g, 3004, 0, &f));
    assert_memory_equal(f.body, "original", 8);
}

static void refuse_raw(gateway *g, const frame *request) {
    message body = {0};
    put_refusal(&body, -1, "no");
    gateway_reply(g, request, &body);
}

static void refusal_of_a_raw_request_is_told(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, 3004, refuse_raw);
    client *c = ready_client(*state, g->port);
    message body = {0}, expected = {0};
    put_refusal(&expected, -1, "no");
    c->context = &body;
    send_raw(c, 3004, "", 0);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    event e = event_at(c, EVENT_PROTO_REPLY, 0);
    assert_int_equal(e.status, CAPDIST_REFUSED);
    assert_int_equal(e.reply.present, CAPDIST_HAS_RETRY | CAPDIST_HAS_RET_TYPE);
    assert_int_equal(e.reply.ret_type, -1);
    assert_non_null(strstr(e.text, "no"));
    assert_int_equal(body.length, expected.length);
    assert_memory_equal(body.bytes, expected.bytes, expected.length);
}

static void answer_with_wrong_sha1(gateway *g, const frame *request) {
    uint8_t bytes[HEADER_SIZE + 2];
    size_t length = pack_frame(bytes, request->proto_id, request->serial_no, "\x08\x00", 2);
    bytes[20] ^= 1;
    gateway_send_raw(g, request->stream, bytes, length);
}

static void wrong_sha1_of_a_raw_answer_is_malformed(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, 3004, answer_with_wrong_sha1);
    client *c = ready_client(*state, g->port);
    send_raw(c, 3004, "", 0);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_PROTO_REPLY, 0).status, CAPDIST_MALFORMED_REPLY);
    gateway_on(g, 3004, echo);
    send_raw(c, 3004, "", 0);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 2, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_PROTO_REPLY, 1).status, CAPDIST_OK);
}

static void the_librarys_own_protocols_are_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const uint32_t own[] = {INIT_CONNECT, KEEP_ALIVE};
    for (size_t i = 0; i < COUNT(own); i++) {
        uint32_t serial_no = 77;
        assert_refused(capdist_send_proto(c->conn, own[i], "", 0, NULL, record_proto_reply, c, &serial_no),
                       CAPDIST_INVALID_ARGUMENT, "proto_id");
        assert_int_equal(serial_no, 0);
    }
    assert_int_equal(gateway_frame_count(g, INIT_CONNECT), 1);
    assert_int_equal(gateway_frame_count(g, KEEP_ALIVE), 0);
}

static void body_above_the_limit_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, 3004, echo);
    client *c = new_client(*state, g->port);
    c->options.max_body_bytes = 2048;
    open_ready(c);
    static uint8_t body[2049];
    static const size_t lengths[] = {2049, (size_t)1 << 32, SIZE_MAX, SIZE_MAX / 2 + 1};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        uint32_t serial_no = 77;
        assert_refused(capdist_send_proto(c->conn, 3004, body, lengths[i], NULL, record_proto_reply, c, &serial_no),
                       CAPDIST_INVALID_ARGUMENT, "max_body_bytes");
        assert_int_equal(serial_no, 0);
    }
    capdist_request_options o = request_defaults();
    o.reply_timeout_ms = 100;
    uint32_t serial_no;
    assert_status(capdist_send_proto(c->conn, 3005, body, 2048, &o, record_proto_reply, c, &serial_no), CAPDIST_OK);
    note_accepted(c, serial_no);
    assert_true(gateway_wait(g, 3005, 1, PATIENCE_MS));
    frame f;
    assert_true(gateway_frame(g, 3005, 0, &f));
    assert_true(f.sound && f.length == 2048);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_PROTO_REPLY, 0).status, CAPDIST_REPLY_TIMEOUT);
}

static void raw_requests_end_like_others(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    open_ready(c);
    capdist_request_options o = request_defaults();
    o.reply_timeout_ms = 60;
    uint32_t timed_out;
    assert_status(capdist_send_proto(c->conn, 3004, "", 0, &o, record_proto_reply, c, &timed_out), CAPDIST_OK);
    note_accepted(c, timed_out);
    uint32_t cancelled = send_raw(c, 3004, "", 0), lost = send_raw(c, 3004, "abc", 3);
    assert_true(gateway_wait(g, 3004, 3, PATIENCE_MS));
    assert_status(capdist_cancel(c->conn, cancelled), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 2, PATIENCE_MS));
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 3, PATIENCE_MS));
    assert_story(c, "init 0; proto 3004 2 CANCELLED; proto 3004 1 REPLY_TIMEOUT; disconnect 11/0; "
                    "proto 3004 3 DISCONNECTED");
    assert_int_equal(reply_to(c, lost).reply.was_sent, 1);
    assert_int_equal(reply_to(c, lost).length, 0);
    assert_true(strlen(reply_to(c, lost).text) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(global_state_comes_from_the_simulator),
        TEST(distribution_can_be_asked_raw),
        TEST(distribution_asked_raw_passes_the_quota),
        TEST(refusal_for_frequency_of_a_raw_request_is_recognised),
        TEST(bodies_go_and_come_as_they_are),
        TEST(body_is_copied),
        TEST(refusal_of_a_raw_request_is_told),
        TEST(wrong_sha1_of_a_raw_answer_is_malformed),
        TEST(the_librarys_own_protocols_are_refused),
        TEST(body_above_the_limit_is_refused),
        TEST(raw_requests_end_like_others),
    };
    return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
