/* Clients that record their callbacks, and the set-up and checks that all tests share. */
#include "support.h"

#include <stdlib.h>
#include <unistd.h>

/* One lock for everything that is recorded. It is never destroyed, so that a late callback can use it. */
static pthread_mutex_t recording = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t recorded;

__attribute__((constructor)) static void prepare(void) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&recorded, &monotonic);
    /* Without a name server, a lookup must fail soon. */
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
}

/* ---- callbacks ---- */

static void record(client *c, event e, const char *text) {
    e.at = now_ms();
    e.thread = gettid();
    if (text) snprintf(e.text, sizeof e.text, "%s", text);
    pthread_mutex_lock(&recording);
    if (e.kind != EVENT_CLOSED && e.conn != c->conn) c->strangers++;
    if (c->inside++ > 0) c->overlaps++;
    if (c->event_count == c->event_room) {
        c->event_room = c->event_room ? 2 * c->event_room : 64;
        c->events = realloc(c->events, c->event_room * sizeof *c->events);
        if (!c->events) abort();
    }
    c->events[c->event_count++] = e;
    hook_fn hook = c->hook;
    bool is_last = e.kind == EVENT_CLOSED; /* then the client may be freed once the lock is released */
    if (is_last) c->inside--;
    pthread_cond_broadcast(&recorded);
    pthread_mutex_unlock(&recording);
    if (is_last) return;
    if (hook) hook(c, &e);
    pthread_mutex_lock(&recording);
    c->inside--;
    pthread_mutex_unlock(&recording);
}

static void record_init_connect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    record(user_data, (event){.kind = EVENT_INIT_CONNECT, .conn = conn, .err_code = err_code}, desc);
}

static void record_disconnect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    record(user_data, (event){.kind = EVENT_DISCONNECT, .conn = conn, .err_code = err_code}, desc);
}

void record_attempt_failed(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    record(user_data, (event){.kind = EVENT_ATTEMPT_FAILED, .conn = conn, .err_code = err_code}, desc);
}

static void record_push(capdist_conn *conn, uint32_t proto_id, const uint8_t *body, size_t length, void *user_data) {
    event e = {.kind = EVENT_PUSH, .conn = conn, .proto_id = proto_id, .length = length};
    if (length > 0) memcpy(e.text, body, length < sizeof e.text ? length : sizeof e.text);
    record(user_data, e, NULL);
}

static void record_log(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    record(user_data, (event){.kind = EVENT_LOG, .conn = conn, .level = level}, message);
}

static void record_closed(void *user_data) {
    record(user_data, (event){.kind = EVENT_CLOSED}, NULL);
}

void record_reply(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    event e = {.kind = EVENT_REPLY, .conn = conn, .serial_no = serial_no, .reply = *reply, .status = reply->status};
    if (reply->distribution) e.in_big = reply->distribution->capital_in_big;
    record(user_data, e, reply->desc);
}

void record_proto_reply(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply, void *user_data) {
    event e = {.kind = EVENT_PROTO_REPLY, .conn = conn, .serial_no = serial_no, .status = reply->status,
               .proto_id = reply->proto_id, .length = reply->body_length};
    e.reply.was_sent = reply->was_sent;
    e.reply.retry_after_ms = reply->retry_after_ms;
    e.reply.present = reply->present;
    e.reply.ret_type = reply->ret_type;
    e.reply.retry = reply->retry;
    e.reply.serial_no = reply->serial_no;
    record(user_data, e, reply->desc);
}

/* ---- reading what was recorded ---- */

static int count_locked(client *c, event_kind kind) {
    int count = 0;
    for (size_t i = 0; i < c->event_count; i++) count += c->events[i].kind == kind;
    return count;
}

int count_of(client *c, event_kind kind) {
    pthread_mutex_lock(&recording);
    int count = count_locked(c, kind);
    pthread_mutex_unlock(&recording);
    return count;
}

int count_of_status(client *c, capdist_status status) {
    int count = 0;
    pthread_mutex_lock(&recording);
    for (size_t i = 0; i < c->event_count; i++) {
        const event *e = &c->events[i];
        count += (e->kind == EVENT_REPLY || e->kind == EVENT_PROTO_REPLY) && e->status == status;
    }
    pthread_mutex_unlock(&recording);
    return count;
}

bool wait_for(client *c, event_kind kind, int count, int timeout_ms) {
    int64_t end = now_ms() + timeout_ms;
    struct timespec limit = {end / 1000, end % 1000 * 1000000};
    pthread_mutex_lock(&recording);
    bool in_time = true;
    while (count_locked(c, kind) < count && in_time) {
        in_time = pthread_cond_timedwait(&recorded, &recording, &limit) == 0;
    }
    bool there = count_locked(c, kind) >= count;
    pthread_mutex_unlock(&recording);
    return there;
}

event event_at(client *c, event_kind kind, int index) {
    event found = {0};
    bool there = false;
    pthread_mutex_lock(&recording);
    for (size_t i = 0; i < c->event_count && !there; i++) {
        if (c->events[i].kind != kind || index-- > 0) continue;
        found = c->events[i];
        there = true;
    }
    pthread_mutex_unlock(&recording);
    if (!there) fail_msg("a callback of kind %d is missing; what came: %s", kind, story(c));
    return found;
}

event reply_to(client *c, uint32_t serial_no) {
    event found = {0};
    bool there = false;
    pthread_mutex_lock(&recording);
    for (size_t i = 0; i < c->event_count && !there; i++) {
        const event *e = &c->events[i];
        if ((e->kind != EVENT_REPLY && e->kind != EVENT_PROTO_REPLY) || e->serial_no != serial_no) continue;
        found = *e;
        there = true;
    }
    pthread_mutex_unlock(&recording);
    if (!there) fail_msg("request %u was not completed; what came: %s", serial_no, story(c));
    return found;
}

static bool logged_locked(client *c, int32_t level, const char *text) {
    for (size_t i = 0; i < c->event_count; i++) {
        const event *e = &c->events[i];
        if (e->kind == EVENT_LOG && e->level == level && strstr(e->text, text)) return true;
    }
    return false;
}

int count_logged(client *c, int32_t level, const char *text) {
    int count = 0;
    pthread_mutex_lock(&recording);
    for (size_t i = 0; i < c->event_count; i++) {
        const event *e = &c->events[i];
        count += e->kind == EVENT_LOG && e->level == level && strstr(e->text, text) != NULL;
    }
    pthread_mutex_unlock(&recording);
    return count;
}

bool logged(client *c, int32_t level, const char *text) {
    int64_t end = now_ms() + PATIENCE_MS;
    struct timespec limit = {end / 1000, end % 1000 * 1000000};
    pthread_mutex_lock(&recording);
    bool in_time = true;
    while (!logged_locked(c, level, text) && in_time) {
        in_time = pthread_cond_timedwait(&recorded, &recording, &limit) == 0;
    }
    bool there = logged_locked(c, level, text);
    pthread_mutex_unlock(&recording);
    return there;
}

const char *story(client *c) {
    static char text[8192];
    size_t length = 0;
    text[0] = 0;
    pthread_mutex_lock(&recording);
    for (size_t i = 0; i < c->event_count && length < sizeof text - 100; i++) {
        const event *e = &c->events[i];
        if (e->kind == EVENT_LOG) continue;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s", length ? "; " : "");
        char *end = text + length;
        size_t room = sizeof text - length;
        const char *status = capdist_status_name(e->status) + strlen("CAPDIST_");
        switch (e->kind) {
        case EVENT_INIT_CONNECT:
        case EVENT_DISCONNECT:
            snprintf(end, room, e->err_code ? "%s %d/%d" : "%s 0", e->kind == EVENT_DISCONNECT ? "disconnect" : "init",
                     CAPDIST_ERR_KIND(e->err_code), CAPDIST_ERR_CODE(e->err_code));
            break;
        case EVENT_ATTEMPT_FAILED:
            snprintf(end, room, "attempt %d/%d", CAPDIST_ERR_KIND(e->err_code), CAPDIST_ERR_CODE(e->err_code));
            break;
        case EVENT_PUSH: snprintf(end, room, "push %u", e->proto_id); break;
        case EVENT_REPLY: snprintf(end, room, "reply %u %s", e->serial_no, status); break;
        case EVENT_PROTO_REPLY: snprintf(end, room, "proto %u %u %s", e->proto_id, e->serial_no, status); break;
        case EVENT_CLOSED: snprintf(end, room, "closed"); break;
        case EVENT_LOG: break;
        }
        length += strlen(end);
    }
    pthread_mutex_unlock(&recording);
    return text;
}

void check_story(client *c, const char *expected, const char *file, int line) {
    const char *actual = story(c);
    if (strcmp(actual, expected) == 0) return;
    print_error("callbacks: %s\nexpected:  %s\n", actual, expected);
    _fail(file, line);
}

/* ---- clients ---- */

client *new_client(fixture *f, int port) {
    static int number;
    client *c = calloc(1, sizeof *c);
    if (!c || f->client_count == (int)COUNT(f->clients)) abort();
    f->clients[f->client_count++] = c;
    c->fixture = f;
    assert_status(capdist_options_init(&c->options, sizeof c->options), CAPDIST_OK);
    /* The quota group is the test's own, since a group keeps its history for a window. */
    snprintf(c->quota_group, sizeof c->quota_group, "test group %d", ++number);
    c->options.quota_group = c->quota_group;
    c->options.quota_requests = 0;
    c->options.port = port;
    c->options.reconnect = 0;
    c->options.connect_timeout_ms = PATIENCE_MS;
    c->options.on_init_connect = record_init_connect;
    c->options.on_disconnect = record_disconnect;
    c->options.on_push = record_push;
    c->options.on_log = record_log;
    c->options.on_closed = record_closed;
    c->options.user_data = c;
    return c;
}

void open_client(client *c) {
    assert_status(capdist_init_connect(&c->options, &c->conn), CAPDIST_OK);
    assert_non_null(c->conn);
}

void open_ready(client *c) {
    open_client(c);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    /* The connection is established a moment before its callback runs. */
    if (c->options.on_init_connect) assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
}

client *ready_client(fixture *f, int port) {
    client *c = new_client(f, port);
    open_ready(c);
    return c;
}

void set_hook(client *c, hook_fn hook) {
    pthread_mutex_lock(&recording);
    c->hook = hook;
    pthread_mutex_unlock(&recording);
}

void note_accepted(client *c, uint32_t serial_no) {
    pthread_mutex_lock(&recording);
    if (c->accepted_count == c->accepted_room) {
        c->accepted_room = c->accepted_room ? 2 * c->accepted_room : 64;
        c->accepted = realloc(c->accepted, c->accepted_room * sizeof *c->accepted);
        if (!c->accepted) abort();
    }
    c->accepted[c->accepted_count++] = serial_no;
    pthread_mutex_unlock(&recording);
}

uint32_t ask_with(client *c, const char *code, const capdist_request_options *options) {
    capdist_security security = {CAPDIST_MARKET_HK, ""};
    snprintf(security.code, sizeof security.code, "%s", code);
    uint32_t serial_no = 0;
    capdist_status status =
        capdist_get_capital_distribution(c->conn, &security, options, record_reply, c, &serial_no);
    if (status == CAPDIST_OK) note_accepted(c, serial_no);
    assert_status(status, CAPDIST_OK);
    assert_int_not_equal(serial_no, 0);
    return serial_no;
}

uint32_t ask(client *c, const char *code) {
    return ask_with(c, code, NULL);
}

capdist_security security_of(const char *text) {
    capdist_security security;
    assert_status(capdist_security_parse(text, &security), CAPDIST_OK);
    return security;
}

capdist_request_options request_defaults(void) {
    capdist_request_options options;
    assert_status(capdist_request_options_init(&options, sizeof options), CAPDIST_OK);
    return options;
}

/* ---- set-up and tear-down ---- */

/* CAPDIST_ONLY: a part of the names of the tests to run. */
__attribute__((constructor)) static void choose_tests(void) {
    static char pattern[200];
    const char *only = getenv("CAPDIST_ONLY");
    if (!only || !only[0]) return;
    snprintf(pattern, sizeof pattern, "*%s*", only);
    cmocka_set_test_filter(pattern);
}

static void *do_nothing(void *unused) {
    return unused;
}

int setup(void **state) {
    static bool has_threads;
    pthread_t first;
    fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    /* ThreadSanitizer starts a thread of its own at a program's first one. The test has not left it behind. */
    if (!has_threads && (pthread_create(&first, NULL, do_nothing, NULL) || pthread_join(first, NULL))) abort();
    has_threads = true;
    f->test_name = *state;
    watch(f->test_name);
    f->threads = thread_count();
    f->descriptors = descriptor_count();
    *state = f;
    return 0;
}

/* support_driven.c has these in application-driven mode. */
__attribute__((weak)) bool is_application_driven(void) {
    return false;
}

__attribute__((weak)) void use_threads(bool on) {
    (void)on;
}

__attribute__((weak)) void forget_the_loop(void) {
}

__attribute__((weak)) void hold_the_loop(bool on) {
    (void)on;
}

/* Checks promises 1 to 3 for every client of the test. */
static bool kept_its_promises(fixture *f, client *c) {
    bool kept = true;
    if (count_locked(c, EVENT_CLOSED) != 1 || c->events[c->event_count - 1].kind != EVENT_CLOSED) {
        print_error("%s: on_closed is not the last of the callbacks, once\n", f->test_name);
        kept = false;
    }
    bool is_driven = is_application_driven() || c->options.mode == CAPDIST_MODE_HOST_DRIVEN;
    for (size_t i = 0; i < c->event_count; i++) {
        if (is_driven || c->events[i].thread == c->events[0].thread) continue;
        print_error("%s: callbacks on more than one thread\n", f->test_name);
        kept = false;
        break;
    }
    if (c->strangers > 0 || c->overlaps > 0) {
        print_error("%s: %d callbacks with another handle, %d while another one ran\n", f->test_name, c->strangers,
                    c->overlaps);
        kept = false;
    }
    for (size_t i = 0; i < c->accepted_count; i++) {
        int completions = 0;
        for (size_t k = 0; k < c->event_count; k++) {
            const event *e = &c->events[k];
            completions +=
                (e->kind == EVENT_REPLY || e->kind == EVENT_PROTO_REPLY) && e->serial_no == c->accepted[i];
        }
        if (completions == 1) continue;
        print_error("%s: request %u completed %d times\n", f->test_name, c->accepted[i], completions);
        kept = false;
    }
    return kept;
}

int teardown(void **state) {
    fixture *f = *state;
    bool good = true;
    for (int i = 0; i < f->client_count; i++) {
        client *c = f->clients[i];
        if (!c->conn) continue;
        capdist_release(c->conn);
        if (!wait_for(c, EVENT_CLOSED, 1, 5000)) {
            print_error("%s: on_closed never came; what came: %s\n", f->test_name, story(c));
            return -1; /* not freed: a late callback might use it */
        }
    }
    pthread_mutex_lock(&recording);
    for (int i = 0; i < f->client_count; i++) {
        client *c = f->clients[i];
        if (c->conn && !kept_its_promises(f, c)) good = false;
        free(c->events);
        free(c->accepted);
        free(c);
    }
    pthread_mutex_unlock(&recording);
    for (int i = 0; i < f->gateway_count; i++) stop_gateway(f->gateways[i]);
    for (int i = 0; i < f->simulator_count; i++) kill_simulator(f, i);
    for (int i = 0; i < f->socket_count; i++) close(f->sockets[i]);
    /* The event loop may still be inside the last call, which would keep the connection until the program ends. */
    hold_the_loop(true);
    hold_the_loop(false);
    if (!back_to(f->threads, f->descriptors)) good = false;
    free(f);
    use_threads(false);
    unwatch();
    return good ? 0 : -1;
}
