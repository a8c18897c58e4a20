/* Callbacks that are left by a jump, as by errors in Lua, Ruby, Perl and R, or by the end of their thread. In application-driven
 * mode only that connection fails permanently. Others on the same thread go on. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static jmp_buf out;
static event_kind leaves_at;
static bool releases_first;
static atomic_int times_left;

static void leave(client *c, const event *e) {
    if (e->kind != leaves_at || atomic_load(&times_left) > 0) return;
    atomic_fetch_add(&times_left, 1);
    if (releases_first) capdist_release(c->conn);
    /* The recorder's own count of running callbacks. */
    c->inside--;
    longjmp(out, 1);
}

static client *driven_client(fixture *f, int port) {
    client *c = new_client(f, port);
    c->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    return c;
}

/* A connection with one request, which leaves the callback of that kind. */
static client *leaving_client(fixture *f, int port, event_kind kind) {
    client *c = driven_client(f, port);
    leaves_at = kind;
    releases_first = false;
    atomic_store(&times_left, 0);
    set_hook(c, leave);
    return c;
}

static bool drive_until(client *c, event_kind kind, int count) {
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && count_of(c, kind) < count;) {
        struct pollfd polled = {.fd = capdist_get_fd(c->conn), .events = POLLIN};
        poll(&polled, 1, 20);
        capdist_process(c->conn);
    }
    return count_of(c, kind) >= count;
}

static void must_answer(client *c, int count) {
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, count));
    assert_int_equal(count_of_status(c, CAPDIST_OK), count);
    capdist_security security = security_of("HK.2");
    capdist_reply *reply = NULL;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
    capdist_reply_free(reply);
}

/* The connection fails permanently, and is released. */
static void must_end_cleanly(client *c) {
    capdist_security security = security_of("HK.1");
    uint32_t number;
    assert_refused(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_DISCONNECTED, "callback");
    assert_refused(capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &number),
                   CAPDIST_NOT_CONNECTED, "callback");
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_int_equal(count_of(c, EVENT_CLOSED), 1);
}

static void a_jump_out_of_process(void **state) {
    fixture *f = *state;
    gateway *g = start_gateway(f);
    client *other = driven_client(f, g->port);
    open_ready(other);
    client *c = leaving_client(f, g->port, EVENT_REPLY);
    open_ready(c);
    /* The second and third answers come together with the first, and complete, too. */
    for (int i = 0; i < 3; i++) ask(c, "1");
    if (setjmp(out) == 0) {
        drive_until(c, EVENT_REPLY, 3);
        fail();
    }
    assert_int_equal(atomic_load(&times_left), 1);
    must_answer(other, 1);
    must_end_cleanly(c);
    must_answer(other, 2);
}

static void a_jump_out_of_a_blocking_call(void **state) {
    fixture *f = *state;
    gateway *g = start_gateway(f);
    client *other = driven_client(f, g->port);
    open_ready(other);
    client *c = leaving_client(f, g->port, EVENT_INIT_CONNECT);
    open_client(c);
    if (setjmp(out) == 0) {
        /* The callback may run a moment after the connection is established. */
        capdist_wait_ready(c->conn, PATIENCE_MS);
        drive_until(c, EVENT_INIT_CONNECT, 1);
        fail();
    }
    must_answer(other, 1);
    must_end_cleanly(c);
    client *d = leaving_client(f, g->port, EVENT_REPLY);
    open_ready(d);
    ask(d, "1");
    capdist_security security = security_of("HK.2");
    capdist_reply *reply = NULL;
    if (setjmp(out) == 0) {
        capdist_fetch_capital_distribution(d->conn, &security, NULL, &reply);
        fail();
    }
    must_answer(other, 2);
    must_end_cleanly(d);
}

/* In a release: the other requests complete in the next call that drives. */
static void a_jump_out_of_a_release(void **state) {
    fixture *f = *state;
    gateway *g = start_gateway(f);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    static const event_kind kinds[] = {EVENT_REPLY, EVENT_CLOSED};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        client *c = leaving_client(f, g->port, kinds[i]);
        open_ready(c);
        for (int n = 0; n < 3; n++) ask(c, "1");
        if (setjmp(out) == 0) {
            assert_status(capdist_release(c->conn), CAPDIST_OK);
            /* Hooks are not called for on_closed. */
            if (kinds[i] == EVENT_REPLY) fail();
        }
        assert_refused(capdist_wait_ready(c->conn, 0), CAPDIST_RELEASED, "released");
        client *other = driven_client(f, g->port);
        open_ready(other);
        assert_int_equal(count_of(c, EVENT_CLOSED), 1);
        assert_int_equal(count_of_status(c, CAPDIST_RELEASED), 3);
    }
}

static void a_jump_after_a_release_in_the_callback(void **state) {
    fixture *f = *state;
    gateway *g = start_gateway(f);
    client *other = driven_client(f, g->port);
    open_ready(other);
    client *c = leaving_client(f, g->port, EVENT_REPLY);
    open_ready(c);
    releases_first = true;
    for (int n = 0; n < 3; n++) ask(c, "1");
    if (setjmp(out) == 0) {
        drive_until(c, EVENT_REPLY, 3);
        fail();
    }
    must_answer(other, 1);
    assert_int_equal(count_of(c, EVENT_CLOSED), 1);
    assert_refused(capdist_release(c->conn), CAPDIST_RELEASED, "released");
}

/* A call from deeper on the stack may be one inside the callback, and is refused. A call from above the callback's stack shows
 * that it was left. Inside callbacks nothing changes. */
static capdist_status inner_status;

static void wait_inside(client *c, const event *e) {
    if (e->kind == EVENT_REPLY) inner_status = capdist_wait_ready(c->conn, 0);
}

static void a_callback_that_is_not_left_is_still_one(void **state) {
    fixture *f = *state;
    client *c = driven_client(f, start_gateway(f)->port);
    set_hook(c, wait_inside);
    open_ready(c);
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 1));
    assert_status(inner_status, CAPDIST_WOULD_DEADLOCK);
    set_hook(c, NULL);
    must_answer(c, 2);
}

/* ---- the end of a thread ---- */

static atomic_bool is_inside;
static bool exits;

static void end_the_thread(client *c, const event *e) {
    if (e->kind != EVENT_REPLY || atomic_load(&times_left) > 0) return;
    atomic_fetch_add(&times_left, 1);
    c->inside--;
    atomic_store(&is_inside, true);
    if (exits) pthread_exit(NULL);
    /* Cancelled here. */
    while (true) pause();
}

static void *drive(void *argument) {
    drive_until(argument, EVENT_REPLY, 1);
    return NULL;
}

/* One thread ends by itself, one is cancelled. */
static void a_thread_that_ends_inside_a_callback(void **state) {
    fixture *f = *state;
    gateway *g = start_gateway(f);
    for (int round = 0; round < 2; round++) {
        exits = round == 0;
        client *c = driven_client(f, g->port);
        open_ready(c);
        atomic_store(&times_left, 0);
        atomic_store(&is_inside, false);
        set_hook(c, end_the_thread);
        for (int n = 0; n < 3; n++) ask(c, "1");
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, drive, c), 0);
        for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !atomic_load(&is_inside); sleep_ms(1)) {}
        assert_true(atomic_load(&is_inside));
        if (!exits) pthread_cancel(thread);
        assert_int_equal(pthread_join(thread, NULL), 0);
        must_end_cleanly(c);
    }
}

/* A connection's own thread ends, as CPython ends threads while it finalises. Another thread takes its place. */
static atomic_int completed, closed;

static void complete_and_end(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply, (void)user_data;
    if (atomic_fetch_add(&completed, 1) == 1) pthread_exit(NULL);
}

static void note_closed(void *user_data) {
    (void)user_data;
    atomic_fetch_add(&closed, 1);
}

/* A connection with a thread of its own, whose replies and end are counted again. */
static capdist_options counted_options(const gateway *g) {
    atomic_store(&completed, 0);
    atomic_store(&closed, 0);
    capdist_options options;
    assert_status(capdist_options_init(&options, sizeof options), CAPDIST_OK);
    options.port = g->port;
    options.quota_requests = 0;
    options.on_closed = note_closed;
    return options;
}

static int open_descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 512; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_connections_thread_that_ends_inside_a_callback(void **state) {
    use_threads(true);
    gateway *g = start_gateway(*state);
    capdist_security security = security_of("HK.1");
    for (int releases = 0; releases < 2; releases++) {
        const capdist_options options = counted_options(g);
        capdist_conn *conn = NULL;
        int before = open_descriptors();
        assert_status(capdist_init_connect(&options, &conn), CAPDIST_OK);
        int accepted = 0;
        for (int n = 0; n < 5; n++) {
            accepted += capdist_get_capital_distribution(conn, &security, NULL, complete_and_end, NULL, NULL) == CAPDIST_OK;
        }
        for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && atomic_load(&completed) < (releases ? 2 : accepted); sleep_ms(1)) {}
        if (!releases) {
            assert_int_equal(atomic_load(&completed), accepted);
            assert_refused(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_DISCONNECTED, "callback");
        }
        assert_status(capdist_release(conn), CAPDIST_OK);
        assert_int_equal(atomic_load(&completed), accepted);
        assert_int_equal(atomic_load(&closed), 1);
        assert_status(capdist_release(conn), CAPDIST_RELEASED);
        /* The gateway's end of the connection may close a moment later. */
        for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && open_descriptors() > before; sleep_ms(10)) {}
        assert_true(open_descriptors() <= before);
    }
}

static atomic_int starts;

static void end_at_the_start(capdist_conn *conn, void *user_data) {
    (void)conn, (void)user_data;
    atomic_fetch_add(&starts, 1);
    pthread_exit(NULL);
}

/* Mono ends threads that are inside a callback while it exits, and lets no new one in. The release does the rest. */
static atomic_bool is_releasing;

static void end_once_released(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply, (void)user_data;
    if (atomic_fetch_add(&completed, 1) != 0) return;
    while (!atomic_load(&is_releasing)) sleep_ms(1);
    sleep_ms(200);
    pthread_exit(NULL);
}

static void a_connections_thread_that_ends_while_a_release_waits_for_it(void **state) {
    use_threads(true);
    gateway *g = start_gateway(*state);
    const capdist_options options = counted_options(g);
    capdist_conn *conn = NULL;
    assert_status(capdist_init_connect(&options, &conn), CAPDIST_OK);
    capdist_security security;
    assert_status(capdist_security_parse("HK.00700", &security), CAPDIST_OK);
    for (int n = 0; n < 3; n++) {
        assert_status(
            capdist_get_capital_distribution(conn, &security, NULL, end_once_released, NULL, NULL), CAPDIST_OK);
    }
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end && !atomic_load(&completed); sleep_ms(1)) {}
    assert_int_equal(atomic_load(&completed), 1);
    atomic_store(&is_releasing, true);
    assert_status(capdist_release(conn), CAPDIST_OK);
    assert_int_equal(atomic_load(&completed), 3);
    assert_int_equal(atomic_load(&closed), 1);
}

static void a_connections_thread_that_ends_at_its_start(void **state) {
    use_threads(true);
    gateway *g = start_gateway(*state);
    for (int waits = 0; waits < 2; waits++) {
        atomic_store(&starts, 0);
        capdist_options options = counted_options(g);
        options.on_thread_start = end_at_the_start;
        capdist_conn *conn = NULL;
        assert_status(capdist_init_connect(&options, &conn), CAPDIST_OK);
        if (waits) assert_refused(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_DISCONNECTED, "callback");
        assert_status(capdist_release(conn), CAPDIST_OK);
        assert_int_equal(atomic_load(&closed), 1);
        assert_int_equal(atomic_load(&starts), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_jump_out_of_process),
        TEST(a_jump_out_of_a_blocking_call),
        TEST(a_jump_out_of_a_release),
        TEST(a_jump_after_a_release_in_the_callback),
        TEST(a_callback_that_is_not_left_is_still_one),
        TEST(a_thread_that_ends_inside_a_callback),
        TEST(a_connections_thread_that_ends_inside_a_callback),
        TEST(a_connections_thread_that_ends_while_a_release_waits_for_it),
        TEST(a_connections_thread_that_ends_at_its_start),
    };
    return cmocka_run_group_tests_name("sideways", tests, NULL, NULL);
}
