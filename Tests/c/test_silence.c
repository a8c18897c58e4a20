/* Timeouts that need real time: a stream is dead after 33 s without a complete frame, and not before. It is one test, since the
 * cases can wait together. */
#include "support.h"

#include <errno.h>

static void silence_of_33_s_ends_a_stream(void **state) {
    /* Answers InitConnect only. */
    gateway *silent = start_gateway(*state);
    gateway_on(silent, KEEP_ALIVE, answer_nothing);
    /* The same, and sometimes sends a byte of a frame that never becomes complete. */
    gateway *trickling = start_gateway(*state);
    gateway_on(trickling, KEEP_ALIVE, answer_nothing);
    /* Answers KeepAlive only. */
    gateway *living = start_gateway(*state);
    /* Asks for KeepAlive every 1000 s, which counts as 30. */
    gateway *patient = start_gateway(*state);
    patient->keep_alive_interval = 1000;
    /* Sends pushes only, which are frames, too. */
    gateway *pushing = start_gateway(*state);
    gateway_on(pushing, KEEP_ALIVE, answer_nothing);

    /* OpenD's WebSocket bridge answers no ping, without and with TLS. Another one does. */
    const int bridges[] = {start_simulator(*state, "--fault", "no-keep-alive", PLAIN_WEBSOCKET, NULL),
                          start_simulator(*state, "--fault", "no-keep-alive", TLS_WEBSOCKET, NULL),
                          start_simulator(*state, TLS_WEBSOCKET, NULL)};
    client *bridged[COUNT(bridges)];
    for (size_t i = 0; i < COUNT(bridges); i++) {
        bridged[i] = new_client(*state, bridges[i]);
        bridged[i]->options.transport = i == 0 ? CAPDIST_TRANSPORT_WEBSOCKET : CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        bridged[i]->options.tls_ca_file = i == 0 ? NULL : TLS_CA;
        open_ready(bridged[i]);
    }

    gateway *gateways[] = {silent, trickling, living, patient, pushing};
    client *clients[COUNT(gateways)];
    int64_t start = now_ms();
    for (size_t i = 0; i < COUNT(gateways); i++) {
        clients[i] = new_client(*state, gateways[i]->port);
        clients[i]->options.recv_notify = 1;
        clients[i]->options.reply_timeout_ms = 60000;
        open_ready(clients[i]);
    }
    gateway_on(silent, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    uint32_t unanswered = ask(clients[0], "1");

    uint8_t part[HEADER_SIZE + 100];
    static const uint8_t body[100];
    size_t sent = 0;
    pack_frame(part, NOTIFY, 0, body, sizeof body);
    for (; now_ms() - start < 31500; sleep_ms(1000)) {
        gateway_send_raw(trickling, 0, part + sent++, 1);
        if (sent % 10 == 0) gateway_send(pushing, 0, NOTIFY, 0, "\x08\x00", 2);
    }
    for (int i = 0; i < 2; i++) {
        assert_true(wait_for(clients[i], EVENT_DISCONNECT, 1, PATIENCE_MS));
        event e = event_at(clients[i], EVENT_DISCONNECT, 0);
        assert_int_equal(CAPDIST_ERR_KIND(e.err_code), CAPDIST_ERR_KIND_RECEIVE);
        assert_int_equal(CAPDIST_ERR_CODE(e.err_code), ETIMEDOUT);
        assert_in_range(e.at - start, 32990, 33000 + PATIENCE_MS);
        assert_non_null(strstr(e.text, "silent"));
    }
    assert_true(wait_for(clients[0], EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(reply_to(clients[0], unanswered).status, CAPDIST_DISCONNECTED);
    for (int i = 0; i < 2; i++) {
        assert_true(wait_for(bridged[i], EVENT_DISCONNECT, 1, PATIENCE_MS));
        event e = event_at(bridged[i], EVENT_DISCONNECT, 0);
        assert_int_equal(CAPDIST_ERR_CODE(e.err_code), ETIMEDOUT);
        assert_in_range(e.at - start, 32000, 33000 + PATIENCE_MS);
        assert_non_null(strstr(e.text, "silent"));
    }
    assert_int_equal(count_of(bridged[2], EVENT_DISCONNECT), 0);
    ask(bridged[2], "00700");
    assert_true(wait_for(bridged[2], EVENT_REPLY, 1, PATIENCE_MS));
    sleep_ms(500);
    for (int i = 2; i < 5; i++) {
        assert_int_equal(count_of(clients[i], EVENT_DISCONNECT), 0);
        ask(clients[i], "1");
        assert_true(wait_for(clients[i], EVENT_REPLY, 1, PATIENCE_MS));
    }
    frame first, keep_alive;
    assert_true(gateway_frame(patient, INIT_CONNECT, 0, &first));
    assert_int_equal(gateway_frame_count(patient, KEEP_ALIVE), 1);
    assert_true(gateway_frame(patient, KEEP_ALIVE, 0, &keep_alive));
    assert_in_range(keep_alive.at - first.at, 23950, 24000 + PATIENCE_MS);
    assert_in_range(gateway_frame_count(living, KEEP_ALIVE), 3, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(silence_of_33_s_ends_a_stream),
    };
    return cmocka_run_group_tests_name("silence", tests, NULL, NULL);
}
