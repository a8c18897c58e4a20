/* Options of connections and requests: which are refused, with which status, and without any effect. */
#include "support.h"

#include <stdlib.h>

/* ---- capdist_options ---- */

static capdist_options fresh(void) {
    capdist_options options;
    assert_status(capdist_options_init(&options, sizeof options), CAPDIST_OK);
    return options;
}

/* capdist_init_connect() refuses these options, names the option, and stores NULL. */
static void refuse(const capdist_options *options, capdist_status status, const char *name) {
    capdist_conn *conn = (capdist_conn *)(uintptr_t)0xa5a5;
    assert_refused(capdist_init_connect(options, &conn), status, name);
    assert_null(conn);
}

#define REFUSED(field, value)                                                                                          \
    do {                                                                                                               \
        capdist_options o = fresh();                                                                                   \
        o.field = value;                                                                                               \
        refuse(&o, CAPDIST_INVALID_ARGUMENT, #field);                                                                  \
    } while (0)

static void init_gives_the_documented_defaults(void **state) {
    (void)state;
    capdist_options o;
    memset(&o, 0xa5, sizeof o);
    assert_status(capdist_options_init(&o, sizeof o), CAPDIST_OK);
    assert_int_equal(o.struct_size, sizeof o);
    assert_null(o.host);
    assert_int_equal(o.port, 11111);
    assert_int_equal(o.mode, CAPDIST_MODE_THREAD);
    assert_null(o.client_id);
    assert_int_equal(o.client_version, 101);
    assert_int_equal(o.recv_notify, 0);
    assert_null(o.programming_language);
    assert_int_equal(o.transport, CAPDIST_TRANSPORT_TCP);
    assert_null(o.rsa_private_key);
    assert_null(o.rsa_private_key_file);
    assert_null(o.websocket_key);
    assert_null(o.tls_ca_file);
    assert_null(o.tls_server_name);
    assert_int_equal(o.tls_insecure_accept_any_certificate, 0);
    assert_int_equal(o.reconnect, 1);
    assert_int_equal(o.reconnect_min_ms, 500);
    assert_int_equal(o.reconnect_max_ms, 30000);
    assert_int_equal(o.connect_timeout_ms, 10000);
    assert_int_equal(o.queue_timeout_ms, 120000);
    assert_int_equal(o.reply_timeout_ms, 12000);
    assert_int_equal(o.quota_requests, 30);
    assert_int_equal(o.quota_window_ms, 30000);
    assert_int_equal(o.quota_mode, CAPDIST_QUOTA_WAIT);
    assert_int_equal(o.max_queue, 4096);
    assert_int_equal(o.max_body_bytes, 4 * 1024 * 1024);
    assert_null(o.quota_group);
    assert_true(!o.on_init_connect && !o.on_disconnect && !o.on_push && !o.on_log && !o.on_closed && !o.on_thread_start);
    assert_true(!o.on_attempt_failed);
    assert_int_equal(o.thread_stack_bytes, 256 * 1024);
    assert_int_equal(o.outage_mode, CAPDIST_OUTAGE_DEFAULT);
    assert_null(o.user_data);
}

static void host_is_a_name_or_an_address_alone(void **state) {
    (void)state;
    static const char *const bad[] = {"127.0.0.1:11111", "localhost:11111", "[::1]", "[::1]:11111", "ws://127.0.0.1",
                                      "opend.example/", "tcp://opend.example:11111"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (int32_t mode = CAPDIST_MODE_THREAD; mode <= CAPDIST_MODE_HOST_DRIVEN; mode++) {
            capdist_options o = fresh();
            o.host = bad[i];
            o.mode = mode;
            refuse(&o, CAPDIST_INVALID_ARGUMENT, "pass the port as port");
            assert_non_null(strstr(capdist_last_error(), bad[i]));
        }
    }
}

static void outage_modes(void **state) {
    (void)state;
    REFUSED(outage_mode, -1);
    REFUSED(outage_mode, 3);
}

static void port_is_from_1_to_65535(void **state) {
    (void)state;
    REFUSED(port, 0);
    REFUSED(port, 70000);
    REFUSED(port, 65536);
    REFUSED(port, -1);
    REFUSED(port, INT32_MIN);
}

static void times_are_up_to_an_hour(void **state) {
    (void)state;
    static const int32_t bad[] = {-1, 3600001, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(bad); i++) {
        REFUSED(reconnect_min_ms, bad[i]);
        REFUSED(reconnect_max_ms, bad[i]);
        REFUSED(connect_timeout_ms, bad[i]);
        REFUSED(queue_timeout_ms, bad[i]);
        REFUSED(reply_timeout_ms, bad[i]);
        REFUSED(quota_window_ms, bad[i]);
    }
}

static void longest_pause_is_not_below_the_first(void **state) {
    (void)state;
    capdist_options o = fresh();
    o.reconnect_min_ms = 200;
    o.reconnect_max_ms = 199;
    refuse(&o, CAPDIST_INVALID_ARGUMENT, "reconnect_max_ms");
}

static void sizes_are_within_their_bounds(void **state) {
    (void)state;
    REFUSED(max_queue, -1);
    REFUSED(max_queue, 1000001);
    REFUSED(max_body_bytes, -1);
    REFUSED(max_body_bytes, 1023);
    REFUSED(max_body_bytes, 268435457);
    REFUSED(thread_stack_bytes, -1);
    REFUSED(thread_stack_bytes, 131071);
    REFUSED(thread_stack_bytes, 1073741825);
    REFUSED(quota_requests, -1);
    REFUSED(quota_requests, 100001);
    REFUSED(client_version, -1);
}

static void booleans_are_0_or_1(void **state) {
    (void)state;
    REFUSED(reconnect, 2);
    REFUSED(reconnect, -1);
    REFUSED(recv_notify, 2);
    REFUSED(recv_notify, -1);
    REFUSED(tls_insecure_accept_any_certificate, 2);
}

static void enums_have_only_their_values(void **state) {
    (void)state;
    REFUSED(mode, 2);
    REFUSED(mode, -1);
    REFUSED(transport, 3);
    REFUSED(transport, -1);
    REFUSED(packet_cipher, 3);
    REFUSED(packet_cipher, -2);
    REFUSED(quota_mode, 3);
    REFUSED(quota_mode, -1);
}

static void texts_are_utf8_of_1_to_255_bytes(void **state) {
    (void)state;
    static char overlong[300];
    memset(overlong, 'a', 256);
    static const char *const bad[] = {"", overlong, "caf\xe9", "\xc3"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        REFUSED(host, bad[i]);
        REFUSED(client_id, bad[i]);
        REFUSED(programming_language, bad[i]);
        REFUSED(quota_group, bad[i]);
    }
}

static void texts_of_255_bytes_are_accepted(void **state) {
    char longest[256];
    memset(longest, 'a', 255);
    longest[255] = 0;
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.client_id = c->options.programming_language = c->options.quota_group = longest;
    open_ready(c);
}

static void bounds_themselves_are_accepted(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 3600000;
    c->options.connect_timeout_ms = c->options.queue_timeout_ms = c->options.reply_timeout_ms = 3600000;
    c->options.quota_window_ms = 3600000;
    c->options.quota_requests = 100000;
    c->options.max_queue = 1000000;
    c->options.max_body_bytes = 268435456;
    c->options.client_version = INT32_MAX;
    c->options.thread_stack_bytes = 1073741824;
    open_ready(c);
    client *d = new_client(*state, g->port);
    d->options.max_queue = 1;
    d->options.max_body_bytes = 1024;
    d->options.client_version = 0;
    d->options.thread_stack_bytes = 131072;
    d->options.quota_requests = 1;
    open_ready(d);
}

static void zero_takes_the_default(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = c->options.connect_timeout_ms = 0;
    c->options.queue_timeout_ms = c->options.reply_timeout_ms = 0;
    c->options.quota_window_ms = c->options.max_queue = c->options.max_body_bytes = 0;
    c->options.thread_stack_bytes = 0;
    c->options.quota_mode = CAPDIST_QUOTA_DEFAULT;
    c->options.quota_requests = 7;
    open_ready(c);
    capdist_quota quota;
    assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
    assert_status(capdist_get_quota(c->conn, &quota), CAPDIST_OK);
    assert_int_equal(quota.limit, 7);
    assert_int_equal(quota.window_ms, 30000);
}

#define REFUSED_OVER(over, field, value, name)                                                                         \
    do {                                                                                                               \
        capdist_options o = fresh();                                                                                   \
        o.transport = over;                                                                                            \
        o.field = value;                                                                                               \
        refuse(&o, CAPDIST_INVALID_ARGUMENT, name);                                                                    \
    } while (0)

static void what_the_transport_does_not_do_is_refused(void **state) {
    (void)state;
    static const char key[] = VECTORS "/rsa/1024.pem", ca[] = VECTORS "/tls/ca.pem";
    REFUSED(websocket_key, "7522027ccf5a06b1");
    REFUSED(tls_ca_file, ca);
    REFUSED(tls_server_name, "quotes.example");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET, tls_server_name, "a\r\nb", "tls_server_name");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET_TLS, tls_server_name, "", "tls_server_name");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET_TLS, tls_server_name, "a\r\nb", "tls_server_name");
    REFUSED(tls_insecure_accept_any_certificate, 1);
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET, tls_ca_file, ca, "tls_ca_file");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET, tls_insecure_accept_any_certificate, 1, "tls_insecure");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET, rsa_private_key_file, key, "RSA key");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET_TLS, rsa_private_key_file, key, "RSA key");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET_TLS, tls_ca_file, "no-such-file.pem", "tls_ca_file cannot be used: it cannot be read");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET_TLS, tls_ca_file, VECTORS, "tls_ca_file cannot be used: it is not a regular file");
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET_TLS, tls_ca_file, VECTORS "/tls/key.pem", "no certificate in it");
    capdist_options o = fresh();
    o.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
    o.tls_ca_file = ca;
    o.tls_insecure_accept_any_certificate = 1;
    refuse(&o, CAPDIST_INVALID_ARGUMENT, "set only one");
    char longest[257];
    memset(longest, 'k', 256);
    longest[256] = 0;
    REFUSED_OVER(CAPDIST_TRANSPORT_WEBSOCKET, websocket_key, longest, "websocket_key is longer than 255");
}

static void cipher_means_nothing_without_a_key(void **state) {
    gateway *g = start_gateway(*state);
    for (int32_t cipher = CAPDIST_CIPHER_NONE; cipher <= CAPDIST_CIPHER_AES_CBC; cipher++) {
        client *c = new_client(*state, g->port);
        c->options.packet_cipher = cipher;
        open_ready(c);
    }
}

static void null_options_are_the_defaults(void **state) {
    (void)state;
    capdist_conn *conn = NULL;
    assert_status(capdist_init_connect(NULL, &conn), CAPDIST_OK);
    assert_non_null(conn);
    capdist_quota quota;
    assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
    assert_status(capdist_get_quota(conn, &quota), CAPDIST_OK);
    assert_int_equal(quota.limit, 30);
    assert_int_equal(quota.window_ms, 30000);
    assert_status(capdist_release(conn), CAPDIST_OK);
}

static void conn_must_not_be_null(void **state) {
    (void)state;
    capdist_options o = fresh();
    assert_status(capdist_init_connect(&o, NULL), CAPDIST_INVALID_ARGUMENT);
    assert_status(capdist_init_connect(NULL, NULL), CAPDIST_INVALID_ARGUMENT);
}

/* ---- capdist_request_options ---- */

/* Each of the three calls refuses a request with these options, names the option, and has no effect. */
static void refuse_request(client *c, const capdist_request_options *o, capdist_status status, const char *name) {
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no = 77;
    assert_refused(capdist_get_capital_distribution(c->conn, &security, o, record_reply, c, &serial_no), status, name);
    assert_int_equal(serial_no, 0);
    capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5a5;
    assert_refused(capdist_fetch_capital_distribution(c->conn, &security, o, &reply), status, name);
    assert_null(reply);
    serial_no = 77;
    assert_refused(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, o, record_proto_reply, c, &serial_no), status,
                   name);
    assert_int_equal(serial_no, 0);
}

static void request_options_out_of_range_are_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const int32_t bad[] = {-1, 3600001, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT(bad); i++) {
        capdist_request_options o = request_defaults();
        o.queue_timeout_ms = bad[i];
        refuse_request(c, &o, CAPDIST_INVALID_ARGUMENT, "queue_timeout_ms");
        o = request_defaults();
        o.reply_timeout_ms = bad[i];
        refuse_request(c, &o, CAPDIST_INVALID_ARGUMENT, "reply_timeout_ms");
    }
    capdist_request_options o = request_defaults();
    o.quota_mode = 3;
    refuse_request(c, &o, CAPDIST_INVALID_ARGUMENT, "quota_mode");
    o.quota_mode = -1;
    refuse_request(c, &o, CAPDIST_INVALID_ARGUMENT, "quota_mode");
    o = request_defaults();
    o.security_firm = -1;
    refuse_request(c, &o, CAPDIST_INVALID_ARGUMENT, "security_firm");
    o = request_defaults();
    o.outage_mode = 3;
    refuse_request(c, &o, CAPDIST_INVALID_ARGUMENT, "outage_mode");
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION) + gateway_frame_count(g, GET_GLOBAL_STATE), 0);
    assert_story(c, "init 0");
}

static void request_options_init_gives_zeroes(void **state) {
    (void)state;
    capdist_request_options o, expected = {.struct_size = sizeof o};
    memset(&o, 0xa5, sizeof o);
    assert_status(capdist_request_options_init(&o, sizeof o), CAPDIST_OK);
    assert_memory_equal(&o, &expected, sizeof o);
}

static void request_timeouts_of_an_hour_are_accepted(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    capdist_request_options o = request_defaults();
    o.queue_timeout_ms = o.reply_timeout_ms = 3600000;
    ask_with(c, "1", &o);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_OK);
}

static void security_firm_is_sent_only_if_set(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    capdist_request_options o = request_defaults();
    ask_with(c, "00700", &o);
    o.security_firm = 1;
    ask_with(c, "00700", &o);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
    frame f;
    const uint8_t *c2s, *header;
    size_t length, header_length;
    int64_t firm = 0;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 0, &f));
    static const uint8_t vendors[] = {0x0a, 0x0b, 0x0a, 0x09, 0x08, 0x01, 0x12, 0x05, '0', '0', '7', '0', '0'};
    assert_int_equal(f.length, sizeof vendors);
    assert_memory_equal(f.body, vendors, sizeof vendors);
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 1, &f));
    assert_true(find_field(f.body, f.length, 1, NULL, &c2s, &length));
    assert_true(find_field(c2s, length, 100, NULL, &header, &header_length));
    assert_true(find_field(header, header_length, 1, &firm, NULL, NULL));
    assert_int_equal(firm, 1);
    /* The library does not check a raw body. */
    uint32_t serial_no = 77;
    assert_refused(capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, &o, record_proto_reply, c, &serial_no),
                   CAPDIST_INVALID_ARGUMENT, "security_firm");
    assert_int_equal(serial_no, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(init_gives_the_documented_defaults),
        TEST(host_is_a_name_or_an_address_alone),
        TEST(outage_modes),
        TEST(port_is_from_1_to_65535),
        TEST(times_are_up_to_an_hour),
        TEST(longest_pause_is_not_below_the_first),
        TEST(sizes_are_within_their_bounds),
        TEST(booleans_are_0_or_1),
        TEST(enums_have_only_their_values),
        TEST(texts_are_utf8_of_1_to_255_bytes),
        TEST(texts_of_255_bytes_are_accepted),
        TEST(bounds_themselves_are_accepted),
        TEST(zero_takes_the_default),
        TEST(what_the_transport_does_not_do_is_refused),
        TEST(cipher_means_nothing_without_a_key),
        TEST(null_options_are_the_defaults),
        TEST(conn_must_not_be_null),
        TEST(request_options_out_of_range_are_refused),
        TEST(request_options_init_gives_zeroes),
        TEST(request_timeouts_of_an_hour_are_accepted),
        TEST(security_firm_is_sent_only_if_set),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
