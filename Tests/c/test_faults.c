/* Every fault of the simulator through the whole library: several connections, several threads, many requests. Half of
 * the requests ask for the stock that the fault acts on, their neighbours for others. */
#include "support_faults.h"

#include <signal.h>
#include <stdlib.h>

enum { CONNECTIONS = 4, THREADS = 4, EACH = 60, WINDOW = 8, TRIES = 5, BURST = 50 };

typedef struct fault_case {
    const char *name;
    const char *faults[3];
    expectation bad;  /* of requests for HK.00005 */
    expectation good; /* of all others */
    status_set must;  /* each of these occurs */
    int bad_timeout_ms, good_timeout_ms; /* for the reply; 0: long */
    int queue_timeout_ms, connect_timeout_ms; /* 0: long */
    int linger_ms; /* between the storm and the calm */
    status_set refusals; /* what calls may be refused with, once the connection has failed for good */
    bool keeps_down; /* does not reconnect */
    bool never_stands; /* no connection ever stands */
    bool pushes; /* pushes come to the host, too */
    bool stays_bad; /* not even neighbours are answered after the storm */
} fault_case;

#define ONLY(set) { .statuses = (set) }
#define BAD(fault) { fault "@HK.00005" }

/* The neighbours of what ends no line are answered, whatever. */
#define HARMLESS(fault, ...) \
    { .name = fault, .faults = BAD(fault), .bad = { __VA_ARGS__ }, .good = ONLY(SET(OK)) }
#define GREETED(fault) { .name = fault, .faults = { fault }, .bad = ONLY(SET(OK)), .good = ONLY(SET(OK)) }
#define MALFORMED(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(MALFORMED_REPLY)), .good = ONLY(SET(OK)), \
      .must = SET(MALFORMED_REPLY) | SET(OK) }
#define UNANSWERED(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(REPLY_TIMEOUT)), .good = ONLY(SET(OK)), \
      .must = SET(REPLY_TIMEOUT) | SET(OK), .bad_timeout_ms = 100 }
/* What ends a line takes along whatever is in flight on it. */
#define DEADLY(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(DISCONNECTED)), .good = ONLY(SET(OK) | SET(DISCONNECTED)), \
      .must = SET(DISCONNECTED) | SET(OK) }
#define REFUSED(text, number) \
    { .name = "ret-type=" text, .faults = BAD("ret-type=" text), \
      .bad = { .statuses = SET(REFUSED), .ret_type = &(const int32_t){ number }, .ret_msg = "出错了 (on demand)" }, \
      .good = ONLY(SET(OK)), .must = SET(REFUSED) | SET(OK) }, \
    { .name = "ret-type-bare=" text, .faults = BAD("ret-type-bare=" text), \
      .bad = { .statuses = SET(REFUSED), .ret_type = &(const int32_t){ number }, .ret_msg = "" }, \
      .good = ONLY(SET(OK)), .must = SET(REFUSED) | SET(OK) }
/* A gateway that no connection comes to stand with: tried again and again, and once. */
#define UNREACHABLE(fault, once) \
    { .name = fault, .faults = { fault }, .bad = ONLY(SET(QUEUE_TIMEOUT)), .good = ONLY(SET(QUEUE_TIMEOUT)), \
      .must = SET(QUEUE_TIMEOUT), .queue_timeout_ms = 60, .connect_timeout_ms = 100, .never_stands = true }, \
    { .name = fault ", once", .faults = { fault }, .bad = ONLY(SET(once)), .good = ONLY(SET(once)), .must = SET(once), \
      .connect_timeout_ms = 200, .refusals = SET(NOT_CONNECTED), .keeps_down = true, .never_stands = true }

#define REPLACED "\xef\xbf\xbd"

static const fault_case cases[] = {
    /* How the bytes go out. */
    DEADLY("close-in-header"),
    DEADLY("close-in-body"),
    DEADLY("reset"),
    { .name = "close-in-body, once", .faults = BAD("close-in-body"), .bad = ONLY(SET(DISCONNECTED)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED)), .must = SET(DISCONNECTED), .refusals = SET(NOT_CONNECTED),
      .keeps_down = true, .stays_bad = true },
    HARMLESS("bytewise", SET(OK)),
    HARMLESS("ragged", SET(OK)),
    HARMLESS("glued", SET(OK)),
    HARMLESS("reorder", SET(OK)),
    HARMLESS("duplicate", SET(OK)),
    HARMLESS("delay=30", SET(OK)),
    UNANSWERED("never"),
    { .name = "late=400", .faults = BAD("late=400"), .bad = ONLY(SET(REPLY_TIMEOUT)), .good = ONLY(SET(OK)),
      .must = SET(REPLY_TIMEOUT) | SET(OK), .bad_timeout_ms = 100, .linger_ms = 400 },
    /* The header. */
    UNANSWERED("unknown-serial"),
    { .name = "other-proto", .faults = BAD("other-proto"), .bad = ONLY(SET(REPLY_TIMEOUT)), .good = ONLY(SET(OK)),
      .must = SET(REPLY_TIMEOUT) | SET(OK), .bad_timeout_ms = 100, .pushes = true },
    DEADLY("bad-magic"),
    MALFORMED("bad-sha1"),
    MALFORMED("flipped-bit"),
    DEADLY("huge-length"),
    DEADLY("huge-length=4194305"),
    { .name = "short-length", .faults = BAD("short-length"), .bad = ONLY(SET(MALFORMED_REPLY) | SET(DISCONNECTED)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED)), .must = SET(MALFORMED_REPLY) | SET(OK) },
    DEADLY("unknown-format"),
    DEADLY("json-format"),
    /* The body. */
    MALFORMED("empty-body"),
    DEADLY("random-bytes"),
    /* By chance it may even be a refusal. */
    { .name = "random-body", .faults = BAD("random-body"), .bad = ONLY(SET(MALFORMED_REPLY) | SET(REFUSED)),
      .good = ONLY(SET(OK)), .must = SET(MALFORMED_REPLY) | SET(OK) },
    MALFORMED("truncated"),
    MALFORMED("wrong-types"),
    MALFORMED("missing-field"),
    HARMLESS("repeated-fields", SET(OK)),
    HARMLESS("unknown-fields", SET(OK)),
    HARMLESS("nan", SET(OK), ALL_NAN),
    HARMLESS("infinity", SET(OK), INFINITE),
    HARMLESS("denormal", SET(OK), DENORMAL),
    HARMLESS("bad-utf8", SET(OK), .text = REPLACED REPLACED REPLACED REPLACED REPLACED REPLACED REPLACED REPLACED),
    HARMLESS("embedded-nul", SET(OK), .text = "be"),
    HARMLESS("long-text", SET(OK)),
    HARMLESS("long-text=0", SET(OK)),
    DEADLY("long-text=5000000"),
    REFUSED("-1", -1),
    REFUSED("-100", -100),
    REFUSED("-200", -200),
    REFUSED("-400", -400),
    REFUSED("-500", -500),
    REFUSED("1", 1),
    REFUSED("2147483647", 2147483647),
    REFUSED("-2147483648", -2147483647 - 1),
    { .name = "too-frequent", .faults = BAD("too-frequent"), .bad = ONLY(SET(RATE_LIMITED)), .good = ONLY(SET(OK)),
      .must = SET(RATE_LIMITED) | SET(OK) },
    { .name = "too-frequent=1000000000", .faults = BAD("too-frequent=1000000000"), .bad = ONLY(SET(RATE_LIMITED)),
      .good = ONLY(SET(OK)), .must = SET(RATE_LIMITED) | SET(OK) },
    MALFORMED("ret-type=0"),
    MALFORMED("ret-type-bare=0"),
    MALFORMED("no-content"),
    /* Pushes. */
    { .name = "push", .faults = BAD("push"), .bad = ONLY(SET(OK)), .good = ONLY(SET(OK)), .pushes = true },
    { .name = "push-same-serial", .faults = BAD("push-same-serial"), .bad = ONLY(SET(OK)), .good = ONLY(SET(OK)),
      .pushes = true },
    /* InitConnect and KeepAlive. */
    { .name = "init-refused", .faults = { "init-refused" }, .bad = ONLY(SET(CONNECT_REFUSED)),
      .good = ONLY(SET(CONNECT_REFUSED)), .refusals = SET(NOT_CONNECTED), .must = SET(CONNECT_REFUSED),
      .never_stands = true },
    UNREACHABLE("init-no-content", PROTOCOL_ERROR),
    UNREACHABLE("truncated@1001", PROTOCOL_ERROR),
    UNREACHABLE("bad-sha1@1001", PROTOCOL_ERROR),
    UNREACHABLE("bad-magic@1001", PROTOCOL_ERROR),
    UNREACHABLE("never@1001", CONNECT_TIMEOUT),
    GREETED("key-length=0"),
    GREETED("key-length"),
    GREETED("key-length=1048576"),
    GREETED("keep-alive=0"),
    GREETED("keep-alive=-1"),
    GREETED("keep-alive=-2147483648"),
    GREETED("keep-alive=2147483647"),
    { .name = "no-keep-alive", .faults = { "no-keep-alive", "keep-alive=1" }, .bad = ONLY(SET(OK)),
      .good = ONLY(SET(OK)), .linger_ms = 1200 },
    /* Lines. */
    UNREACHABLE("accept-close", CONNECT_FAILED),
    UNREACHABLE("accept-silent", CONNECT_TIMEOUT),
    { .name = "accept-close@1/2", .faults = { "accept-close@1/2", "close-in-body@1/10" },
      .bad = ONLY(SET(OK) | SET(DISCONNECTED)), .good = ONLY(SET(OK) | SET(DISCONNECTED)),
      .must = SET(OK) | SET(DISCONNECTED) },
    { .name = "drop-after=5", .faults = { "drop-after=5" }, .bad = ONLY(SET(OK) | SET(DISCONNECTED)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED)), .must = SET(OK) | SET(DISCONNECTED) },
    { .name = "stop-reading=20", .faults = { "stop-reading=20" }, .bad = ONLY(SET(OK) | SET(REPLY_TIMEOUT)),
      .good = ONLY(SET(OK) | SET(REPLY_TIMEOUT)), .must = SET(OK) | SET(REPLY_TIMEOUT), .bad_timeout_ms = 150,
      .good_timeout_ms = 150, .stays_bad = true },
    /* The whole gateway. */
    { .name = "restart=40", .faults = { "restart=40" }, .bad = ONLY(SET(OK) | SET(DISCONNECTED)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED)), .must = SET(OK) | SET(DISCONNECTED) },
};

/* ---- a case ---- */

typedef struct context {
    fixture *fixture;
    const fault_case *fault;
} context;

typedef struct asker {
    storm *storm;
    const fault_case *fault;
    sem_t window; /* how many more may be in flight */
    int number;
} asker;

/* Of a storm's probes each thread has EACH; then come the tries of the calm, then the burst. */
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
        if (taken >= EACH) continue; /* only waits for the last of them */
        int connection = (a->number + taken) % CONNECTIONS;
        /* Over every connection bad ones and good ones. */
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

/* Once the storm is over, every connection answers again. */
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

static void a_case(void **state) {
    context *context = *state;
    const fault_case *fault = context->fault;
    const char *option[3];
    for (int i = 0; i < 3; i++) option[i] = fault->faults[i] ? "--fault" : NULL;
    int port = start_simulator(context->fixture, "--no-quota", "--seed", run_seed(), option[0], fault->faults[0],
                               option[1], fault->faults[1], option[2], fault->faults[2], NULL);
    storm *s = calloc(1, sizeof *s);
    assert_non_null(s);
    prepare_storm(s, port, CONNECTIONS, THREADS * EACH + CONNECTIONS * (TRIES + BURST));
    s->refusals = fault->refusals;
    s->options.reconnect = !fault->keeps_down;
    if (fault->queue_timeout_ms) s->options.queue_timeout_ms = fault->queue_timeout_ms;
    if (fault->connect_timeout_ms) s->options.connect_timeout_ms = fault->connect_timeout_ms;
    /* Where no connection ever stands, all is asked before that is known: the gateway is held until then. */
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
        sleep_ms(30);
        kill(context->fixture->simulators[0], SIGCONT);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    size_t next = THREADS * EACH;
    assert_true(s->is_stuck || storm_completed(s, next, PATIENCE_MS));
    status_set seen = 0;
    for (size_t i = 0; i < next; i++) {
        if (s->probes[i].refused == CAPDIST_OK) seen |= (status_set)1 << s->probes[i].status;
    }

    sleep_ms(fault->linger_ms);
    for (int i = 0; i < CONNECTIONS && !fault->never_stands && !fault->stays_bad; i++) next = answers_again(s, next, i);

    /* Released in the middle of it. */
    expectation late = fault->bad;
    late.statuses |= SET(RELEASED);
    for (int i = 0; i < CONNECTIONS * BURST; i++) {
        send_probe(s, next++, i % CONNECTIONS, "00005", &late, fault->bad_timeout_ms, NULL);
    }
    release_storm(s);
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
    /* What is not answered before its timeout was in flight when it was released. */
    if (fault->bad_timeout_ms && storm_count(s, CAPDIST_RELEASED) < CONNECTIONS) {
        print_error("%s: %zu requests completed as released\n", fault->name, storm_count(s, CAPDIST_RELEASED));
        kept = false;
    }
    free_storm(s);
    free(s);
    if (!kept) fail_msg("repeat it with CAPDIST_TEST_SEED=%s", run_seed());
}

static int setup_case(void **state) {
    context *context = calloc(1, sizeof *context);
    if (!context) return -1;
    context->fault = *state;
    void *inner = (void *)(uintptr_t)context->fault->name;
    if (setup(&inner)) return -1;
    context->fixture = inner;
    *state = context;
    return 0;
}

static int teardown_case(void **state) {
    context *context = *state;
    void *inner = context->fixture;
    free(context);
    return teardown(&inner);
}

/* ---- no fault is forgotten ---- */

static bool has_case(const char *fault) {
    size_t length = strlen(fault);
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int k = 0; k < 3 && cases[i].faults[k]; k++) {
            const char *name = cases[i].faults[k];
            if (strncmp(name, fault, length) == 0 && strchr("=@", name[length])) return true;
        }
    }
    return false;
}

static void every_fault_has_a_case(void **state) {
    (void)state;
    char command[4200], line[256];
    snprintf(command, sizeof command, "'%s' --help", getenv("CAPDIST_SIMULATOR"));
    FILE *help = popen(command, "r");
    assert_non_null(help);
    bool lists_faults = false;
    int faults = 0, missing = 0;
    while (fgets(line, sizeof line, help)) {
        if (strncmp(line, "faults of ", 10) == 0) lists_faults = true;
        if (strcmp(line, "\n") == 0) lists_faults = false;
        if (!lists_faults || strncmp(line, "  ", 2) != 0) continue;
        line[2 + strcspn(line + 2, " [")] = 0;
        faults++;
        if (has_case(line + 2)) continue;
        print_error("no case for %s\n", line + 2);
        missing++;
    }
    assert_int_equal(pclose(help), 0);
    assert_true(faults >= 49);
    assert_int_equal(missing, 0);
}

int main(void) {
    struct CMUnitTest tests[COUNT(cases) + 1];
    for (size_t i = 0; i < COUNT(cases); i++) {
        tests[i] = (struct CMUnitTest){cases[i].name, a_case, setup_case, teardown_case, (void *)(uintptr_t)&cases[i]};
    }
    tests[COUNT(cases)] = (struct CMUnitTest)TEST(every_fault_has_a_case);
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
