/* How connecting succeeds and fails: the result of capdist_wait_ready(), the err_code of on_init_connect, the order. */
#include "support.h"

#include <stdatomic.h>
#include <errno.h>
#include <netdb.h>

/* A timeout that is long enough to connect on a busy machine, and short enough to wait for. */
#define SHORT_MS 1500

/* The connection is held in its first log line, which comes before the attempt, until the request is made. */
static atomic_bool is_asked;

static void wait_until_asked(client *c, const event *e) {
    (void)c, (void)e;
    for (int i = 0; i < PATIENCE_MS && !atomic_load(&is_asked); i++) sleep_ms(1);
}

/* A client that does not reconnect fails permanently, with this status and err_code. A queued request completes with the status,
 * and later ones are refused. */
static void fails_for_good(client *c, capdist_status status, int kind, int code) {
    atomic_store(&is_asked, false);
    c->hook = wait_until_asked;
    open_client(c);
    uint32_t serial_no = ask(c, "00700");
    atomic_store(&is_asked, true);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), status);
    assert_true(strlen(capdist_last_error()) > 10);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    event init = event_at(c, EVENT_INIT_CONNECT, 0);
    if (CAPDIST_ERR_KIND(init.err_code) != kind || (code >= 0 && CAPDIST_ERR_CODE(init.err_code) != code)) {
        fail_msg("err_code %d/%d, expected %d/%d: %s", CAPDIST_ERR_KIND(init.err_code),
                 CAPDIST_ERR_CODE(init.err_code), kind, code, init.text);
    }
    assert_true(strlen(init.text) > 10);
    char expected[100];
    snprintf(expected, sizeof expected, "init %d/%d; reply %u %s", kind, CAPDIST_ERR_CODE(init.err_code), serial_no,
             capdist_status_name(status) + strlen("CAPDIST_"));
    assert_story(c, expected);
    event reply = reply_to(c, serial_no);
    assert_int_equal(reply.reply.was_sent, 0);
    assert_null(reply.reply.distribution);
    assert_true(strlen(reply.text) > 10);
    assert_true(logged(c, CAPDIST_LOG_ERROR, ""));

    capdist_security security = security_of("HK.00700");
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no),
                  CAPDIST_NOT_CONNECTED);
    assert_int_equal(serial_no, 0);
    capdist_reply *answer = (capdist_reply *)(uintptr_t)0xa5;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &answer), CAPDIST_NOT_CONNECTED);
    assert_null(answer);
    assert_status(capdist_wait_ready(c->conn, 0), status);
    capdist_connection_info info;
    assert_status(capdist_connection_info_init(&info, sizeof info), CAPDIST_OK);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_int_equal(info.state, CAPDIST_STATE_NOT_CONNECTED);
    assert_true(info.conn_id == 0 && info.login_user_id == 0 && info.server_version == 0);
    assert_story(c, expected);
}

static void connection_stands_and_tells_about_itself(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    capdist_connection_info info;
    assert_status(capdist_connection_info_init(&info, sizeof info), CAPDIST_OK);
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_int_equal(info.state, CAPDIST_STATE_CONNECTING);
    assert_true(info.conn_id == 0 && info.login_user_id == 0 && info.server_version == 0);
    assert_status(capdist_wait_ready(c->conn, 0), CAPDIST_CONNECT_TIMEOUT);
    assert_status(capdist_wait_ready(c->conn, 50), CAPDIST_CONNECT_TIMEOUT);
    frame request;
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &request));
    accept_init_connect(g, &request);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    assert_status(capdist_wait_ready(c->conn, 0), CAPDIST_OK);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_int_equal(info.state, CAPDIST_STATE_READY);
    assert_true(info.conn_id == 6825683696684969514u);
    assert_true(info.login_user_id == 10000001);
    assert_int_equal(info.server_version, 1011);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    assert_string_equal(event_at(c, EVENT_INIT_CONNECT, 0).text, "");
    assert_true(logged(c, CAPDIST_LOG_INFO, ""));
}

static void init_connect_says_what_the_options_say(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.client_id = "capdist";
    c->options.client_version = 101;
    c->options.recv_notify = 1;
    c->options.programming_language = "C";
    open_ready(c);
    frame f;
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &f));
    assert_true(f.sound);
    /* The vendor's own code gives the same bytes for these values (Tests/vectors/opend.json). */
    static const uint8_t expected[] = {0x0a, 0x1d, 0x08, 0x65, 0x12, 0x07, 'c', 'a', 'p', 'd', 'i', 's', 't',
                                       0x18, 0x01, 0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
                                       0x28, 0x00, 0x32, 0x01, 'C'};
    assert_int_equal(f.length, sizeof expected);
    assert_memory_equal(f.body, expected, sizeof expected);

    client *d = new_client(*state, g->port);
    d->options.client_id = "\xe8\x85\xbe\xe8\xae\xaf";
    d->options.client_version = 307;
    d->options.programming_language = "Fortran";
    open_ready(d);
    assert_true(gateway_frame(g, INIT_CONNECT, 1, &f));
    const uint8_t *c2s, *text;
    size_t length, text_length;
    int64_t number;
    assert_true(find_field(f.body, f.length, 1, NULL, &c2s, &length));
    assert_true(find_field(c2s, length, 1, &number, NULL, NULL) && number == 307);
    assert_true(find_field(c2s, length, 2, NULL, &text, &text_length) && text_length == 6);
    assert_memory_equal(text, d->options.client_id, 6);
    assert_true(!find_field(c2s, length, 3, &number, NULL, NULL) || number == 0);
    assert_true(find_field(c2s, length, 6, NULL, &text, &text_length) && text_length == 7);
    assert_memory_equal(text, "Fortran", 7);
}

static void nothing_is_sent_before_init_connect_is_answered(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    open_client(c);
    for (int i = 0; i < 3; i++) ask(c, "1");
    assert_true(gateway_wait(g, INIT_CONNECT, 1, PATIENCE_MS));
    sleep_ms(100);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
    frame request;
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &request));
    accept_init_connect(g, &request);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; reply 2 OK; reply 3 OK");
}

static void refused_port_fails(void **state) {
    client *c = new_client(*state, refused_port(*state));
    fails_for_good(c, CAPDIST_CONNECT_FAILED, CAPDIST_ERR_KIND_CONNECT, ECONNREFUSED);
    assert_non_null(strstr(event_at(c, EVENT_INIT_CONNECT, 0).text, "is OpenD running there?"));
    char port[16];
    snprintf(port, sizeof port, "%d", c->options.port);
    assert_non_null(strstr(event_at(c, EVENT_INIT_CONNECT, 0).text, port));
}

static void unknown_name_fails(void **state) {
    client *c = new_client(*state, 1);
    c->options.host = "no-such-host.invalid";
    fails_for_good(c, CAPDIST_CONNECT_FAILED, CAPDIST_ERR_KIND_NAME_NOT_FOUND, -1);
    assert_int_not_equal(CAPDIST_ERR_CODE(event_at(c, EVENT_INIT_CONNECT, 0).err_code), 0);
    assert_non_null(strstr(event_at(c, EVENT_INIT_CONNECT, 0).text, "no-such-host.invalid"));
}

static void port_that_never_answers_times_out(void **state) {
    client *c = new_client(*state, stuck_port(*state));
    c->options.connect_timeout_ms = 300;
    fails_for_good(c, CAPDIST_CONNECT_TIMEOUT, CAPDIST_ERR_KIND_CONNECT, ETIMEDOUT);
}

static void gateway_that_says_nothing_times_out(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.connect_timeout_ms = SHORT_MS;
    int64_t start = now_ms();
    fails_for_good(c, CAPDIST_CONNECT_TIMEOUT, CAPDIST_ERR_KIND_INIT_CONNECT, CAPDIST_INIT_CONNECT_TIMEOUT);
    assert_in_range(now_ms() - start, SHORT_MS - 10, PROMPT_MS);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
}

static void with_http(gateway *g, const frame *request) {
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    gateway_send_raw(g, request->stream, text, sizeof text - 1);
}

static void with_tls_alert(gateway *g, const frame *request) {
    gateway_send_raw(g, request->stream, "\x15\x03\x03\x00\x02\x02\x46", 7);
}

static void refuse_init_connect(gateway *g, const frame *request) {
    message response = {0};
    put_refusal(&response, -1, "client version too low");
    gateway_reply(g, request, &response);
}

static void refused_init_connect_fails(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, refuse_init_connect);
    client *c = new_client(*state, g->port);
    fails_for_good(c, CAPDIST_CONNECT_REFUSED, CAPDIST_ERR_KIND_INIT_CONNECT, CAPDIST_INIT_CONNECT_REFUSED);
    assert_non_null(strstr(event_at(c, EVENT_INIT_CONNECT, 0).text, "client version too low"));
}

/* A gateway that waits for a code refuses, or does not answer, and later works. */
static void refused_init_connect_is_tried_again(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, refuse_init_connect);
    client *c = new_client(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 5;
    c->options.reconnect_max_ms = 20;
    c->options.on_attempt_failed = record_attempt_failed;
    open_client(c);
    uint32_t serial_no = ask(c, "41");
    assert_true(wait_for(c, EVENT_ATTEMPT_FAILED, 5, PATIENCE_MS));
    assert_status(capdist_wait_ready(c->conn, 0), CAPDIST_CONNECT_REFUSED);
    assert_non_null(strstr(capdist_last_error(), "client version too low"));
    assert_non_null(strstr(capdist_last_error(), "waiting for a code"));
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_int_equal(info.state, CAPDIST_STATE_CONNECTING);
    gateway_on(g, INIT_CONNECT, accept_init_connect);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(c, serial_no).status, CAPDIST_OK);
    event failed = event_at(c, EVENT_ATTEMPT_FAILED, 4);
    assert_int_equal(CAPDIST_ERR_KIND(failed.err_code), CAPDIST_ERR_KIND_INIT_CONNECT);
    assert_int_equal(CAPDIST_ERR_CODE(failed.err_code), CAPDIST_INIT_CONNECT_REFUSED);
    assert_non_null(strstr(failed.text, "client version too low"));
    /* The log has a line for each attempt. */
    assert_int_equal(count_logged(c, CAPDIST_LOG_WARNING, "client version too low"), count_of(c, EVENT_ATTEMPT_FAILED));
    assert_int_equal(count_of(c, EVENT_INIT_CONNECT), 1);
    /* The same when a connection has been established for long. */
    gateway_on(g, INIT_CONNECT, refuse_init_connect);
    int attempts = count_of(c, EVENT_ATTEMPT_FAILED);
    gateway_close_stream(g, gateway_stream_count(g) - 1, false);
    assert_true(wait_for(c, EVENT_ATTEMPT_FAILED, attempts + 2, PATIENCE_MS));
    gateway_on(g, INIT_CONNECT, accept_init_connect);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    assert_true(event_at(c, EVENT_INIT_CONNECT, 1).err_code == 0);
}

static void what_is_final_says_so(void **state) {
    client *c = new_client(*state, refused_port(*state));
    fails_for_good(c, CAPDIST_CONNECT_FAILED, CAPDIST_ERR_KIND_CONNECT, ECONNREFUSED);
    assert_non_null(strstr(event_at(c, EVENT_INIT_CONNECT, 0).text,
                           "This is final, since reconnect is off: release the connection and make a new one."));
}

/* A gateway that has answered before has the right port and key, so the error has advice about its window. */
static void a_gateway_that_stood_before_is_not_doubted(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 5;
    c->options.connect_timeout_ms = 200;
    open_ready(c);
    /* On a busy machine the first attempts may have timed out. */
    int doubts = count_logged(c, CAPDIST_LOG_WARNING, "rsa_private_key");
    gateway_on(g, INIT_CONNECT, answer_by_closing);
    gateway_close_stream(g, gateway_stream_count(g) - 1, false);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "closed the connection. It answered before: look at OpenD's window."));
    gateway_on(g, INIT_CONNECT, answer_nothing);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "was not answered within 200 ms. It answered before: look at OpenD's window."));
    assert_int_equal(count_logged(c, CAPDIST_LOG_WARNING, "rsa_private_key"), doubts);
}

static void likely_causes_in_order(const char *text, const char *const *words, size_t count) {
    const char *rest = text;
    for (size_t i = 0; i < count; i++) {
        rest = strstr(rest, words[i]);
        if (rest == NULL) fail_msg("%s is not where it should be in: %s", words[i], text);
    }
}

static void the_likely_cause_comes_first(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_nothing);
    client *silent = new_client(*state, g->port);
    silent->options.connect_timeout_ms = SHORT_MS;
    open_client(silent);
    assert_status(capdist_wait_ready(silent->conn, PATIENCE_MS), CAPDIST_CONNECT_TIMEOUT);
    static const char *const login[] = {"not answered", "logged in, or waiting for a code", "API port", "rsa_private_key"};
    likely_causes_in_order(capdist_last_error(), login, COUNT(login));
    gateway_on(g, INIT_CONNECT, answer_by_closing);
    client *closed = new_client(*state, g->port);
    open_client(closed);
    assert_status(capdist_wait_ready(closed->conn, PATIENCE_MS), CAPDIST_CONNECT_FAILED);
    static const char *const port[] = {"closed the connection.", "API port", "TLS?", "logged in?", "too many clients",
                                       "rsa_private_key"};
    likely_causes_in_order(capdist_last_error(), port, COUNT(port));
    /* A port with TLS, and a web server. */
    gateway_on(g, INIT_CONNECT, with_tls_alert);
    client *tls = new_client(*state, g->port);
    open_client(tls);
    assert_status(capdist_wait_ready(tls->conn, PATIENCE_MS), CAPDIST_PROTOCOL_ERROR);
    assert_non_null(strstr(capdist_last_error(), "is not OpenD's protocol but TLS"));
    gateway_on(g, INIT_CONNECT, with_http);
    client *http = new_client(*state, g->port);
    open_client(http);
    assert_status(capdist_wait_ready(http->conn, PATIENCE_MS), CAPDIST_PROTOCOL_ERROR);
    assert_non_null(strstr(capdist_last_error(), "is not OpenD's protocol but HTTP"));
}

static void closing_before_the_answer_fails(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_by_closing);
    fails_for_good(new_client(*state, g->port), CAPDIST_CONNECT_FAILED, CAPDIST_ERR_KIND_INIT_CONNECT,
                   CAPDIST_INIT_CONNECT_DISCONNECTED);
    gateway_on(g, INIT_CONNECT, answer_by_reset);
    fails_for_good(new_client(*state, g->port), CAPDIST_CONNECT_FAILED, CAPDIST_ERR_KIND_INIT_CONNECT,
                   CAPDIST_INIT_CONNECT_DISCONNECTED);
}

/* ---- invalid answers to InitConnect ---- */

static void answer_init_connect_with(gateway *g, const frame *request, const void *body, size_t length) {
    gateway_send(g, request->stream, request->proto_id, request->serial_no, body, length);
}

static void with_empty_body(gateway *g, const frame *request) {
    answer_init_connect_with(g, request, NULL, 0);
}

static void with_truncated_body(gateway *g, const frame *request) {
    answer_init_connect_with(g, request, "\x08\x00\x22\x3a\x08\xf3", 6);
}

static void without_s2c(gateway *g, const frame *request) {
    answer_init_connect_with(g, request, "\x08\x00\x12\x00", 4);
}

static void without_conn_id(gateway *g, const frame *request) {
    message s2c = {0}, response = {0};
    put_number(&s2c, 1, 1011);
    put_number(&s2c, 2, 1);
    put_text(&s2c, 4, "0123456789abcdef");
    put_number(&s2c, 5, 10);
    put_number(&response, 1, 0);
    put_message(&response, 4, &s2c);
    gateway_reply(g, request, &response);
}

static void with_wrong_sha1(gateway *g, const frame *request) {
    uint8_t bytes[HEADER_SIZE + 4];
    size_t length = pack_frame(bytes, request->proto_id, request->serial_no, "\x08\x00\x12\x00", 4);
    bytes[16] ^= 1;
    gateway_send_raw(g, request->stream, bytes, length);
}

static void malformed_answer_to_init_connect_fails(void **state) {
    static const frame_fn answers[] = {with_empty_body, with_truncated_body, without_s2c, without_conn_id,
                                       with_wrong_sha1};
    gateway *g = start_gateway(*state);
    for (size_t i = 0; i < COUNT(answers); i++) {
        gateway_on(g, INIT_CONNECT, answers[i]);
        fails_for_good(new_client(*state, g->port), CAPDIST_PROTOCOL_ERROR, CAPDIST_ERR_KIND_INIT_CONNECT,
                       CAPDIST_INIT_CONNECT_UNKNOWN);
    }
}

/* Sends an invalid header: one of its bytes is replaced. */
static void with_header(gateway *g, const frame *request, int at, uint8_t byte, size_t sent) {
    uint8_t bytes[HEADER_SIZE + 4];
    pack_frame(bytes, request->proto_id, request->serial_no, "\x08\x00\x12\x00", 4);
    bytes[at] = byte;
    gateway_send_raw(g, request->stream, bytes, sent);
}

static void with_bad_magic(gateway *g, const frame *request) {
    with_header(g, request, 0, 'H', 1);
}

static void with_bad_second_magic(gateway *g, const frame *request) {
    with_header(g, request, 1, 't', 2);
}

static void with_json_body(gateway *g, const frame *request) {
    with_header(g, request, 6, 1, HEADER_SIZE + 4);
}

static void with_unknown_format(gateway *g, const frame *request) {
    with_header(g, request, 6, 255, HEADER_SIZE + 4);
}

static void with_length_of_4_gib(gateway *g, const frame *request) {
    uint8_t bytes[HEADER_SIZE + 4];
    pack_frame(bytes, request->proto_id, request->serial_no, "\x08\x00\x12\x00", 4);
    memset(bytes + 12, 0xff, 4);
    gateway_send_raw(g, request->stream, bytes, sizeof bytes);
}

static void broken_protocol_fails(void **state) {
    static const frame_fn answers[] = {with_bad_magic,       with_bad_second_magic, with_json_body, with_unknown_format,
                                       with_length_of_4_gib, with_http};
    gateway *g = start_gateway(*state);
    for (size_t i = 0; i < COUNT(answers); i++) {
        gateway_on(g, INIT_CONNECT, answers[i]);
        fails_for_good(new_client(*state, g->port), CAPDIST_PROTOCOL_ERROR, CAPDIST_ERR_KIND_RECEIVE, EPROTO);
    }
}

static void answers_to_other_questions_do_not_connect(gateway *g, const frame *request) {
    static const uint8_t body[] = {0x08, 0x00};
    gateway_send(g, request->stream, GET_GLOBAL_STATE, request->serial_no, body, sizeof body);
    gateway_send(g, request->stream, INIT_CONNECT, request->serial_no + 1, body, sizeof body);
    gateway_send(g, request->stream, NOTIFY, request->serial_no, body, sizeof body);
    accept_init_connect(g, request);
}

static void frames_before_the_answer_are_passed_over(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answers_to_other_questions_do_not_connect);
    client *c = ready_client(*state, g->port);
    ask(c, "7");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK");
}

/* ---- addresses of the gateway ---- */

static void reaches(void **state, const char *address, const char *host) {
    gateway *g = start_gateway_at(*state, address);
    client *c = new_client(*state, g->port);
    c->options.host = host;
    open_ready(c);
    ask(c, "41");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_true(event_at(c, EVENT_REPLY, 0).in_big == 42);
}

static void ipv4_address_is_reached(void **state) {
    reaches(state, "127.0.0.1", "127.0.0.1");
}

static void null_host_is_127_0_0_1(void **state) {
    reaches(state, "127.0.0.1", NULL);
}

static void ipv6_address_is_reached(void **state) {
    reaches(state, "::1", "::1");
}

static void localhost_is_reached_over_ipv4(void **state) {
    reaches(state, "127.0.0.1", "localhost");
    reaches(state, "127.0.0.1", "LocalHost");
}

static void localhost_is_reached_over_ipv6(void **state) {
    reaches(state, "::1", "localhost");
}

static void name_is_looked_up(void **state) {
    reaches(state, "127.0.0.1", "127.1"); /* not four numbers: only the resolver accepts it */
}

/* ---- reconnect on ---- */

static void wait_ready_tells_the_last_cause(void **state) {
    client *c = new_client(*state, refused_port(*state));
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 20;
    open_client(c);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "is OpenD running there?"));
    int64_t start = now_ms();
    assert_status(capdist_wait_ready(c->conn, 200), CAPDIST_CONNECT_FAILED);
    assert_in_range(now_ms() - start, 195, PROMPT_MS);
    assert_non_null(strstr(capdist_last_error(), "is OpenD running there?"));
    assert_story(c, "");

    client *d = new_client(*state, stuck_port(*state));
    d->options.reconnect = 1;
    d->options.connect_timeout_ms = 100;
    open_client(d);
    assert_status(capdist_wait_ready(d->conn, 250), CAPDIST_CONNECT_TIMEOUT);
    assert_story(d, "");
}

static void wait_ready_waits_through_failed_attempts(void **state) {
    gateway *g = start_gateway(*state);
    gateway_go_down(g);
    client *c = new_client(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 20;
    open_client(c);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "is OpenD running there?"));
    assert_status(capdist_wait_ready(c->conn, 100), CAPDIST_CONNECT_FAILED);
    gateway_come_back(g);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    assert_story(c, "init 0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(connection_stands_and_tells_about_itself),
        TEST(init_connect_says_what_the_options_say),
        TEST(nothing_is_sent_before_init_connect_is_answered),
        TEST(refused_port_fails),
        TEST(unknown_name_fails),
        TEST(port_that_never_answers_times_out),
        TEST(gateway_that_says_nothing_times_out),
        TEST(refused_init_connect_fails),
        TEST(refused_init_connect_is_tried_again),
        TEST(what_is_final_says_so),
        TEST(a_gateway_that_stood_before_is_not_doubted),
        TEST(the_likely_cause_comes_first),
        TEST(closing_before_the_answer_fails),
        TEST(malformed_answer_to_init_connect_fails),
        TEST(broken_protocol_fails),
        TEST(frames_before_the_answer_are_passed_over),
        TEST(ipv4_address_is_reached),
        TEST(null_host_is_127_0_0_1),
        TEST(ipv6_address_is_reached),
        TEST(localhost_is_reached_over_ipv4),
        TEST(localhost_is_reached_over_ipv6),
        TEST(name_is_looked_up),
        TEST(wait_ready_tells_the_last_cause),
        TEST(wait_ready_waits_through_failed_attempts),
    };
    return cmocka_run_group_tests_name("connect", tests, NULL, NULL);
}
