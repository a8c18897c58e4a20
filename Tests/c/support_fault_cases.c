/* The requests of a case: the storm, then the calm. */
#include "support_fault_cases.h"

#include <signal.h>
#include <stdlib.h>

enum { CONNECTIONS = 4, THREADS = 4, EACH = 60, WINDOW = 8, TRIES = 5, BURST = 50 };

typedef struct context {
    fixture *fixture;
    const fault_run *run;
} context;

typedef struct asker {
    storm *storm;
    const fault_case *fault;
    sem_t window; /* how many more requests may be in flight */
    int number;
} asker;

/* Each thread has EACH probes of the storm. The probes of the calm and of the burst follow. */
static void *ask_much(void *argument) {
    asker *a = argument;
    int taken = 0;
    for (; taken < EACH + WINDOW; taken++) {
        struct timespec end;
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += PATIENCE_MS / 1000 + 4;
        if (sem_clockwait(&a->window, CLOCK_MONOTONIC, &end)) {
            a->storm->is_stuck = 1;
            return NULL;
        }
        if (taken >= EACH) continue; /* only waits for the last ones */
        int connection = (a->number + taken) % CONNECTIONS;
        /* Bad and good requests on every connection. */
        if ((taken / CONNECTIONS) % 2 == 0) {
            send_probe(a->storm, (size_t)(a->number * EACH + taken), connection, "00005", &a->fault->bad,
                       a->fault->bad_timeout_ms, &a->window);
        } else {
            char code[16];
            snprintf(code, sizeof code, "%05d", 10000 + a->number * EACH + taken);
            send_probe(a->storm, (size_t)(a->number * EACH + taken), connection, code, &a->fault->good,
                       a->fault->good_timeout_ms, &a->window);
        }
    }
    return NULL;
}

/* After the storm, every connection must answer again. */
static size_t answers_again(storm *s, size_t next, int connection) {
    static const expectation expected = ONLY(SET(OK) | SET(DISCONNECTED));
    for (int i = 0; i < TRIES; i++, next++) {
        size_t before = atomic_load(&s->completed);
        send_probe(s, next, connection, "00010", &expected, 0, NULL);
        assert_true(storm_completed(s, before + 1, PATIENCE_MS));
        if (s->probes[next].status == CAPDIST_OK) return next + 1;
    }
    fail_msg("connection %d does not come back", connection);
    return next;
}

/* Whether the gateway does not answer, so that the request ends by its timeout. */
static bool is_silent(const fault_case *fault) {
    return strstr(fault->name, "silent") || strstr(fault->name, "never@");
}

void run_fault_case(void **state) {
    context *context = *state;
    const fault_run *run = context->run;
    const fault_case *fault = run->fault;
    const char *option[3];
    for (int i = 0; i < 3; i++) option[i] = fault->faults[i] ? "--fault" : NULL;
    fixture *f = context->fixture;
    const char *key_option = run->key ? "--rsa-key" : "--no-quota", *key = run->key ? run->key : "--no-quota";
#define FAULTS option[0], fault->faults[0], option[1], fault->faults[1], option[2], fault->faults[2], NULL
#define COMMON "--no-quota", "--seed", run_seed(), key_option, key
    int port = run->transport == CAPDIST_TRANSPORT_TCP         ? start_simulator(f, COMMON, FAULTS)
               : run->transport == CAPDIST_TRANSPORT_WEBSOCKET ? start_simulator(f, COMMON, PLAIN_WEBSOCKET, FAULTS)
                                                               : start_simulator(f, COMMON, TLS_WEBSOCKET, FAULTS);
    storm *s = calloc(1, sizeof *s);
    assert_non_null(s);
    prepare_storm(s, port, CONNECTIONS, THREADS * EACH + CONNECTIONS * (TRIES + BURST));
    s->refusals = fault->refusals;
    s->options.rsa_private_key_file = run->key;
    s->options.packet_cipher = run->cipher;
    s->options.transport = run->transport;
    if (run->transport == CAPDIST_TRANSPORT_WEBSOCKET_TLS) s->options.tls_ca_file = TLS_CA;
    s->options.reconnect = !fault->keeps_down;
    if (fault->queue_timeout_ms) s->options.queue_timeout_ms = fault->queue_timeout_ms;
    /* The connect timeout is long, unless it is what ends the attempt. */
    if (fault->connect_timeout_ms && (!fault->keeps_down || is_silent(fault))) {
        s->options.connect_timeout_ms = fault->connect_timeout_ms * (fault->keeps_down && SLOWNESS > 1 ? 4 : 1);
    }
    /* TLS is slow under a sanitizer, but requests that end by a timeout must not take longer for that. */
    bool is_slow = run->transport == CAPDIST_TRANSPORT_WEBSOCKET_TLS && !(fault->must & SET(CONNECT_TIMEOUT));
    if (fault->connect_timeout_ms && is_slow && !fault->keeps_down) s->options.connect_timeout_ms *= 10;
    /* If no connection will be established, all requests are made before that is known: the gateway waits until then. */
    if (fault->never_stands) kill(context->fixture->simulators[0], SIGSTOP);
    open_storm(s);
    for (int i = 0; i < CONNECTIONS && !fault->never_stands; i++) {
        assert_status(capdist_wait_ready(s->connections[i], PATIENCE_MS), CAPDIST_OK);
    }

    asker askers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.storm = s, .fault = fault, .number = i};
        assert_int_equal(sem_init(&askers[i].window, 0, WINDOW), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, ask_much, &askers[i]), 0);
    }
    if (fault->never_stands) {
        sleep_ms(30 * SLOWNESS);
        kill(context->fixture->simulators[0], SIGCONT);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    size_t next = THREADS * EACH;
    assert_true(s->is_stuck || storm_completed(s, next, PATIENCE_MS));

    sleep_ms(fault->linger_ms);
    for (int i = 0; i < CONNECTIONS && !fault->never_stands && !fault->stays_bad; i++) next = answers_again(s, next, i);
    /* Counted together with the calm: on a busy machine all good requests of the storm may be lost with a connection. */
    status_set seen = 0;
    for (size_t i = 0; i < next; i++) {
        if (s->probes[i].refused == CAPDIST_OK) seen |= (status_set)1 << s->probes[i].status;
    }

    /* Released while requests are in flight. */
    expectation late = fault->bad;
    late.statuses |= SET(RELEASED);
    const size_t first_late = next;
    int64_t burst = now_ms();
    for (int i = 0; i < CONNECTIONS * BURST; i++) {
        send_probe(s, next++, i % CONNECTIONS, "00005", &late, fault->bad_timeout_ms, NULL);
    }
    release_storm(s);
    bool was_in_time = now_ms() - burst < fault->bad_timeout_ms;
    for (int i = 0; i < THREADS; i++) sem_destroy(&askers[i].window);
    bool kept = storm_kept_promises(s, fault->name);
    if ((seen & fault->must) != fault->must) {
        print_error("%s: of the statuses that must occur, %#llx did not\n", fault->name,
                    (unsigned long long)(fault->must & ~seen));
        kept = false;
    }
    if (strcmp(fault->name, "no-keep-alive") == 0 && (s->lost > 0 || s->established != CONNECTIONS)) {
        print_error("%s: lost %d lines\n", fault->name, s->lost);
        kept = false;
    }
    if (fault->pushes != (s->pushed > 0)) {
        print_error("%s: %d pushes\n", fault->name, s->pushed);
        kept = false;
    }
    /* A request without an answer was in flight at the release, unless the release came after its timeout, or a bad answer to an
     * earlier request had ended the connection. */
    size_t cut_off = 0;
    for (size_t i = first_late; i < next; i++) {
        const capdist_status status = s->probes[i].status;
        if (s->probes[i].refused == CAPDIST_OK) cut_off += status == CAPDIST_RELEASED || status == CAPDIST_DISCONNECTED;
    }
    if (was_in_time && cut_off < CONNECTIONS) {
        print_error("%s: %zu requests were in flight at the release\n", fault->name, cut_off);
        kept = false;
    }
    free_storm(s);
    free(s);
    if (!kept) fail_msg("repeat it with CAPDIST_TEST_SEED=%s", run_seed());
}

int setup_fault_case(void **state) {
    context *context = calloc(1, sizeof *context);
    if (!context) return -1;
    context->run = *state;
    void *inner = (void *)(uintptr_t)context->run->fault->name;
    if (setup(&inner)) return -1;
    context->fixture = inner;
    *state = context;
    return 0;
}

int teardown_fault_case(void **state) {
    context *context = *state;
    void *inner = context->fixture;
    free(context);
    return teardown(&inner);
}
