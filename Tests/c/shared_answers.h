/* What the tests of shared answers have in common. */
#ifndef SHARED_ANSWERS_H
#define SHARED_ANSWERS_H

#include "support.h"

enum { MINUTE = 60000 };

static inline client *sharing_client(fixture *f, int port, int requests, client *beside) {
    client *c = new_client(f, port);
    c->options.quota_requests = requests;
    c->options.quota_window_ms = MINUTE;
    if (beside) c->options.quota_group = beside->options.quota_group;
    return c;
}

/* Two connections of one group that stand, to a gateway that does not answer by itself. */
static inline gateway *two_clients(fixture *f, client **a, client **b) {
    gateway *g = start_gateway(f);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    *a = sharing_client(f, g->port, 30, NULL);
    *b = sharing_client(f, g->port, 30, *a);
    open_ready(*a);
    open_ready(*b);
    return g;
}

static inline uint32_t ask_shared(client *c, const char *code, int max_age_ms) {
    capdist_request_options o = request_defaults();
    o.max_age_ms = max_age_ms;
    return ask_with(c, code, &o);
}

static inline int asked(gateway *g) {
    return gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION);
}

/* Answers the request that came n-th. */
static inline void answer_now(gateway *g, int n, frame_fn answer) {
    frame request;
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, n + 1, PATIENCE_MS));
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, n, &request));
    answer(g, &request);
}

static inline void is_sent(client *c, uint32_t serial_no, double in_big) {
    event e = reply_to(c, serial_no);
    assert_status(e.status, CAPDIST_OK);
    assert_int_equal(e.reply.was_sent, 1);
    assert_int_equal(e.reply.from_cache, 0);
    assert_int_equal(e.reply.age_ms, 0);
    assert_true(e.in_big == in_big);
}

static inline int is_shared(client *c, uint32_t serial_no, double in_big) {
    event e = reply_to(c, serial_no);
    assert_status(e.status, CAPDIST_OK);
    assert_int_equal(e.reply.was_sent, 0);
    assert_int_equal(e.reply.from_cache, 1);
    assert_int_equal(e.reply.present & CAPDIST_HAS_FROM_CACHE, CAPDIST_HAS_FROM_CACHE);
    assert_int_equal(e.reply.present & CAPDIST_HAS_AGE_MS, CAPDIST_HAS_AGE_MS);
    assert_int_equal(e.reply.present & CAPDIST_HAS_RET_TYPE, CAPDIST_HAS_RET_TYPE);
    assert_true(e.in_big == in_big);
    assert_true(e.reply.age_ms >= 0);
    return e.reply.age_ms;
}

static inline capdist_quota quota_of(client *c) {
    capdist_quota quota;
    assert_status(capdist_quota_init(&quota, sizeof quota), CAPDIST_OK);
    assert_status(capdist_get_quota(c->conn, &quota), CAPDIST_OK);
    return quota;
}

/* The number of the request of fetch_shared(); 0 until it is accepted. */
static uint32_t fetching;

static inline bool comes_to_be_fetching(void) {
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; sleep_ms(1)) {
        if (__atomic_load_n(&fetching, __ATOMIC_ACQUIRE)) return true;
    }
    return false;
}

/* On a thread: returns the reply. */
static inline void *fetch_shared(void *argument) {
    client *c = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "700"};
    capdist_request_options o;
    capdist_request_options_init(&o, sizeof o);
    o.max_age_ms = MINUTE;
    o.serial_no = &fetching;
    capdist_reply *reply = NULL;
    capdist_fetch_capital_distribution(c->conn, &security, &o, &reply);
    return reply;
}

#endif
