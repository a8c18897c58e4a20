/* Frames that answer no request, connections that break, and invalid frames, while the connection is established. */
#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void send_distribution(gateway *g, int stream, uint32_t proto_id, uint32_t serial_no, double base) {
    message body = {0};
    put_distribution(&body, base, true);
    gateway_send(g, stream, proto_id, serial_no, body.bytes, body.length);
}

/* ---- frames that no request waits for ---- */

static void answer_after_a_strange_one(gateway *g, const frame *request) {
    send_distribution(g, request->stream, GET_CAPITAL_DISTRIBUTION, request->serial_no + 1000, 1);
    send_distribution(g, request->stream, GET_CAPITAL_DISTRIBUTION, 0, 2);
    send_distribution(g, request->stream, GET_CAPITAL_DISTRIBUTION, UINT32_MAX, 3);
    answer_distribution(g, request);
    send_distribution(g, request->stream, GET_CAPITAL_DISTRIBUTION, request->serial_no, 4); /* a second answer */
}

static void answers_nobody_waits_for_are_passed_over(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_after_a_strange_one);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    ask(c, "10");
    ask(c, "20");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    ask(c, "30");
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; reply 2 OK; reply 3 OK");
    assert_true(reply_to(c, 1).in_big == 11 && reply_to(c, 2).in_big == 21 && reply_to(c, 3).in_big == 31);
    assert_true(logged(c, CAPDIST_LOG_DEBUG, ""));
}

static void answer_with_another_proto_id(gateway *g, const frame *request) {
    send_distribution(g, request->stream, 3211, request->serial_no, 1);
}

static void answer_with_another_proto_id_answers_nothing(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_another_proto_id);
    client *c = new_client(*state, g->port);
    c->options.reply_timeout_ms = 200;
    open_ready(c);
    ask(c, "10");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_REPLY_TIMEOUT);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    uint32_t serial_no = ask(c, "10");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(reply_to(c, serial_no).status, CAPDIST_OK);
}

static void push_with_the_waiting_serial_number(gateway *g, const frame *request) {
    static const char body[] = "\x08\x00";
    gateway_send(g, request->stream, NOTIFY, request->serial_no, body, 2);
    answer_distribution(g, request);
}

static void push_with_a_waiting_serial_number_answers_nothing(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, push_with_the_waiting_serial_number);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    ask(c, "10");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_story(c, "init 0; push 1003; reply 1 OK");
}

/* ---- pushes ---- */

static void pushes_arrive_in_order_with_their_bodies(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    gateway_send(g, 0, NOTIFY, 0, "first", 5);
    gateway_send(g, 0, 3005, 7, "", 0);
    gateway_send(g, 0, NOTIFY, UINT32_MAX, "third", 5);
    assert_true(wait_for(c, EVENT_PUSH, 3, PATIENCE_MS));
    assert_story(c, "init 0; push 1003; push 3005; push 1003");
    assert_string_equal(event_at(c, EVENT_PUSH, 0).text, "first");
    assert_int_equal(event_at(c, EVENT_PUSH, 1).length, 0);
    assert_string_equal(event_at(c, EVENT_PUSH, 2).text, "third");
}

static void push_with_wrong_sha1_is_dropped(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    uint8_t bytes[HEADER_SIZE + 5];
    size_t length = pack_frame(bytes, NOTIFY, 0, "wrong", 5);
    bytes[16] ^= 1;
    gateway_send_raw(g, 0, bytes, length);
    gateway_send(g, 0, NOTIFY, 0, "right", 5);
    assert_true(wait_for(c, EVENT_PUSH, 1, PATIENCE_MS));
    assert_string_equal(event_at(c, EVENT_PUSH, 0).text, "right");
}

/* ---- bytes that come in pieces ---- */

static void answer_byte_by_byte(gateway *g, const frame *request) {
    message body = {0};
    uint8_t bytes[HEADER_SIZE + sizeof body.bytes];
    put_distribution(&body, 70, true);
    size_t length = pack_frame(bytes, request->proto_id, request->serial_no, body.bytes, body.length);
    for (size_t i = 0; i < length; i++) {
        gateway_send_raw(g, request->stream, bytes + i, 1);
        sleep_ms(1);
    }
}

static void answer_in_single_bytes_is_one(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_byte_by_byte);
    client *c = ready_client(*state, g->port);
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_true(event_at(c, EVENT_REPLY, 0).in_big == 71);
}

/* A megabyte of an unknown field, which parsers must skip. */
static void answer_with_a_megabyte(gateway *g, const frame *request) {
    message whole = {0}, tag = {0};
    put_distribution(&whole, 80, true);
    size_t padding = 1 << 20, length = whole.length + 6 + padding;
    uint8_t *body = calloc(1, length), *bytes = malloc(HEADER_SIZE + length);
    if (!body || !bytes) abort();
    put_bytes(&tag, 100, "", 0); /* two bytes of tag, and a length that is replaced below */
    memcpy(body, whole.bytes, whole.length);
    memcpy(body + whole.length, tag.bytes, 2);
    memcpy(body + whole.length + 2, "\x80\x80\xc0\x00", 4); /* 1 << 20 in four bytes */
    gateway_send_raw(g, request->stream, bytes, pack_frame(bytes, request->proto_id, request->serial_no, body, length));
    free(body);
    free(bytes);
}

static void long_answer_is_one(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_a_megabyte);
    client *c = ready_client(*state, g->port);
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_OK);
    assert_true(event_at(c, EVENT_REPLY, 0).in_big == 81);
    assert_true(event_at(c, EVENT_REPLY, 0).reply.body_length > 1 << 20);
}

static void body_above_the_limit_ends_the_stream(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_a_megabyte);
    client *c = new_client(*state, g->port);
    c->options.max_body_bytes = 1 << 20;
    open_ready(c);
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_story(c, "init 0; disconnect 11/71; reply 1 DISCONNECTED"); /* 71: EPROTO */
}

/* ---- what ends a connection ---- */

/* One of two requests in flight gets `answer`, which ends the connection. Both complete as disconnected, in the order in which
 * they were made, after on_disconnect. Without reconnect no more requests are accepted. */
static void ends_the_stream(void **state, frame_fn answer, int code, capdist_status cause) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = ready_client(*state, g->port);
    ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer);
    ask(c, "2");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    char expected[120];
    snprintf(expected, sizeof expected, "init 0; disconnect %d/%d; reply 1 DISCONNECTED; reply 2 DISCONNECTED",
             CAPDIST_ERR_KIND_RECEIVE, code);
    assert_story(c, expected);
    assert_true(strlen(event_at(c, EVENT_DISCONNECT, 0).text) > 10);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(event_at(c, EVENT_REPLY, i).reply.was_sent, 1);
        assert_true(strlen(event_at(c, EVENT_REPLY, i).text) > 10);
    }
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), cause);
    capdist_security security = security_of("HK.00700");
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, NULL),
                  CAPDIST_NOT_CONNECTED);
    assert_story(c, expected);
}

static void closing_ends_the_stream(void **state) {
    ends_the_stream(state, answer_by_closing, 0, CAPDIST_DISCONNECTED);
}

static void reset_ends_the_stream(void **state) {
    ends_the_stream(state, answer_by_reset, ECONNRESET, CAPDIST_DISCONNECTED);
}

static void answer_with_half_a_frame(gateway *g, const frame *request) {
    message body = {0};
    uint8_t bytes[HEADER_SIZE + sizeof body.bytes];
    put_distribution(&body, 70, true);
    size_t length = pack_frame(bytes, request->proto_id, request->serial_no, body.bytes, body.length);
    gateway_send_raw(g, request->stream, bytes, length - 1);
    gateway_close_stream(g, request->stream, false);
}

static void closing_inside_a_frame_ends_the_stream(void **state) {
    ends_the_stream(state, answer_with_half_a_frame, 0, CAPDIST_DISCONNECTED);
}

static void answer_with_bad_magic(gateway *g, const frame *request) {
    gateway_send_raw(g, request->stream, "GARBAGE", 7);
}

static void bad_magic_ends_the_stream(void **state) {
    ends_the_stream(state, answer_with_bad_magic, EPROTO, CAPDIST_PROTOCOL_ERROR);
}

static void answer_with_changed_byte(gateway *g, const frame *request, size_t at, uint8_t byte) {
    uint8_t bytes[HEADER_SIZE + 2];
    size_t length = pack_frame(bytes, request->proto_id, request->serial_no, "{}", 2);
    bytes[at] = byte;
    gateway_send_raw(g, request->stream, bytes, length);
}

static void answer_in_json(gateway *g, const frame *request) {
    answer_with_changed_byte(g, request, 6, 1);
}

static void answer_in_unknown_format(gateway *g, const frame *request) {
    answer_with_changed_byte(g, request, 6, 2);
}

static void json_body_ends_the_stream(void **state) {
    ends_the_stream(state, answer_in_json, EPROTO, CAPDIST_PROTOCOL_ERROR);
}

static void unknown_body_format_ends_the_stream(void **state) {
    ends_the_stream(state, answer_in_unknown_format, EPROTO, CAPDIST_PROTOCOL_ERROR);
}

static void answer_with_4_gib(gateway *g, const frame *request) {
    uint8_t bytes[HEADER_SIZE];
    pack_frame(bytes, request->proto_id, request->serial_no, NULL, 0);
    memset(bytes + 12, 0xff, 4);
    gateway_send_raw(g, request->stream, bytes, sizeof bytes);
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2) resident = -1;
    if (f) fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void body_length_of_4_gib_ends_the_stream(void **state) {
    long before = resident_kib();
    ends_the_stream(state, answer_with_4_gib, EPROTO, CAPDIST_PROTOCOL_ERROR);
    assert_true(before > 0 && resident_kib() - before < 16 * 1024);
}

/* ---- no side effects on the process ---- */

static void ask_on(client *c, const event *e) {
    capdist_security security = {CAPDIST_MARKET_HK, "1"};
    if (e->kind != EVENT_INIT_CONNECT || e->err_code != 0) return;
    for (int i = 0; i < 100; i++) {
        uint32_t serial_no;
        if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
            note_accepted(c, serial_no);
        }
    }
}

static void writing_to_a_closed_line_raises_no_signal(void **state) {
    struct sigaction now;
    assert_int_equal(sigaction(SIGPIPE, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_by_reset);
    client *c = new_client(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 1;
    c->hook = ask_on;
    open_client(c);
    /* Each connection is reset at its first request, while others are being sent. */
    assert_true(gateway_wait_streams(g, 40, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_int_equal(sigaction(SIGPIPE, NULL, &now), 0);
    assert_true(now.sa_handler == SIG_DFL);
}

/* The same on the application's own threads, which do not block the signal: while a callback blocks the connection's thread, the
 * application sends on a connection that has been reset. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void wait_at_the_gate(client *c, const event *e) {
    (void)c;
    if (e->kind != EVENT_REPLY || e->serial_no != 1) return;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void applications_thread_gets_no_signal_either(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->hook = wait_at_the_gate;
    open_ready(c);
    pthread_mutex_lock(&gate);
    ask(c, "1");
    bool held = wait_for(c, EVENT_REPLY, 1, PATIENCE_MS);
    gateway_close_stream(g, 0, true);
    sleep_ms(20); /* for the reset to arrive */
    int accepted = 0;
    for (int i = 0; i < 10; i++) {
        capdist_security security = {CAPDIST_MARKET_HK, "1"};
        uint32_t serial_no;
        if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
            note_accepted(c, serial_no);
            accepted++;
        }
    }
    pthread_mutex_unlock(&gate);
    assert_true(held);
    assert_int_equal(accepted, 10);
    assert_true(wait_for(c, EVENT_REPLY, 11, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_DISCONNECTED), 10);
}

int main(void) {
    signal(SIGPIPE, SIG_DFL);
    const struct CMUnitTest tests[] = {
        TEST(answers_nobody_waits_for_are_passed_over),
        TEST(answer_with_another_proto_id_answers_nothing),
        TEST(push_with_a_waiting_serial_number_answers_nothing),
        TEST(pushes_arrive_in_order_with_their_bodies),
        TEST(push_with_wrong_sha1_is_dropped),
        TEST(answer_in_single_bytes_is_one),
        TEST(long_answer_is_one),
        TEST(body_above_the_limit_ends_the_stream),
        TEST(closing_ends_the_stream),
        TEST(reset_ends_the_stream),
        TEST(closing_inside_a_frame_ends_the_stream),
        TEST(bad_magic_ends_the_stream),
        TEST(json_body_ends_the_stream),
        TEST(unknown_body_format_ends_the_stream),
        TEST(body_length_of_4_gib_ends_the_stream),
        TEST(writing_to_a_closed_line_raises_no_signal),
        TEST(applications_thread_gets_no_signal_either),
    };
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
