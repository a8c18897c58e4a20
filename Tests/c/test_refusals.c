/* Refusals with the messages of real gateways: because of the rate limit, temporary ones, and final ones. */
#include "support.h"

#include <stdlib.h>

/* What the gateway answers now to every request for a capital distribution, or to every second one. */
static void refuse(gateway *g, const frame *request) {
    message body = {0};
    put_refusal(&body, -1, __atomic_load_n(&g->context, __ATOMIC_ACQUIRE));
    gateway_reply(g, request, &body);
}

/* The gateway's thread may be answering. */
static void say(gateway *g, const char *words) {
    __atomic_store_n(&g->context, (void *)(uintptr_t)words, __ATOMIC_RELEASE);
}

static gateway *refusing_gateway(fixture *f, const char *words) {
    gateway *g = start_gateway(f);
    say(g, words);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, refuse);
    return g;
}

static client *limited_client(fixture *f, int port, int window_ms) {
    client *c = new_client(f, port);
    c->options.quota_requests = 5;
    c->options.quota_window_ms = window_ms;
    open_ready(c);
    return c;
}

static int32_t next_slot_ms(client *c) {
    capdist_quota quota;
    assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
    assert_status(capdist_get_quota(c->conn, &quota), CAPDIST_OK);
    return quota.next_slot_ms;
}

/* ---- because of the rate limit ---- */

/* The window of these connections is 7 s. */
static const struct {
    const char *words;
    int seconds;
} frequency[] = {
    {"获取资金分布频率太高，请求失败，每30秒最多30次", 30},
    {"获取资金分布频率太高，请求失败，每30秒最多30次。", 30},
    {"获取资金分布频率太高,请求失败,每30秒最多30次.", 30},
    {"Get Capital Flow is too frequent, request failed, no more than 30 times every 30 seconds.", 30},
    {"Get Capital Distribution is too frequent，request failed，no more than 10 times every 60 seconds", 60},
    {"GET CAPITAL FLOW IS TOO FREQUENT, REQUEST FAILED, NO MORE THAN 30 TIMES EVERY 30 SECONDS。", 30},
    {"此协议请求太频繁，触发了频率限制，请稍后再试", 7},
    {"此协议请求太频繁,触发了频率限制,请稍后再试。", 7},
    {"This protocol request is too frequent, triggering a frequency limit, please try again later", 7},
    {"this protocol request is too frequent，triggering a frequency limit，please try again later。", 7},
};

static void check_rate_limited(const capdist_reply *r, int seconds) {
    assert_int_equal(r->was_sent, 1);
    assert_int_equal(r->retry, CAPDIST_RETRY_AFTER);
    assert_in_range(r->retry_after_ms, seconds * 1000 - 500, seconds * 1000 + 1);
}

static void every_wording_is_known_and_teaches_the_window(void **state) {
    gateway *g = refusing_gateway(*state, "");
    for (size_t i = 0; i < COUNT(frequency); i++) {
        say(g, frequency[i].words);
        int before = gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION);
        client *c = limited_client(*state, g->port, 7000);
        for (int k = 0; k < 4; k++) ask(c, "700");
        assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
        event e = event_at(c, EVENT_REPLY, 0);
        if (e.status != CAPDIST_RATE_LIMITED) fail_msg("%s: status %d", frequency[i].words, e.status);
        check_rate_limited(&e.reply, frequency[i].seconds);
        assert_in_range(next_slot_ms(c), frequency[i].seconds * 1000 - 2000, frequency[i].seconds * 1000 + 1);
        /* The others were not refused, and have not been sent. */
        sleep_ms(20);
        assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), before + 1);
        assert_int_equal(count_of(c, EVENT_REPLY), 1);
        assert_status(capdist_release(c->conn), CAPDIST_OK);
    }
}

static void every_wording_is_known_of_raw_requests(void **state) {
    gateway *g = refusing_gateway(*state, "");
    gateway_on(g, 3211, refuse);
    for (size_t i = 0; i < COUNT(frequency); i++) {
        say(g, frequency[i].words);
        client *c = limited_client(*state, g->port, 7000);
        /* Another protocol has a quota of its own, and closes no gate. */
        static const uint32_t protocols[] = {3211, GET_CAPITAL_DISTRIBUTION};
        for (int k = 0; k < 2; k++) {
            uint32_t serial_no;
            assert_status(capdist_send_proto(c->conn, protocols[k], "", 0, NULL, record_proto_reply, c, &serial_no),
                          CAPDIST_OK);
            note_accepted(c, serial_no);
            assert_true(wait_for(c, EVENT_PROTO_REPLY, k + 1, PATIENCE_MS));
            event e = reply_to(c, serial_no);
            if (e.status != CAPDIST_RATE_LIMITED) fail_msg("%s: status %d", frequency[i].words, e.status);
            check_rate_limited(&e.reply, frequency[i].seconds);
            assert_true(k == 0 ? next_slot_ms(c) == 0 : next_slot_ms(c) > 1000);
        }
        assert_status(capdist_release(c->conn), CAPDIST_OK);
    }
}

static void a_late_answer_closes_the_gate_too(void **state) {
    gateway *g = start_gateway(*state);
    for (size_t i = 0; i < COUNT(frequency); i++) {
        gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
        int before = gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION);
        client *c = limited_client(*state, g->port, 7000);
        uint32_t serial_no = ask(c, "700");
        assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, before + 1, PATIENCE_MS));
        assert_status(capdist_cancel(c->conn, serial_no), CAPDIST_OK);
        assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
        assert_int_equal(next_slot_ms(c), 0);
        frame late;
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, before, &late));
        say(g, frequency[i].words);
        refuse(g, &late);
        for (int waited = 0; next_slot_ms(c) == 0 && waited < PATIENCE_MS; waited++) sleep_ms(1);
        assert_in_range(next_slot_ms(c), frequency[i].seconds * 1000 - 2000, frequency[i].seconds * 1000 + 1);
        assert_status(capdist_release(c->conn), CAPDIST_OK);
    }
}

static void over_websocket_the_gate_is_closed_too(void **state) {
    int port = start_simulator(*state, PLAIN_WEBSOCKET, "--fault", "too-frequent=9", NULL);
    client *c = new_client(*state, port);
    c->options.transport = CAPDIST_TRANSPORT_WEBSOCKET;
    c->options.quota_requests = 5;
    open_ready(c);
    for (int k = 0; k < 4; k++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    event e = event_at(c, EVENT_REPLY, 0);
    assert_int_equal(e.status, CAPDIST_RATE_LIMITED);
    check_rate_limited(&e.reply, 9);
    sleep_ms(20);
    assert_int_equal(count_of(c, EVENT_REPLY), 1);
    assert_in_range(next_slot_ms(c), 7000, 9001);
}

/* ---- an application that was restarted ---- */

static void the_first_request_goes_alone(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = limited_client(*state, g->port, 30000);
    for (int k = 0; k < 4; k++) ask(c, "700");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    sleep_ms(50);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 1);
    frame first;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 0, &first));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    answer_distribution(g, &first);
    assert_true(wait_for(c, EVENT_REPLY, 4, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 4);
}

/* Connections of one group send a single first request together. */
static void the_first_request_is_the_groups(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = limited_client(*state, g->port, 30000), *b = new_client(*state, g->port);
    b->options = a->options;
    b->options.user_data = b;
    open_ready(b);
    ask(a, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    ask(b, "2");
    sleep_ms(50);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 1);
    /* It is given up. The next one is sent alone, too, and at once. */
    assert_status(capdist_cancel(a->conn, 1), CAPDIST_OK);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
}

static void without_an_answer_the_others_go_after_the_reply_timeout(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 5;
    c->options.reply_timeout_ms = 300;
    open_ready(c);
    int64_t start = now_ms();
    for (int k = 0; k < 4; k++) ask(c, "700");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 4, PATIENCE_MS));
    frame second;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 1, &second));
    assert_in_range(second.at - start, 290, PATIENCE_MS);
}

/* The previous run has used up the quota: one refusal, and then figures. */
static void a_restarted_program_has_one_refusal(void **state) {
    int port = start_simulator(*state, "--quota", "8/2", NULL);
    client *before = new_client(*state, port);
    open_ready(before);
    for (int k = 0; k < 8; k++) ask(before, "00700");
    assert_true(wait_for(before, EVENT_REPLY, 8, PATIENCE_MS));
    client *c = new_client(*state, port);
    c->options.quota_requests = 8;
    c->options.quota_window_ms = 2000;
    open_ready(c);
    for (int k = 0; k < 8; k++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 8, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_RATE_LIMITED), 1);
    assert_int_equal(count_of_status(c, CAPDIST_OK), 7);
}

/* ---- temporary or final ---- */

static const struct {
    const char *words;
    int32_t retry;
} refusals[] = {
    {"网络中断", CAPDIST_RETRY_LATER},
    {"NN_ProtoRet_TimeOut", CAPDIST_RETRY_LATER},
    {"NN_ProtoRet_ByDisConnOrCacnel", CAPDIST_RETRY_LATER},
    {"未知股票 US.AAPL", CAPDIST_RETRY_NEVER},
    {"Unknown stock 0005", CAPDIST_RETRY_NEVER},
    {"行情权限不足", CAPDIST_RETRY_NEVER},
    {"暂不支持美股指数", CAPDIST_RETRY_NEVER},
    {"该接口仅支持正股", CAPDIST_RETRY_NEVER},
    {"未知的协议ID", CAPDIST_RETRY_NEVER},
    {"NN_ProtoRet_SvrFailed", CAPDIST_RETRY_UNKNOWN},
    {"", CAPDIST_RETRY_UNKNOWN},
    {"something new", CAPDIST_RETRY_UNKNOWN},
};

static void a_refusal_tells_whether_to_ask_again(void **state) {
    gateway *g = refusing_gateway(*state, "");
    gateway_on(g, 3211, refuse);
    client *c = ready_client(*state, g->port);
    for (size_t i = 0; i < COUNT(refusals); i++) {
        say(g, refusals[i].words);
        uint32_t typed = ask(c, "700"), raw;
        assert_status(capdist_send_proto(c->conn, 3211, "", 0, NULL, record_proto_reply, c, &raw), CAPDIST_OK);
        note_accepted(c, raw);
        assert_true(wait_for(c, EVENT_REPLY, (int)i + 1, PATIENCE_MS));
        assert_true(wait_for(c, EVENT_PROTO_REPLY, (int)i + 1, PATIENCE_MS));
        event replies[] = {reply_to(c, typed), reply_to(c, raw)};
        for (int k = 0; k < 2; k++) {
            assert_int_equal(replies[k].status, CAPDIST_REFUSED);
            assert_true(replies[k].reply.present & CAPDIST_HAS_RETRY);
            if (replies[k].reply.retry != refusals[i].retry) {
                fail_msg("%s: %d instead of %d", refusals[i].words, replies[k].reply.retry, refusals[i].retry);
            }
            assert_int_equal(replies[k].reply.retry_after_ms, 0);
        }
    }
}

static void every_end_tells_whether_to_ask_again(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    uint32_t answered = ask(c, "700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    capdist_request_options o = request_defaults();
    o.reply_timeout_ms = 50;
    uint32_t late = ask_with(c, "700", &o), cancelled = ask(c, "700"), lost = ask(c, "700");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_status(capdist_cancel(c->conn, cancelled), CAPDIST_OK);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_REPLY, 4, PATIENCE_MS));
    client *d = ready_client(*state, g->port);
    uint32_t released = ask(d, "700");
    assert_status(capdist_release(d->conn), CAPDIST_OK);
    const struct {
        event e;
        capdist_status status;
        int32_t retry;
    } ends[] = {
        {reply_to(c, answered), CAPDIST_OK, CAPDIST_RETRY_UNKNOWN},
        {reply_to(c, late), CAPDIST_REPLY_TIMEOUT, CAPDIST_RETRY_LATER},
        {reply_to(c, cancelled), CAPDIST_CANCELLED, CAPDIST_RETRY_LATER},
        {reply_to(c, lost), CAPDIST_DISCONNECTED, CAPDIST_RETRY_LATER},
        {reply_to(d, released), CAPDIST_RELEASED, CAPDIST_RETRY_NEVER},
    };
    for (size_t i = 0; i < COUNT(ends); i++) {
        assert_int_equal(ends[i].e.status, ends[i].status);
        assert_int_equal(ends[i].e.reply.retry, ends[i].retry);
        assert_true(ends[i].e.reply.present & CAPDIST_HAS_RETRY);
        /* The status alone gives the same. */
        assert_int_equal(capdist_status_retry(ends[i].status), ends[i].retry);
    }
}

static void every_status_tells_what_it_knows(void **state) {
    (void)state;
    static const capdist_status later[] = {CAPDIST_QUEUE_TIMEOUT, CAPDIST_REPLY_TIMEOUT, CAPDIST_DISCONNECTED,
                                           CAPDIST_CANCELLED, CAPDIST_CONNECT_FAILED, CAPDIST_CONNECT_TIMEOUT,
                                           CAPDIST_CONNECT_REFUSED, CAPDIST_QUEUE_FULL, CAPDIST_QUOTA_EXHAUSTED,
                                           CAPDIST_BUSY, CAPDIST_SYSTEM_ERROR};
    static const capdist_status never[] = {CAPDIST_RELEASED, CAPDIST_INVALID_ARGUMENT, CAPDIST_NOT_CONNECTED,
                                           CAPDIST_WOULD_DEADLOCK, CAPDIST_FORKED, CAPDIST_UNSUPPORTED,
                                           CAPDIST_NEEDS_ADDRESS, CAPDIST_QUOTA_CONFLICT, CAPDIST_NOT_FOUND};
    static const capdist_status unknown[] = {CAPDIST_OK, CAPDIST_REFUSED, CAPDIST_MALFORMED_REPLY,
                                             CAPDIST_PROTOCOL_ERROR, CAPDIST_ENCRYPTION_FAILED, CAPDIST_TLS_FAILED,
                                             -1, 9, 999};
    for (size_t i = 0; i < COUNT(later); i++) assert_int_equal(capdist_status_retry(later[i]), CAPDIST_RETRY_LATER);
    for (size_t i = 0; i < COUNT(never); i++) assert_int_equal(capdist_status_retry(never[i]), CAPDIST_RETRY_NEVER);
    for (size_t i = 0; i < COUNT(unknown); i++) {
        assert_int_equal(capdist_status_retry(unknown[i]), CAPDIST_RETRY_UNKNOWN);
    }
    assert_int_equal(capdist_status_retry(CAPDIST_RATE_LIMITED), CAPDIST_RETRY_AFTER);
}

/* The gateway decides whether there is such a market. */
static void a_market_by_its_number_is_asked_for(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const int32_t markets[] = {CAPDIST_MARKET_HK_FUTURE, CAPDIST_MARKET_EC, 3, 999, INT32_MAX};
    for (size_t i = 0; i < COUNT(markets); i++) {
        capdist_security security = {.market = markets[i], .code = "700"};
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
        assert_int_equal(reply->security.market, markets[i]);
        capdist_reply_free(reply);
        frame f;
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, (int)i, &f));
        const uint8_t *c2s, *asked;
        size_t c2s_length, asked_length;
        int64_t market;
        assert_true(find_field(f.body, f.length, 1, NULL, &c2s, &c2s_length));
        assert_true(find_field(c2s, c2s_length, 1, NULL, &asked, &asked_length));
        assert_true(find_field(asked, asked_length, 1, &market, NULL, NULL));
        assert_int_equal(market, markets[i]);
    }
    static const int32_t none[] = {0, -1, INT32_MIN};
    for (size_t i = 0; i < COUNT(none); i++) {
        capdist_security security = {.market = none[i], .code = "700"};
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_INVALID_ARGUMENT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_wording_is_known_and_teaches_the_window),
        TEST(every_wording_is_known_of_raw_requests),
        TEST(a_late_answer_closes_the_gate_too),
        TEST(over_websocket_the_gate_is_closed_too),
        TEST(the_first_request_goes_alone),
        TEST(the_first_request_is_the_groups),
        TEST(without_an_answer_the_others_go_after_the_reply_timeout),
        TEST(a_restarted_program_has_one_refusal),
        TEST(a_refusal_tells_whether_to_ask_again),
        TEST(every_end_tells_whether_to_ask_again),
        TEST(every_status_tells_what_it_knows),
        TEST(a_market_by_its_number_is_asked_for),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
