/* Requests that do not wait during an outage (CAPDIST_OUTAGE_FAIL). */
#include "support.h"

#include <stdatomic.h>

static atomic_bool is_asked;

/* The first callback, on_log, comes before the first attempt. */
static void wait_until_asked(client *c, const event *e) {
    (void)c, (void)e;
    for (int i = 0; i < PATIENCE_MS && !atomic_load(&is_asked); i++) sleep_ms(1);
}

static client *impatient_client(fixture *f, int port) {
    client *c = new_client(f, port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 20;
    c->options.reconnect_max_ms = 40;
    c->options.outage_mode = CAPDIST_OUTAGE_FAIL;
    c->options.on_attempt_failed = record_attempt_failed;
    return c;
}

/* The call returns the status of the last attempt, and no callback follows. */
static void is_refused(client *c, capdist_status status, const char *words) {
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no = 1;
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no), status);
    assert_int_equal(serial_no, 0);
    if (strstr(capdist_last_error(), words) == NULL) fail_msg("%s", capdist_last_error());
    capdist_reply *reply = (capdist_reply *)&security;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), status);
    assert_null(reply);
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, NULL, record_proto_reply, c, NULL), status);
}

static void a_call_fails_at_once_with_the_last_failure(void **state) {
    gateway *g = start_gateway(*state);
    gateway_go_down(g);
    client *c = impatient_client(*state, g->port);
    /* A request waits for the first attempt, up to the queue timeout. If the attempt fails, the request completes. */
    atomic_store(&is_asked, false);
    c->hook = wait_until_asked;
    open_client(c);
    uint32_t early = ask(c, "1");
    atomic_store(&is_asked, true);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(c, early).status, CAPDIST_CONNECT_FAILED);
    assert_int_equal(reply_to(c, early).reply.was_sent, 0);
    assert_non_null(strstr(reply_to(c, early).text, "is OpenD running there?"));
    for (int i = 0; i < 40; i++) is_refused(c, CAPDIST_CONNECT_FAILED, "is OpenD running there?");
    /* A request with CAPDIST_OUTAGE_WAIT waits. */
    capdist_request_options patient = request_defaults();
    patient.outage_mode = CAPDIST_OUTAGE_WAIT;
    uint32_t waits = ask_with(c, "41", &patient);
    gateway_come_back(g);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_status(reply_to(c, waits).status, CAPDIST_OK);
    uint32_t late = ask(c, "2");
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    assert_status(reply_to(c, late).status, CAPDIST_OK);
}

static void one_request_may_ask_for_it(void **state) {
    client *c = impatient_client(*state, refused_port(*state));
    c->options.outage_mode = CAPDIST_OUTAGE_DEFAULT;
    open_client(c);
    assert_true(wait_for(c, EVENT_ATTEMPT_FAILED, 1, PATIENCE_MS));
    capdist_request_options impatient = request_defaults();
    impatient.outage_mode = CAPDIST_OUTAGE_FAIL;
    capdist_security security = security_of("HK.00700");
    assert_status(capdist_get_capital_distribution(c->conn, &security, &impatient, record_reply, c, NULL),
                  CAPDIST_CONNECT_FAILED);
    impatient.outage_mode = CAPDIST_OUTAGE_DEFAULT;
    impatient.queue_timeout_ms = 50;
    uint32_t waits = ask_with(c, "1", &impatient);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(c, waits).status, CAPDIST_QUEUE_TIMEOUT);
}

static void the_failure_is_the_last_one(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_by_closing);
    client *c = impatient_client(*state, g->port);
    c->options.connect_timeout_ms = 150;
    open_client(c);
    assert_true(wait_for(c, EVENT_ATTEMPT_FAILED, 1, PATIENCE_MS));
    is_refused(c, CAPDIST_CONNECT_FAILED, "the last attempt failed: lost before InitConnect was answered");
    gateway_on(g, INIT_CONNECT, answer_nothing);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "was not answered within 150 ms"));
    is_refused(c, CAPDIST_CONNECT_TIMEOUT, "was not answered within 150 ms");
}

static void a_line_that_was_lost_just_now_is_waited_for(void **state) {
    gateway *g = start_gateway(*state);
    client *c = impatient_client(*state, g->port);
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 200;
    open_ready(c);
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_DISCONNECT, 1, PATIENCE_MS));
    uint32_t serial_no = ask(c, "41");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_status(reply_to(c, serial_no).status, CAPDIST_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_call_fails_at_once_with_the_last_failure),
        TEST(one_request_may_ask_for_it),
        TEST(the_failure_is_the_last_one),
        TEST(a_line_that_was_lost_just_now_is_waited_for),
    };
    return cmocka_run_group_tests_name("outage", tests, NULL, NULL);
}
