/* Shared answers (max_age_ms): what the gateway sees, and what each request is told. */
#include "shared_answers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what the gateway sees ---- */

static void thirty_requests_at_once_cost_one_slot(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = sharing_client(*state, g->port, 30, NULL);
    open_ready(c);
    uint32_t first = ask_shared(c, "700", MINUTE);
    for (int i = 1; i < 30; i++) ask_shared(c, "700", MINUTE);
    assert_int_equal(quota_of(c).used, 1);
    assert_int_equal(quota_of(c).waiting, 0);
    answer_now(g, 0, answer_distribution);
    assert_true(wait_for(c, EVENT_REPLY, 30, PATIENCE_MS));
    is_sent(c, first, 701);
    for (int i = 1; i < 30; i++) is_shared(c, first + (uint32_t)i, 701);
    assert_int_equal(asked(g), 1);
    assert_int_equal(quota_of(c).used, 1);
}

/* Before the connection stands nothing can be in flight: then the first one is sent, and the others wait for it. */
static void asked_before_it_stands_they_cost_one_slot(void **state) {
    client *c = sharing_client(*state, start_simulator(*state, "--quota", "1/60", NULL), 1, NULL);
    open_client(c);
    for (int i = 0; i < 30; i++) ask_shared(c, "00700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 30, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 30);
}

/* A gateway that lets thirty through in a minute. */
static void ten_lists_of_thirty_cost_thirty_slots(void **state) {
    int port = start_simulator(*state, "--quota", "30/60", NULL);
    client *clients[10];
    for (int i = 0; i < 10; i++) {
        clients[i] = sharing_client(*state, port, 30, i > 0 ? clients[0] : NULL);
        open_client(clients[i]);
    }
    for (int i = 0; i < 10; i++) {
        for (int k = 1; k <= 30; k++) {
            char code[CAPDIST_CODE_SIZE];
            snprintf(code, sizeof code, "%05d", k);
            ask_shared(clients[i], code, MINUTE);
        }
    }
    int sent = 0;
    for (int i = 0; i < 10; i++) {
        assert_true(wait_for(clients[i], EVENT_REPLY, 30, PATIENCE_MS));
        assert_int_equal(count_of_status(clients[i], CAPDIST_OK), 30);
        for (int k = 0; k < 30; k++) sent += event_at(clients[i], EVENT_REPLY, k).reply.was_sent;
    }
    assert_int_equal(sent, 30);
    assert_int_equal(quota_of(clients[0]).used, 30);
}

static void connections_of_a_group_share_answers(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    client *stranger = sharing_client(*state, g->port, 30, NULL);
    open_ready(a);
    open_ready(b);
    open_ready(stranger);
    uint32_t sent = ask_shared(a, "700", MINUTE), joined = ask_shared(b, "700", MINUTE);
    uint32_t own = ask_shared(stranger, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
    answer_now(g, 0, answer_distribution);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    assert_true(wait_for(stranger, EVENT_REPLY, 1, PATIENCE_MS));
    is_sent(a, sent, 701);
    is_shared(b, joined, 701);
    is_sent(stranger, own, 701);
    uint32_t later = ask_shared(b, "700", MINUTE);
    assert_true(wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    is_shared(b, later, 701);
    assert_int_equal(asked(g), 2);
    assert_int_equal(quota_of(b).used, 1);
}

static void what_asks_something_else_is_not_shared(void **state) {
    gateway *g = start_gateway(*state), *h = start_gateway(*state);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, h->port, 30, a);
    open_ready(a);
    open_ready(b);
    ask_shared(a, "700", MINUTE);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    /* Another gateway of the group, another code, firm or market. */
    ask_shared(b, "700", MINUTE);
    ask_shared(a, "701", MINUTE);
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    o.security_firm = 3;
    ask_with(a, "700", &o);
    o.security_firm = 0;
    capdist_security us = security_of("US.700");
    uint32_t serial_no;
    assert_status(capdist_get_capital_distribution(a->conn, &us, &o, record_reply, a, &serial_no), CAPDIST_OK);
    note_accepted(a, serial_no);
    assert_true(wait_for(a, EVENT_REPLY, 4, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    for (int i = 0; i < 4; i++) assert_int_equal(event_at(a, EVENT_REPLY, i).reply.from_cache, 0);
    assert_int_equal(event_at(b, EVENT_REPLY, 0).reply.from_cache, 0);
    assert_int_equal(asked(g), 4);
    assert_int_equal(asked(h), 1);
}

/* ---- ages ---- */

static void an_answer_is_given_until_it_is_too_old(void **state) {
    gateway *g = start_gateway(*state);
    client *c = sharing_client(*state, g->port, 30, NULL);
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    int64_t came = now_ms();
    sleep_ms(60);
    uint32_t young = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_in_range(is_shared(c, young, 701), 59, PATIENCE_MS);
    while (now_ms() - came < 60) sleep_ms(1);
    uint32_t old = ask_shared(c, "700", 50);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    is_sent(c, old, 701);
    /* Without max_age_ms it is sent, whatever there is, and its answer serves others. */
    uint32_t always = ask(c, "700");
    assert_true(wait_for(c, EVENT_REPLY, 4, PATIENCE_MS));
    is_sent(c, always, 701);
    assert_int_equal(asked(g), 3);
    uint32_t last = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 5, PATIENCE_MS));
    is_shared(c, last, 701);
}

static void wrong_ages_are_refused(void **state) {
    client *c = ready_client(*state, start_gateway(*state)->port);
    capdist_security security = security_of("HK.00700");
    capdist_request_options o = request_defaults();
    static const int32_t wrong[] = {-1, 3600001};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        o.max_age_ms = wrong[i];
        assert_refused(capdist_get_capital_distribution(c->conn, &security, &o, record_reply, c, NULL),
                       CAPDIST_INVALID_ARGUMENT, "max_age_ms");
    }
    o.max_age_ms = 1;
    assert_refused(capdist_send_proto(c->conn, GET_CAPITAL_DISTRIBUTION, "", 0, &o, record_proto_reply, c, NULL),
                   CAPDIST_INVALID_ARGUMENT, "max_age_ms");
    o.max_age_ms = 3600000;
    ask_with(c, "00700", &o);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
}

/* ---- blocking calls, copies, JSON ---- */

static void blocking_calls_share_answers(void **state) {
    client *a, *b;
    gateway *g = two_clients(*state, &a, &b);
    uint32_t sent = ask_shared(a, "700", MINUTE);
    pthread_t thread;
    __atomic_store_n(&fetching, 0, __ATOMIC_RELEASE);
    assert_int_equal(pthread_create(&thread, NULL, fetch_shared, b), 0);
    assert_true(comes_to_be_fetching());
    answer_now(g, 0, answer_distribution);
    void *result;
    pthread_join(thread, &result);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    is_sent(a, sent, 701);
    capdist_reply *joined = result, *fresh = fetch_shared(b);
    assert_non_null(joined);
    assert_non_null(fresh);
    char texts[2][1024];
    capdist_reply *const replies[] = {joined, fresh};
    for (int i = 0; i < 2; i++) {
        assert_status(replies[i]->status, CAPDIST_OK);
        assert_int_equal(replies[i]->from_cache, 1);
        assert_int_equal(replies[i]->was_sent, 0);
        assert_true(replies[i]->distribution->capital_in_big == 701);
        assert_true(replies[i]->body_length > 0);
        assert_string_equal(replies[i]->security.code, "700");
        assert_true(capdist_reply_to_json(replies[i], texts[i], sizeof texts[i]) > 0);
        capdist_reply *copy = capdist_reply_copy(replies[i]);
        assert_int_equal(copy->from_cache, 1);
        assert_int_equal(copy->age_ms, replies[i]->age_ms);
        capdist_reply_free(copy);
        capdist_reply_free(replies[i]);
    }
    assert_string_equal(texts[0], texts[1]);
    assert_int_equal(asked(g), 1);
}

/* ---- under load ---- */

typedef struct asker {
    client *client;
    unsigned seed;
    atomic_int *refused;
    pthread_t thread;
} asker;

static void *ask_and_cancel(void *argument) {
    asker *a = argument;
    for (int i = 0; i < 400; i++) {
        capdist_request_options o;
        capdist_request_options_init(&o, sizeof o);
        o.max_age_ms = rand_r(&a->seed) % 4 == 0 ? 0 : 1 + rand_r(&a->seed) % 200;
        capdist_security security = {CAPDIST_MARKET_HK, ""};
        snprintf(security.code, sizeof security.code, "%05d", 1 + rand_r(&a->seed) % 5);
        uint32_t serial_no = 0;
        if (capdist_get_capital_distribution(a->client->conn, &security, &o, record_reply, a->client, &serial_no) !=
            CAPDIST_OK) {
            atomic_fetch_add(a->refused, 1);
            continue;
        }
        note_accepted(a->client, serial_no);
        if (rand_r(&a->seed) % 8 == 0) capdist_cancel(a->client->conn, serial_no);
        if (rand_r(&a->seed) % 16 == 0) usleep(1000);
    }
    return NULL;
}

static void many_threads_on_connections_of_a_group(void **state) {
    int port = start_simulator(*state, "--no-quota", "--latency", "5", NULL);
    client *clients[3];
    asker askers[6];
    atomic_int refused = 0;
    for (int i = 0; i < 3; i++) {
        clients[i] = sharing_client(*state, port, 0, i > 0 ? clients[0] : NULL);
        open_ready(clients[i]);
    }
    for (int i = 0; i < 6; i++) {
        askers[i] = (asker){.client = clients[i % 3], .seed = (unsigned)i, .refused = &refused};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_and_cancel, &askers[i]), 0);
    }
    for (int i = 0; i < 6; i++) pthread_join(askers[i].thread, NULL);
    assert_int_equal(atomic_load(&refused), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(wait_for(clients[i], EVENT_REPLY, (int)clients[i]->accepted_count, PATIENCE_MS));
        assert_int_equal(count_of_status(clients[i], CAPDIST_OK) + count_of_status(clients[i], CAPDIST_CANCELLED),
                         clients[i]->accepted_count);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(thirty_requests_at_once_cost_one_slot),
        TEST(asked_before_it_stands_they_cost_one_slot),
        TEST(ten_lists_of_thirty_cost_thirty_slots),
        TEST(connections_of_a_group_share_answers),
        TEST(what_asks_something_else_is_not_shared),
        TEST(an_answer_is_given_until_it_is_too_old),
        TEST(wrong_ages_are_refused),
        TEST(blocking_calls_share_answers),
        TEST(many_threads_on_connections_of_a_group),
    };
    return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
