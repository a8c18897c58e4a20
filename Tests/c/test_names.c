/* Names that the application looks up (on_resolve), in both modes: every attempt asks again, and all addresses are tried. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

/* The answers of the application's resolver, one after the other. The last one is repeated. */
typedef struct resolver {
    const char *answers[4];
    const char *why;
    _Atomic int asked;
    bool is_late; /* answers on a thread of its own, later */
    pthread_t thread;
    capdist_conn *conn;
} resolver;

static void *answer_later(void *argument) {
    resolver *r = argument;
    sleep_ms(50);
    capdist_resolved(r->conn, r->answers[0], NULL);
    return NULL;
}

static void on_resolve(capdist_conn *conn, const char *host, void *user_data) {
    resolver *r = ((client *)user_data)->context;
    if (strcmp(host, "gateway.test") != 0) abort();
    int at = r->asked++;
    while (at > 0 && !r->answers[at]) at--;
    r->conn = conn;
    if (r->is_late) {
        if (pthread_create(&r->thread, NULL, answer_later, r) != 0) abort();
    } else if (capdist_resolved(conn, r->answers[at], r->why) != CAPDIST_OK) {
        abort();
    }
}

static client *named(fixture *f, int port, resolver *r) {
    client *c = new_client(f, port);
    c->options.host = "gateway.test";
    c->options.on_resolve = on_resolve;
    c->context = r;
    return c;
}

static void every_attempt_asks_again(void **state) {
    gateway *g = start_gateway(*state);
    /* Nothing listens there: the name has another address since. */
    resolver r = {.answers = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}};
    client *c = named(*state, g->port, &r);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 10;
    open_ready(c);
    assert_int_equal(r.asked, 3);
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    assert_int_equal(r.asked, 4);
}

static void all_addresses_have_their_turn(void **state) {
    gateway *g = start_gateway(*state);
    resolver r = {.answers = {"127.0.0.2 ::ffff:127.0.0.3  127.0.0.1"}};
    client *c = named(*state, g->port, &r);
    open_ready(c);
    assert_int_equal(r.asked, 1);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
}

static void a_name_that_is_not_found(void **state) {
    static const struct {
        const char *addresses, *why, *told;
    } cases[] = {
        {NULL, "no such host, says the zone", "gateway.test was not found (no such host, says the zone)"},
        {"", NULL, "the application found no address"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        resolver r = {.answers = {cases[i].addresses}, .why = cases[i].why};
        client *c = named(*state, 1, &r);
        open_client(c);
        assert_refused(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_CONNECT_FAILED, cases[i].told);
        assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
        assert_int_equal(CAPDIST_ERR_KIND(event_at(c, EVENT_INIT_CONNECT, 0).err_code), CAPDIST_ERR_KIND_NAME_NOT_FOUND);
    }
}

static void an_answer_may_come_later_and_from_another_thread(void **state) {
    gateway *g = start_gateway(*state);
    resolver r = {.answers = {"127.0.0.1"}, .is_late = true};
    client *c = named(*state, g->port, &r);
    open_ready(c);
    pthread_join(r.thread, NULL);
}

static void answers_nobody_asked_for(void **state) {
    gateway *g = start_gateway(*state);
    resolver r = {.answers = {"127.0.0.1"}};
    client *c = named(*state, g->port, &r);
    open_ready(c);
    assert_refused(capdist_resolved(c->conn, "127.0.0.1", NULL), CAPDIST_NOT_FOUND, "on_resolve is not waiting");
    assert_refused(capdist_resolved(c->conn, "127.0.0.1 gateway.test", NULL), CAPDIST_INVALID_ARGUMENT, "gateway.test");
    assert_status(capdist_resolved(NULL, "127.0.0.1", NULL), CAPDIST_INVALID_ARGUMENT);
    capdist_conn *conn = c->conn;
    capdist_release(conn);
    c->conn = NULL;
    assert_status(capdist_resolved(conn, "127.0.0.1", NULL), CAPDIST_RELEASED);
}

static void addresses_are_never_asked_for(void **state) {
    gateway *g = start_gateway(*state);
    resolver r = {.answers = {"127.0.0.2"}};
    client *c = named(*state, g->port, &r);
    c->options.host = "127.0.0.1";
    open_ready(c);
    assert_int_equal(r.asked, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_attempt_asks_again),
        TEST(all_addresses_have_their_turn),
        TEST(a_name_that_is_not_found),
        TEST(an_answer_may_come_later_and_from_another_thread),
        TEST(answers_nobody_asked_for),
        TEST(addresses_are_never_asked_for),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
