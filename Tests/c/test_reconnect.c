/* Connections that are lost and come back, KeepAlive, and requests meanwhile. */
#include "support.h"

#include <stdlib.h>

static client *reconnecting_client(fixture *f, gateway *g) {
    client *c = new_client(f, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 20;
    c->options.reconnect_max_ms = 40;
    return c;
}

static void requests_in_flight_are_lost_and_queued_ones_survive(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_first_only);
    client *c = reconnecting_client(*state, g);
    c->options.quota_requests = 3;
    c->options.quota_window_ms = 300;
    open_ready(c);
    for (int i = 1; i <= 5; i++) ask(c, "10");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 3, PATIENCE_MS));
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_REPLY, 5, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; disconnect 11/0; reply 2 DISCONNECTED; reply 3 DISCONNECTED; init 0; "
                    "reply 4 OK; reply 5 OK");
    for (uint32_t i = 2; i <= 3; i++) {
        assert_int_equal(reply_to(c, i).reply.was_sent, 1);
        assert_true(strlen(reply_to(c, i).text) > 10);
    }
    frame request;
    for (int i = 3; i < 5; i++) {
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i, &request));
        assert_int_equal(request.stream, 1);
    }
}

static void gateway_that_dies_and_comes_back_is_found_again(void **state) {
    gateway *g = start_gateway(*state);
    client *c = reconnecting_client(*state, g);
    open_ready(c);
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_go_down(g);
    assert_true(wait_for(c, EVENT_DISCONNECT, 1, PATIENCE_MS));
    assert_status(capdist_wait_ready(c->conn, 150), CAPDIST_CONNECT_FAILED);
    for (int i = 2; i <= 6; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", i);
        ask(c, code);
    }
    sleep_ms(50);
    assert_int_equal(count_of(c, EVENT_REPLY), 1);
    gateway_come_back(g);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 6, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; disconnect 11/0; init 0; reply 2 OK; reply 3 OK; reply 4 OK; reply 5 OK; "
                    "reply 6 OK");
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_true(info.conn_id == 6825683696684969515u); /* of the second stream */
    assert_int_equal(info.state, CAPDIST_STATE_READY);
    assert_true(logged(c, CAPDIST_LOG_WARNING, "is OpenD running there?"));
}

static void gateway_may_be_started_later(void **state) {
    gateway *g = start_gateway(*state);
    gateway_go_down(g);
    client *c = reconnecting_client(*state, g);
    open_client(c);
    ask(c, "1");
    ask(c, "2");
    sleep_ms(150);
    assert_story(c, "");
    gateway_come_back(g);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; reply 2 OK");
}

static void every_line_starts_with_init_connect(void **state) {
    gateway *g = start_gateway(*state);
    client *c = reconnecting_client(*state, g);
    open_ready(c);
    for (int i = 0; i < 5; i++) {
        gateway_close_stream(g, i, i % 2);
        assert_true(wait_for(c, EVENT_INIT_CONNECT, i + 2, PATIENCE_MS));
        ask(c, "1");
        assert_true(wait_for(c, EVENT_REPLY, i + 1, PATIENCE_MS));
    }
    assert_int_equal(gateway_frame_count(g, INIT_CONNECT), 6);
    for (int i = 0; i < 6; i++) {
        frame first, request;
        assert_true(gateway_frame(g, INIT_CONNECT, i, &first));
        assert_int_equal(first.stream, i);
        if (i == 0) continue;
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i - 1, &request));
        assert_int_equal(request.stream, i);
        assert_true(request.serial_no > first.serial_no);
    }
}

static void broken_protocol_is_reconnected(void **state) {
    gateway *g = start_gateway(*state);
    client *c = reconnecting_client(*state, g);
    open_ready(c);
    gateway_send_raw(g, 0, "GARBAGE", 7);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_story(c, "init 0; disconnect 11/71; init 0; reply 1 OK"); /* 71: EPROTO */
}

/* Half a frame of the old stream must not become the beginning of the new one's data. */
static void bytes_of_the_old_line_are_forgotten(void **state) {
    gateway *g = start_gateway(*state);
    client *c = reconnecting_client(*state, g);
    open_ready(c);
    uint8_t bytes[HEADER_SIZE + 100];
    static const uint8_t body[100];
    pack_frame(bytes, NOTIFY, 0, body, sizeof body);
    gateway_send_raw(g, 0, bytes, 70);
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    ask(c, "1");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_story(c, "init 0; disconnect 11/0; init 0; reply 1 OK");
}

static void answer_of_the_old_line_is_no_answer_on_the_new_one(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = reconnecting_client(*state, g);
    open_ready(c);
    ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    ask(c, "50");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
    frame request;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 1, &request));
    answer_distribution(g, &request);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_story(c, "init 0; disconnect 11/0; reply 1 DISCONNECTED; init 0; reply 2 OK");
    assert_true(reply_to(c, 2).in_big == 51);
}

static void pauses_grow_up_to_their_bound(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_by_closing);
    client *c = new_client(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 40;
    c->options.reconnect_max_ms = 200;
    open_client(c);
    enum { ATTEMPTS = 9 };
    assert_true(gateway_wait(g, INIT_CONNECT, ATTEMPTS, PATIENCE_MS));
    static const int longest[] = {40, 80, 160, 200, 200, 200, 200, 200};
    int64_t total = 0;
    for (int i = 1; i < ATTEMPTS; i++) {
        frame before, after;
        assert_true(gateway_frame(g, INIT_CONNECT, i - 1, &before));
        assert_true(gateway_frame(g, INIT_CONNECT, i, &after));
        int64_t pause = after.at - before.at;
        /* A pause is shortened at random by up to half, and a busy machine may be late. Tests of the state machine check the
         * upper limit in virtual time. */
        assert_in_range(pause, longest[i - 1] / 2 - 2, PROMPT_MS);
        total += pause;
    }
    assert_in_range(total, 600, PATIENCE_MS);
    assert_story(c, "");
}

static void without_reconnect_a_lost_stream_is_the_end(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_first_only);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 3;
    open_ready(c);
    for (int i = 0; i < 4; i++) ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 3, PATIENCE_MS));
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_REPLY, 4, PATIENCE_MS));
    assert_story(c, "init 0; reply 1 OK; disconnect 11/0; reply 2 DISCONNECTED; reply 3 DISCONNECTED; "
                    "reply 4 DISCONNECTED");
    assert_int_equal(reply_to(c, 3).reply.was_sent, 1);
    assert_int_equal(reply_to(c, 4).reply.was_sent, 0);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_DISCONNECTED);
    capdist_security security = security_of("HK.00700");
    assert_refused(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, NULL),
                   CAPDIST_NOT_CONNECTED, "");
    assert_status(capdist_cancel(c->conn, 1), CAPDIST_NOT_FOUND);
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_int_equal(info.state, CAPDIST_STATE_NOT_CONNECTED);
    assert_int_equal(gateway_stream_count(g), 1);
}

static void fetch_tells_that_the_stream_was_lost(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_by_closing);
    client *c = reconnecting_client(*state, g);
    open_ready(c);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_DISCONNECTED);
    assert_non_null(reply);
    assert_int_equal(reply->was_sent, 1);
    capdist_reply_free(reply);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
    capdist_reply_free(reply);
}

/* ---- KeepAlive ---- */

/* A gateway that asks for KeepAlive every `told` seconds gets one every `interval_ms`, or later on a busy machine. (WireTests
 * checks how much later, in virtual time.) */
static void keeps_alive(void **state, int32_t told, int interval_ms) {
    gateway *g = start_gateway(*state);
    g->keep_alive_interval = told;
    client *c = ready_client(*state, g->port);
    assert_true(gateway_wait(g, KEEP_ALIVE, 3, PATIENCE_MS));
    frame earlier, f;
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &earlier));
    int64_t start = earlier.at;
    for (int i = 0; i < 3; i++) {
        assert_true(gateway_frame(g, KEEP_ALIVE, i, &f));
        assert_true(f.sound);
        assert_true(f.serial_no > earlier.serial_no);
        assert_in_range(f.at - start, (i + 1) * interval_ms - 1, PATIENCE_MS);
        const uint8_t *c2s;
        size_t length;
        int64_t seconds = 0;
        assert_true(find_field(f.body, f.length, 1, NULL, &c2s, &length));
        assert_true(find_field(c2s, length, 1, &seconds, NULL, NULL));
        assert_true(seconds > 1600000000);
        earlier = f;
    }
    assert_story(c, "init 0");
}

static void keep_alive_comes_at_four_fifths_of_the_interval(void **state) {
    keeps_alive(state, 1, 800);
}

static void keep_alive_interval_is_at_least_a_second(void **state) {
    keeps_alive(state, 0, 800);
}

static void keep_alive_goes_on_under_traffic_and_unanswered(void **state) {
    gateway *g = start_gateway(*state);
    g->keep_alive_interval = -5; /* an invalid value counts as a second */
    gateway_on(g, KEEP_ALIVE, answer_nothing);
    client *c = ready_client(*state, g->port);
    for (int64_t end = now_ms() + 1800; now_ms() < end; sleep_ms(10)) ask(c, "1");
    assert_in_range(gateway_frame_count(g, KEEP_ALIVE), 2, 3);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_in_flight_are_lost_and_queued_ones_survive),
        TEST(gateway_that_dies_and_comes_back_is_found_again),
        TEST(gateway_may_be_started_later),
        TEST(every_line_starts_with_init_connect),
        TEST(broken_protocol_is_reconnected),
        TEST(bytes_of_the_old_line_are_forgotten),
        TEST(answer_of_the_old_line_is_no_answer_on_the_new_one),
        TEST(pauses_grow_up_to_their_bound),
        TEST(without_reconnect_a_lost_stream_is_the_end),
        TEST(fetch_tells_that_the_stream_was_lost),
        TEST(keep_alive_comes_at_four_fifths_of_the_interval),
        TEST(keep_alive_interval_is_at_least_a_second),
        TEST(keep_alive_goes_on_under_traffic_and_unanswered),
    };
    return cmocka_run_group_tests_name("reconnect", tests, NULL, NULL);
}
