/* Every function with a handle that is NULL, released or invalid; and with NULL for every other pointer. */
#include "support.h"

#include <stdlib.h>

/* Calls every function that takes a connection, with otherwise valid arguments. Each must return `expected`, set an error text,
 * and store nothing but "none". */
static void every_call_gives(capdist_conn *conn, capdist_status expected, client *c) {
    const char *why = expected == CAPDIST_RELEASED ? "released" : "connection";
    capdist_security security = security_of("HK.00700");
    assert_refused(capdist_wait_ready(conn, 0), expected, why);
    assert_refused(capdist_wait_ready(conn, 1000), expected, why);
    uint32_t serial_no = 77;
    assert_refused(capdist_get_capital_distribution(conn, &security, NULL, record_reply, c, &serial_no), expected, why);
    assert_int_equal(serial_no, 0);
    capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
    assert_refused(capdist_fetch_capital_distribution(conn, &security, NULL, &reply), expected, why);
    assert_null(reply);
    assert_refused(capdist_cancel(conn, 1), expected, why);
    capdist_connection_info info;
    assert_status(capdist_connection_info_init(&info, sizeof info), CAPDIST_OK);
    info.conn_id = 5;
    assert_refused(capdist_get_connection_info(conn, &info), expected, why);
    assert_int_equal(info.conn_id, 5);
    capdist_quota quota;
    assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
    quota.limit = 5;
    assert_refused(capdist_get_quota(conn, &quota), expected, why);
    assert_int_equal(quota.limit, 5);
    serial_no = 77;
    assert_refused(capdist_send_proto(conn, GET_GLOBAL_STATE, "", 0, NULL, record_proto_reply, c, &serial_no), expected,
                   why);
    assert_int_equal(serial_no, 0);
    assert_refused(capdist_release(conn), expected, why);
}

static void null_connection_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    every_call_gives(NULL, CAPDIST_INVALID_ARGUMENT, c);
}

static void calls_after_release_are_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    every_call_gives(c->conn, CAPDIST_RELEASED, c);
    assert_story(c, "init 0; closed");
}

static void calls_after_release_of_one_that_never_connected_are_refused(void **state) {
    client *c = new_client(*state, refused_port(*state));
    c->options.reconnect = 1;
    open_client(c);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    every_call_gives(c->conn, CAPDIST_RELEASED, c);
    assert_story(c, "closed");
}

static void released_handle_stays_released_when_others_come(void **state) {
    gateway *g = start_gateway(*state);
    client *first = ready_client(*state, g->port);
    assert_status(capdist_release(first->conn), CAPDIST_OK);
    for (int i = 0; i < 5; i++) {
        client *c = ready_client(*state, g->port);
        assert_ptr_not_equal(c->conn, first->conn);
        every_call_gives(first->conn, CAPDIST_RELEASED, first);
        ask(c, "1");
        assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
        if (i % 2) assert_status(capdist_release(c->conn), CAPDIST_OK);
    }
}

static void second_release_is_harmless(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    for (int i = 0; i < 3; i++) assert_status(capdist_release(c->conn), CAPDIST_RELEASED);
    assert_story(c, "init 0; closed");
}

typedef struct racer {
    client *client;
    pthread_barrier_t *start;
    capdist_status status;
} racer;

static void *release_at_the_signal(void *argument) {
    racer *r = argument;
    pthread_barrier_wait(r->start);
    r->status = capdist_release(r->client->conn);
    return NULL;
}

static void of_racing_releases_one_wins(void **state) {
    gateway *g = start_gateway(*state);
    for (int round = 0; round < 10; round++) {
        client *c = ready_client(*state, g->port);
        pthread_barrier_t start;
        pthread_barrier_init(&start, NULL, 4);
        racer racers[4];
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) {
            racers[i] = (racer){c, &start, -1};
            assert_int_equal(pthread_create(&threads[i], NULL, release_at_the_signal, &racers[i]), 0);
        }
        int won = 0, lost = 0;
        for (int i = 0; i < 4; i++) {
            pthread_join(threads[i], NULL);
            won += racers[i].status == CAPDIST_OK;
            lost += racers[i].status == CAPDIST_RELEASED;
        }
        pthread_barrier_destroy(&start);
        assert_int_equal(won, 1);
        assert_int_equal(lost, 3);
        assert_story(c, "init 0; closed");
    }
}

static void what_never_was_a_handle_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    int local = 0;
    const uintptr_t none[] = {1, 2, 3, 0x1234, 0xffffffff, UINTPTR_MAX, UINTPTR_MAX - 1, UINTPTR_MAX >> 1,
                              (uintptr_t)1 << 63, (uintptr_t)&local, (uintptr_t)c->conn ^ 0x10000000,
                              (uintptr_t)c->conn ^ (uintptr_t)1 << 60};
    for (size_t i = 0; i < COUNT(none); i++) {
        if (none[i] == (uintptr_t)c->conn) continue;
        capdist_security security = security_of("HK.00700");
        capdist_conn *conn = (capdist_conn *)none[i];
        capdist_status status = capdist_release(conn);
        /* The bits of a handle that was used before in this process are those of a released one. */
        if (status == CAPDIST_RELEASED && none[i] < 16) continue;
        assert_status(status, CAPDIST_INVALID_ARGUMENT);
        uint32_t serial_no = 77;
        assert_status(capdist_get_capital_distribution(conn, &security, NULL, record_reply, c, &serial_no),
                      CAPDIST_INVALID_ARGUMENT);
        assert_int_equal(serial_no, 0);
        assert_status(capdist_wait_ready(conn, 1000), CAPDIST_INVALID_ARGUMENT);
        assert_status(capdist_cancel(conn, 1), CAPDIST_INVALID_ARGUMENT);
    }
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
}

/* ---- NULL for the other pointers ---- */

static void request_without_security_or_callback_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no = 77;
    assert_refused(capdist_get_capital_distribution(c->conn, NULL, NULL, record_reply, c, &serial_no),
                   CAPDIST_INVALID_ARGUMENT, "security");
    assert_int_equal(serial_no, 0);
    serial_no = 77;
    assert_refused(capdist_get_capital_distribution(c->conn, &security, NULL, NULL, c, &serial_no),
                   CAPDIST_INVALID_ARGUMENT, "callback");
    assert_int_equal(serial_no, 0);
    assert_status(capdist_get_capital_distribution(c->conn, NULL, NULL, NULL, NULL, NULL), CAPDIST_INVALID_ARGUMENT);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
    assert_story(c, "init 0");
}

static void request_may_go_without_serial_number_and_user_data(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    capdist_security security = security_of("HK.00700");
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, NULL), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_not_equal(event_at(c, EVENT_REPLY, 0).serial_no, 0);
}

static void fetch_without_security_or_reply_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
    assert_refused(capdist_fetch_capital_distribution(c->conn, NULL, NULL, &reply), CAPDIST_INVALID_ARGUMENT,
                   "security");
    assert_null(reply);
    assert_refused(capdist_fetch_capital_distribution(c->conn, &security, NULL, NULL), CAPDIST_INVALID_ARGUMENT,
                   "reply");
    assert_status(capdist_fetch_capital_distribution(c->conn, NULL, NULL, NULL), CAPDIST_INVALID_ARGUMENT);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
}

static void send_proto_without_body_or_callback_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    uint32_t serial_no = 77;
    assert_refused(capdist_send_proto(c->conn, GET_GLOBAL_STATE, NULL, 1, NULL, record_proto_reply, c, &serial_no),
                   CAPDIST_INVALID_ARGUMENT, "body");
    assert_int_equal(serial_no, 0);
    serial_no = 77;
    assert_refused(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, NULL, NULL, c, &serial_no),
                   CAPDIST_INVALID_ARGUMENT, "callback");
    assert_int_equal(serial_no, 0);
    assert_int_equal(gateway_frame_count(g, GET_GLOBAL_STATE), 0);
}

static void infos_without_a_struct_are_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    assert_refused(capdist_get_connection_info(c->conn, NULL), CAPDIST_INVALID_ARGUMENT, "NULL");
    assert_refused(capdist_get_quota(c->conn, NULL), CAPDIST_INVALID_ARGUMENT, "NULL");
}

static void replies_that_are_null_are_harmless(void **state) {
    (void)state;
    assert_null(capdist_reply_copy(NULL));
    capdist_reply_free(NULL);
    char text[8] = "#######";
    assert_int_equal(capdist_reply_to_json(NULL, text, sizeof text), -1);
    assert_true(strlen(capdist_last_error()) > 0);
    assert_int_equal(capdist_reply_to_json(NULL, NULL, 0), -1);
}

/* ---- invalid securities ---- */

static void refuse_security(client *c, const capdist_security *security, const char *name) {
    uint32_t serial_no = 77;
    assert_refused(capdist_get_capital_distribution(c->conn, security, NULL, record_reply, c, &serial_no),
                   CAPDIST_INVALID_ARGUMENT, name);
    assert_int_equal(serial_no, 0);
    capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
    assert_refused(capdist_fetch_capital_distribution(c->conn, security, NULL, &reply), CAPDIST_INVALID_ARGUMENT, name);
    assert_null(reply);
}

static void request_for_a_bad_code_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const char *const codes[] = {"", "\xff", "007\xc3", "\xed\xa0\x80", "007\n00", "\x01", "\x7f"};
    for (size_t i = 0; i < COUNT(codes); i++) {
        capdist_security security = {CAPDIST_MARKET_HK, ""};
        snprintf(security.code, sizeof security.code, "%s", codes[i]);
        refuse_security(c, &security, "code");
    }
    capdist_security overlong = {CAPDIST_MARKET_HK, ""};
    memset(overlong.code, '7', sizeof overlong.code); /* 60 bytes and no NUL */
    refuse_security(c, &overlong, "code");
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
    assert_story(c, "init 0");
}

static void request_for_no_market_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const int32_t markets[] = {0, -1, INT32_MIN};
    for (size_t i = 0; i < COUNT(markets); i++) {
        capdist_security security = {markets[i], "00700"};
        refuse_security(c, &security, "market");
    }
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 0);
}

static void wait_ready_refuses_times_out_of_range(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const int32_t bad[] = {-1, 3600001, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_refused(capdist_wait_ready(c->conn, bad[i]), CAPDIST_INVALID_ARGUMENT, "timeout_ms");
    }
    assert_status(capdist_wait_ready(c->conn, 3600000), CAPDIST_OK);
    assert_status(capdist_wait_ready(c->conn, 0), CAPDIST_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(null_connection_is_refused),
        TEST(calls_after_release_are_refused),
        TEST(calls_after_release_of_one_that_never_connected_are_refused),
        TEST(released_handle_stays_released_when_others_come),
        TEST(second_release_is_harmless),
        TEST(of_racing_releases_one_wins),
        TEST(what_never_was_a_handle_is_refused),
        TEST(request_without_security_or_callback_is_refused),
        TEST(request_may_go_without_serial_number_and_user_data),
        TEST(fetch_without_security_or_reply_is_refused),
        TEST(send_proto_without_body_or_callback_is_refused),
        TEST(infos_without_a_struct_are_refused),
        TEST(replies_that_are_null_are_harmless),
        TEST(request_for_a_bad_code_is_refused),
        TEST(request_for_no_market_is_refused),
        TEST(wait_ready_refuses_times_out_of_range),
    };
    return cmocka_run_group_tests_name("handles", tests, NULL, NULL);
}
