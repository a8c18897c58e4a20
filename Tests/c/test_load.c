/* Many requests: from many threads, over several connections, with answers in any order. */
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* ---- many threads on one handle ---- */

enum { THREADS = 8, REQUESTS = 500 };

typedef struct asker {
    client *client;
    pthread_barrier_t *start;
    int refused;
} asker;

static void *ask_much(void *argument) {
    asker *a = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    pthread_barrier_wait(a->start);
    for (int i = 0; i < REQUESTS; i++) {
        uint32_t serial_no = 0;
        if (capdist_get_capital_distribution(a->client->conn, &security, NULL, record_reply, a->client, &serial_no) ==
                CAPDIST_OK &&
            serial_no != 0) {
            note_accepted(a->client, serial_no);
        } else {
            a->refused++;
        }
    }
    return NULL;
}

static void ask_from_many_threads(client *c) {
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, THREADS);
    asker askers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){c, &start, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_much, &askers[i]), 0);
    }
    int refused = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        refused += askers[i].refused;
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(refused, 0);
}

static int by_number(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static void threads_share_a_connection(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    ask_from_many_threads(c);
    assert_true(wait_for(c, EVENT_REPLY, THREADS * REQUESTS, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_int_equal(count_of(c, EVENT_REPLY), THREADS * REQUESTS);
    assert_int_equal(count_of_status(c, CAPDIST_OK), THREADS * REQUESTS);
    /* Each serial number is given once. */
    qsort(c->accepted, c->accepted_count, sizeof *c->accepted, by_number);
    for (size_t i = 1; i < c->accepted_count; i++) assert_int_not_equal(c->accepted[i - 1], c->accepted[i]);
}

static void frames_of_many_threads_are_whole_and_numbered_upwards(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    ask_from_many_threads(c);
    assert_true(wait_for(c, EVENT_REPLY, THREADS * REQUESTS, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), THREADS * REQUESTS);
    frame earlier, f;
    assert_true(gateway_frame(g, INIT_CONNECT, 0, &earlier));
    for (int i = 0; i < THREADS * REQUESTS; i += 7) {
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i, &f));
        assert_true(f.sound);
        assert_true(f.serial_no > earlier.serial_no);
        earlier = f;
    }
}

typedef struct fetcher {
    client *client;
    int first, good;
} fetcher;

static void *fetch_much(void *argument) {
    fetcher *f = argument;
    for (int i = 0; i < 50; i++) {
        capdist_security security = {CAPDIST_MARKET_HK, ""};
        capdist_reply *reply = NULL;
        snprintf(security.code, sizeof security.code, "%d", f->first + i);
        capdist_status status = capdist_fetch_capital_distribution(f->client->conn, &security, NULL, &reply);
        f->good += status == CAPDIST_OK && strcmp(reply->security.code, security.code) == 0 &&
                   reply->distribution->capital_in_big == f->first + i + 1;
        capdist_reply_free(reply);
    }
    return NULL;
}

static void threads_fetch_their_own_answers(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    fetcher fetchers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        fetchers[i] = (fetcher){c, i * 1000, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_much, &fetchers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(fetchers[i].good, 50);
    }
}

/* ---- many in flight ---- */

enum { IN_FLIGHT = 1000 };

/* Answers in reverse order, once all requests have come. */
static void answer_backwards(gateway *g, const frame *request) {
    (void)request;
    if (gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION) < IN_FLIGHT) return;
    for (int i = IN_FLIGHT; i-- > 0;) {
        frame f;
        if (gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i, &f)) answer_distribution(g, &f);
    }
}

static void thousand_in_flight_get_their_own_answers(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_backwards);
    client *c = ready_client(*state, g->port);
    uint32_t serial_nos[IN_FLIGHT];
    for (int i = 0; i < IN_FLIGHT; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", i);
        serial_nos[i] = ask(c, code);
    }
    assert_true(wait_for(c, EVENT_REPLY, IN_FLIGHT, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), IN_FLIGHT);
    for (int i = 0; i < IN_FLIGHT; i++) {
        event e = reply_to(c, serial_nos[i]);
        assert_true(e.in_big == i + 1);
        assert_int_equal(atoi(e.reply.security.code), i);
    }
    assert_int_equal(event_at(c, EVENT_REPLY, 0).serial_no, serial_nos[IN_FLIGHT - 1]);
}

static void thousand_in_flight_are_released(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = ready_client(*state, g->port);
    for (int i = 0; i < IN_FLIGHT; i++) ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, IN_FLIGHT, PATIENCE_MS));
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_int_equal(count_of_status(c, CAPDIST_RELEASED), IN_FLIGHT);
    for (int i = 0; i < IN_FLIGHT; i++) assert_int_equal(event_at(c, EVENT_REPLY, i).serial_no, i + 1);
}

/* ---- several connections ---- */

static void answer_a_million_more(gateway *g, const frame *request) {
    char code[CAPDIST_CODE_SIZE];
    message response = {0};
    requested_code(request, code);
    put_distribution(&response, 1e6 + strtod(code, NULL), true);
    gateway_reply(g, request, &response);
}

static void connections_do_not_mix(void **state) {
    gateway *first = start_gateway(*state), *second = start_gateway(*state);
    gateway_on(second, GET_CAPITAL_DISTRIBUTION, answer_a_million_more);
    client *a = ready_client(*state, first->port), *b = ready_client(*state, second->port);
    for (int i = 0; i < 200; i++) {
        char code[8];
        snprintf(code, sizeof code, "%d", i);
        ask(a, code);
        ask(b, code);
    }
    assert_true(wait_for(a, EVENT_REPLY, 200, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 200, PATIENCE_MS));
    for (uint32_t i = 0; i < 200; i++) {
        assert_true(reply_to(a, i + 1).in_big == i + 1);
        assert_true(reply_to(b, i + 1).in_big == 1e6 + i + 1);
    }
    if (!is_application_driven()) {
        assert_int_not_equal(event_at(a, EVENT_REPLY, 0).thread, event_at(b, EVENT_REPLY, 0).thread);
    }
    /* If one connection is lost, the others are not affected. */
    gateway_go_down(first);
    assert_true(wait_for(a, EVENT_DISCONNECT, 1, PATIENCE_MS));
    ask(b, "7");
    assert_true(wait_for(b, EVENT_REPLY, 201, PATIENCE_MS));
    assert_int_equal(count_of(b, EVENT_DISCONNECT), 0);
}

/* ---- a slow gateway ---- */

static atomic_bool is_stopped;

/* Does not read until the test lets it. */
static void stop_at_the_first(gateway *g, const frame *request) {
    for (int i = 0; i < PATIENCE_MS && atomic_load(&is_stopped); i++) sleep_ms(1);
    message reply = {0};
    put_number(&reply, 1, 0);
    gateway_reply(g, request, &reply);
}

static double processor_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* All waiting bytes, few or many, are sent when the gateway reads again. Until then no thread spins. */
static void drains_once_the_gateway_reads(fixture *f, size_t length, int count) {
    gateway *g = start_gateway(f);
    gateway_on(g, 0, stop_at_the_first);
    client *c = new_client(f, g->port);
    c->options.max_queue = count + 1;
    atomic_store(&is_stopped, true);
    open_ready(c);
    uint8_t *body = calloc(1, length);
    assert_non_null(body);
    for (int i = 0; i < count; i++) {
        uint32_t serial_no = 0;
        assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, body, length, NULL, record_proto_reply, c, &serial_no),
                      CAPDIST_OK);
        note_accepted(c, serial_no);
    }
    free(body);
    assert_true(gateway_wait(g, GET_GLOBAL_STATE, 1, PATIENCE_MS));
    sleep_ms(300);
    double before = processor_seconds();
    sleep_ms(500);
    double used = processor_seconds() - before;
    atomic_store(&is_stopped, false);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, count, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), count);
    assert_true(used < 0.25);
}

static void long_requests_drain(void **state) {
    drains_once_the_gateway_reads(*state, 1024 * 1024, 16);
}

static void many_requests_drain(void **state) {
    drains_once_the_gateway_reads(*state, 300, SLOWNESS == 1 ? 40000 : 4000);
}

/* ---- everything at once ---- */

typedef struct storm {
    client *client;
    atomic_bool *stop;
    int accepted;
} storm;

static void *ask_until_stopped(void *argument) {
    storm *s = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "1"};
    for (unsigned i = 0; !atomic_load(s->stop); i++) {
        uint32_t serial_no;
        if (capdist_get_capital_distribution(s->client->conn, &security, NULL, record_reply, s->client, &serial_no) !=
            CAPDIST_OK) {
            sleep_ms(1);
            continue;
        }
        note_accepted(s->client, serial_no);
        s->accepted++;
        if (i % 3 == 0) capdist_cancel(s->client->conn, serial_no);
        if (i % 64 == 0) sleep_ms(1);
    }
    return NULL;
}

/* Requests, cancels and lost connections at the same time, and then a release: teardown() checks that each completes once. */
static void storm_completes_everything_once(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = c->options.reconnect_max_ms = 5;
    c->options.max_queue = 500;
    open_ready(c);
    atomic_bool stop = false;
    storm storms[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        storms[i] = (storm){c, &stop, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_until_stopped, &storms[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        sleep_ms(25);
        gateway_close_stream(g, gateway_stream_count(g) - 1, i % 2);
    }
    sleep_ms(25);
    capdist_status released = capdist_release(c->conn);
    atomic_store(&stop, true);
    int accepted = 0;
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        accepted += storms[i].accepted;
    }
    assert_status(released, CAPDIST_OK);
    assert_int_equal(count_of(c, EVENT_REPLY), accepted);
    assert_true(accepted > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(threads_share_a_connection),
        TEST(frames_of_many_threads_are_whole_and_numbered_upwards),
        TEST(threads_fetch_their_own_answers),
        TEST(thousand_in_flight_get_their_own_answers),
        TEST(thousand_in_flight_are_released),
        TEST(connections_do_not_mix),
        TEST(long_requests_drain),
        TEST(many_requests_drain),
        TEST(storm_completes_everything_once),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
