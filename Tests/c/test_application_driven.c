/* Application-driven mode: one descriptor, no thread, and callbacks only in calls that drive. Here the test itself drives. DRIVEN=1
 * (support_driven.c) runs the other tests in this mode. */
#include "support_loop.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <unistd.h>

/* ---- the descriptor ---- */

static void the_descriptor_stays_the_same_across_reconnects(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_driven(*state, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 20;
    open_client(c);
    int fd = capdist_get_fd(c->conn);
    assert_true(fd >= 0);
    /* It is added to the application's epoll set once. */
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
    int64_t deadline = now_ms() + PATIENCE_MS;
    for (int lives = 1; lives <= 4; lives++) {
        while (count_of(c, EVENT_INIT_CONNECT) < lives && now_ms() < deadline) {
            if (epoll_wait(set, &event, 1, 100) == 1) capdist_process(c->conn);
        }
        assert_int_equal(count_of(c, EVENT_INIT_CONNECT), lives);
        ask(c, "1");
        while (count_of(c, EVENT_REPLY) < lives && now_ms() < deadline) {
            if (epoll_wait(set, &event, 1, 100) == 1) capdist_process(c->conn);
        }
        assert_int_equal(count_of_status(c, CAPDIST_OK), lives);
        assert_int_equal(capdist_get_fd(c->conn), fd);
        gateway_close_stream(g, lives - 1, lives % 2);
    }
    close(set);
}

static void no_thread_is_made(void **state) {
    gateway *g = start_gateway(*state);
    int threads = thread_count();
    client *c = driven_ready(*state, g->port);
    assert_true(thread_count() <= threads);
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 1));
    assert_true(thread_count() <= threads);
}

static void nothing_to_do_means_not_readable(void **state) {
    gateway *g = start_gateway(*state);
    client *c = driven_ready(*state, g->port);
    process_all(c);
    assert_false(is_readable(c, 200));
    /* An extra call is harmless, and does not wait. */
    int64_t start = now_ms();
    for (int i = 0; i < 1000; i++) assert_status(capdist_process(c->conn), CAPDIST_OK);
    assert_in_range(now_ms() - start, 0, PATIENCE_MS);
    assert_story(c, "init 0");
}

/* Each reason why the descriptor can become readable, from an idle connection. */
static void it_is_readable_for_a_reply(void **state) {
    gateway *g = start_gateway(*state);
    client *c = driven_ready(*state, g->port);
    process_all(c);
    ask(c, "41");
    assert_true(is_readable(c, PATIENCE_MS));
    assert_int_equal(count_of(c, EVENT_REPLY), 0);
    assert_status(capdist_process(c->conn), CAPDIST_OK);
    assert_true(reply_to(c, 1).in_big == 42);
}

static void it_is_readable_for_a_timeout(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = driven_ready(*state, g->port);
    capdist_request_options options = request_defaults();
    options.reply_timeout_ms = 150;
    ask_with(c, "1", &options);
    process_all(c);
    int64_t start = now_ms();
    assert_true(is_readable(c, PATIENCE_MS));
    assert_true(drive_until(c, EVENT_REPLY, 1));
    assert_in_range(now_ms() - start, 100, PATIENCE_MS);
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_REPLY_TIMEOUT);
}

static void it_is_readable_for_keep_alive(void **state) {
    gateway *g = start_gateway(*state);
    g->keep_alive_interval = 1;
    client *c = driven_ready(*state, g->port);
    process_all(c);
    assert_true(is_readable(c, 2000));
    process_all(c);
    assert_true(gateway_wait(g, KEEP_ALIVE, 1, PATIENCE_MS));
}

static void it_is_readable_for_the_connect_timeout(void **state) {
    client *c = new_driven(*state, stuck_port(*state));
    c->options.connect_timeout_ms = 200;
    open_client(c);
    process_all(c);
    assert_true(is_readable(c, 2000));
    process_all(c);
    assert_int_equal(CAPDIST_ERR_KIND(event_at(c, EVENT_INIT_CONNECT, 0).err_code), CAPDIST_ERR_KIND_CONNECT);
}

static void it_is_readable_for_a_quota_slot(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_driven(*state, g->port);
    c->options.quota_requests = 2;
    c->options.quota_window_ms = 400;
    open_client(c);
    assert_true(drive_until(c, EVENT_INIT_CONNECT, 1));
    for (int i = 0; i < 3; i++) ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 2));
    process_all(c);
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 2);
    assert_true(is_readable(c, 2000));
    assert_true(drive_until(c, EVENT_REPLY, 3));
    frame first, third;
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 0, &first));
    assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, 2, &third));
    assert_true(third.at - first.at >= 400);
}

/* Another connection of the quota group, which is driven elsewhere, returns a slot. */
static void it_is_readable_when_another_connection_frees_a_slot(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *first = new_client(*state, g->port), *second = new_driven(*state, g->port);
    first->options.quota_group = second->options.quota_group = "shared";
    first->options.quota_requests = second->options.quota_requests = 1;
    first->options.quota_window_ms = second->options.quota_window_ms = 300;
    open_ready(first);
    open_client(second);
    assert_true(drive_until(second, EVENT_INIT_CONNECT, 1));
    ask(first, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    ask(second, "2");
    process_all(second);
    assert_status(capdist_release(first->conn), CAPDIST_OK);
    assert_true(is_readable(second, 2000));
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION) < 2 && now_ms() < deadline) {
        if (is_readable(second, 50)) assert_status(capdist_process(second->conn), CAPDIST_OK);
    }
    assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), 2);
}

typedef struct call {
    client *client;
    int number;
    capdist_status status;
    capdist_reply *reply;
} call;

static void *cancel_elsewhere(void *argument) {
    call *c = argument;
    c->status = capdist_cancel(c->client->conn, 1);
    return NULL;
}

static void it_is_readable_for_another_threads_wish(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = driven_ready(*state, g->port);
    ask(c, "1");
    process_all(c);
    call cancel = {.client = c};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_elsewhere, &cancel), 0);
    pthread_join(thread, NULL);
    assert_status(cancel.status, CAPDIST_OK);
    /* No callback runs inside capdist_cancel(). */
    assert_int_equal(count_of(c, EVENT_REPLY), 0);
    assert_true(is_readable(c, PATIENCE_MS));
    process_all(c);
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_CANCELLED);
}

typedef struct stream {
    gateway *gateway;
    atomic_int is_over;
} stream;

static void *push_all_the_time(void *argument) {
    stream *s = argument;
    static uint8_t bytes[64 * 1024];
    size_t length = 0;
    /* Hundreds of small frames: they are sent faster than they can be read. */
    while (length + HEADER_SIZE < sizeof bytes) length += pack_frame(bytes + length, NOTIFY, 0, NULL, 0);
    while (!s->is_over) gateway_send_raw(s->gateway, 0, bytes, length);
    return NULL;
}

/* Whether that many replies come with the next calls, whatever else these read. */
static bool told_within_calls(client *c, int replies) {
    for (int calls = 0; calls < 5 && count_of(c, EVENT_REPLY) < replies; calls++) capdist_process(c->conn);
    return count_of(c, EVENT_REPLY) == replies;
}

/* Every call finds something to read. Other work must not wait for a pause. */
static void a_steady_stream_holds_up_nothing(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = new_driven(*state, g->port);
    c->options.on_push = NULL; /* there are too many to record */
    open_client(c);
    assert_true(drive_until(c, EVENT_INIT_CONNECT, 1));
    stream s = {.gateway = g};
    pthread_t sender;
    pthread_create(&sender, NULL, push_all_the_time, &s);
    capdist_request_options soon = request_defaults();
    soon.reply_timeout_ms = 200;
    int64_t start = now_ms();
    ask_with(c, "1", &soon);
    while (now_ms() - start < 250) capdist_process(c->conn);
    bool timed_out = told_within_calls(c, 1);
    capdist_cancel(c->conn, ask(c, "2"));
    bool cancelled = told_within_calls(c, 2);
    s.is_over = 1;
    while (pthread_tryjoin_np(sender, NULL) == EBUSY) capdist_process(c->conn); /* the sender may wait for room in the socket */
    assert_true(timed_out && cancelled);
    assert_in_range(event_at(c, EVENT_REPLY, 0).at - start, 199, PATIENCE_MS);
    assert_int_equal(count_of_status(c, CAPDIST_REPLY_TIMEOUT), 1);
    assert_int_equal(count_of_status(c, CAPDIST_CANCELLED), 1);
}

static void it_is_readable_for_a_lost_stream(void **state) {
    gateway *g = start_gateway(*state);
    client *c = driven_ready(*state, g->port);
    process_all(c);
    gateway_close_stream(g, 0, true);
    assert_true(is_readable(c, PATIENCE_MS));
    process_all(c);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 1);
    assert_false(is_readable(c, 200));
}

/* ---- callbacks ---- */

static void callbacks_run_only_inside_process(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_driven(*state, g->port);
    open_client(c);
    for (int i = 0; i < 10; i++) ask(c, "1");
    sleep_ms(100);
    assert_int_equal((int)c->event_count, 0); /* not even on_log */
    assert_true(drive_until(c, EVENT_INIT_CONNECT, 1));
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 10, PATIENCE_MS));
    sleep_ms(100);
    assert_int_equal(count_of(c, EVENT_REPLY), 0);
    capdist_connection_info info;
    assert_status(capdist_connection_info_init(&info, sizeof info), CAPDIST_OK);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_int_equal(count_of(c, EVENT_REPLY), 0);
    assert_true(drive_until(c, EVENT_REPLY, 10));
    for (size_t i = 0; i < c->event_count; i++) assert_int_equal(c->events[i].thread, gettid());
}

static void release_completes_inside_itself(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = driven_ready(*state, g->port);
    for (int i = 0; i < 2; i++) ask(c, "1");
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_story(c, "init 0; reply 1 RELEASED; reply 2 RELEASED; closed");
    for (size_t i = 0; i < c->event_count; i++) assert_int_equal(c->events[i].thread, gettid());
}

static void release_of_what_was_never_driven(void **state) {
    client *c = new_driven(*state, refused_port(*state));
    open_client(c);
    ask(c, "1");
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_story(c, "reply 1 RELEASED; closed");
}

static void ask_again(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && e->serial_no < 100) ask(c, "1");
}

static void callbacks_may_ask(void **state) {
    gateway *g = start_gateway(*state);
    client *c = driven_ready(*state, g->port);
    set_hook(c, ask_again);
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 100));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 100);
}

static void release_on_reply(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && e->serial_no == 2) capdist_release(c->conn);
}

static void release_inside_a_callback(void **state) {
    gateway *g = start_gateway(*state);
    client *c = driven_ready(*state, g->port);
    set_hook(c, release_on_reply);
    for (int i = 0; i < 5; i++) ask(c, "1");
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 5, PATIENCE_MS));
    int64_t deadline = now_ms() + PATIENCE_MS;
    capdist_status status = CAPDIST_OK;
    while (status == CAPDIST_OK && now_ms() < deadline) {
        status = capdist_process(c->conn);
        sleep_ms(1);
    }
    assert_status(status, CAPDIST_RELEASED);
    assert_story(c, "init 0; reply 1 OK; reply 2 OK; reply 3 RELEASED; reply 4 RELEASED; reply 5 RELEASED; closed");
}

static atomic_int ended_inside;

static void release_the_other(client *c, const event *e) {
    if (e->kind != EVENT_REPLY || capdist_release(c->other->conn) != CAPDIST_OK) return;
    /* No callback runs inside another one. */
    atomic_store(&ended_inside, count_of(c->other, EVENT_REPLY) + count_of(c->other, EVENT_CLOSED));
}

static void release_inside_another_connections_callback(void **state) {
    gateway *g = start_gateway(*state);
    client *other = driven_ready(*state, g->port), *c = driven_ready(*state, g->port);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    c->other = other;
    set_hook(c, release_the_other);
    ask(other, "1");
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 1));
    /* Nobody else drove the connection, so it ended right after the callback. */
    assert_int_equal(ended_inside, 0);
    assert_story(other, "init 0; reply 1 RELEASED; closed");
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 2));
}

/* ---- calls that drive the connection themselves ---- */

static void waiting_calls_need_no_loop(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_driven(*state, g->port);
    open_client(c);
    int64_t start = now_ms();
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    capdist_security security = security_of("HK.7");
    for (int i = 0; i < 20; i++) {
        capdist_reply *reply = NULL;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
        assert_int_equal(reply->status, CAPDIST_OK);
        assert_true(reply->distribution->capital_in_big == 8);
        capdist_reply_free(reply);
    }
    assert_in_range(now_ms() - start, 0, PATIENCE_MS);
    assert_int_equal(count_of(c, EVENT_INIT_CONNECT), 1);
}

static void waiting_calls_end_in_time(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *stuck = new_driven(*state, stuck_port(*state)), *c = driven_ready(*state, g->port);
    open_client(stuck);
    int64_t start = now_ms();
    assert_status(capdist_wait_ready(stuck->conn, 200), CAPDIST_CONNECT_TIMEOUT);
    assert_in_range(now_ms() - start, 199, PROMPT_MS);
    capdist_request_options options = request_defaults();
    options.reply_timeout_ms = 200;
    capdist_security security = security_of("HK.7");
    capdist_reply *reply = NULL;
    start = now_ms();
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, &options, &reply), CAPDIST_REPLY_TIMEOUT);
    assert_in_range(now_ms() - start, 199, PROMPT_MS);
    assert_int_equal(reply->status, CAPDIST_REPLY_TIMEOUT);
    capdist_reply_free(reply);
}

static void *fetch_many(void *argument) {
    call *c = argument;
    for (int i = 0; i < 200 && c->status == CAPDIST_OK; i++) {
        capdist_security security = {CAPDIST_MARKET_HK, ""};
        int number = c->number * 1000 + i;
        snprintf(security.code, sizeof security.code, "%d", number);
        capdist_reply *reply = NULL;
        c->status = capdist_fetch_capital_distribution(c->client->conn, &security, NULL, &reply);
        if (c->status == CAPDIST_OK && (reply->status != CAPDIST_OK || reply->distribution->capital_in_big != number + 1)) {
            c->status = CAPDIST_MALFORMED_REPLY;
        }
        capdist_reply_free(reply);
    }
    return NULL;
}

/* Nobody else drives, so the waiting thread drives for all. */
static void threads_fetch_together(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_driven(*state, g->port);
    open_client(c);
    pthread_t threads[8];
    call calls[8];
    for (int i = 0; i < 8; i++) {
        calls[i] = (call){.client = c, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_many, &calls[i]), 0);
    }
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 8; i++) assert_status(calls[i].status, CAPDIST_OK);
}

static void *wait_elsewhere(void *argument) {
    call *c = argument;
    c->status = capdist_wait_ready(c->client->conn, PATIENCE_MS);
    return NULL;
}

static void release_ends_a_wait_elsewhere(void **state) {
    int port = stuck_port(*state);
    /* A wait consists of parts of a tenth of a second. The release comes at the end of a part, often between two. */
    for (int round = 0; round < 20; round++) {
        client *c = new_driven(*state, port);
        open_client(c);
        pthread_t threads[2];
        call waits[2];
        for (int i = 0; i < 2; i++) {
            waits[i] = (call){.client = c};
            assert_int_equal(pthread_create(&threads[i], NULL, wait_elsewhere, &waits[i]), 0);
        }
        sleep_ms(100);
        int64_t start = now_ms();
        assert_status(capdist_release(c->conn), CAPDIST_OK);
        assert_in_range(now_ms() - start, 0, PROMPT_MS);
        assert_int_equal(count_of(c, EVENT_CLOSED), 1);
        for (int i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_status(waits[i].status, CAPDIST_RELEASED);
        }
    }
}

/* ---- misuse ---- */

static void two_threads_at_once_are_refused(void **state) {
    client *c = new_driven(*state, stuck_port(*state));
    open_client(c);
    pthread_t thread;
    call wait = {.client = c};
    assert_int_equal(pthread_create(&thread, NULL, wait_elsewhere, &wait), 0);
    /* The waiting thread stops driving for a moment every tenth of a second, and has not begun at first. A call then succeeds. */
    capdist_status status = CAPDIST_OK;
    for (int64_t end = now_ms() + PATIENCE_MS; status == CAPDIST_OK && now_ms() < end;) {
        status = capdist_process(c->conn);
        if (status == CAPDIST_OK) sleep_ms(1);
    }
    assert_refused(status, CAPDIST_BUSY, "thread");
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    pthread_join(thread, NULL);
}

static atomic_int process_inside, process_other_inside, fd_inside;

static void process_in_a_callback(client *c, const event *e) {
    if (e->kind != EVENT_REPLY) return;
    atomic_store(&process_inside, capdist_process(c->conn));
    atomic_store(&process_other_inside, capdist_process(c->other->conn));
    atomic_store(&fd_inside, capdist_get_fd(c->conn));
}

static void process_inside_a_callback_is_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = driven_ready(*state, g->port);
    c->other = driven_ready(*state, g->port);
    set_hook(c, process_in_a_callback);
    ask(c, "1");
    assert_true(drive_until(c, EVENT_REPLY, 1));
    assert_int_equal(process_inside, CAPDIST_WOULD_DEADLOCK);
    assert_int_equal(process_other_inside, CAPDIST_WOULD_DEADLOCK);
    assert_int_equal(fd_inside, capdist_get_fd(c->conn));
}

static void thread_mode_has_neither(void **state) {
    use_threads(true);
    client *c = ready_client(*state, start_gateway(*state)->port);
    assert_int_equal(capdist_get_fd(c->conn), -1);
    assert_refused(capdist_process(c->conn), CAPDIST_INVALID_ARGUMENT, "application-driven");
}

static void released_and_null_are_refused(void **state) {
    client *c = driven_ready(*state, start_gateway(*state)->port);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    assert_int_equal(capdist_get_fd(c->conn), -1);
    assert_status(capdist_process(c->conn), CAPDIST_RELEASED);
    assert_status(capdist_process(NULL), CAPDIST_INVALID_ARGUMENT);
    assert_int_equal(capdist_get_fd(NULL), -1);
    assert_true(strlen(capdist_last_error()) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_descriptor_stays_the_same_across_reconnects),
        TEST(no_thread_is_made),
        TEST(nothing_to_do_means_not_readable),
        TEST(it_is_readable_for_a_reply),
        TEST(it_is_readable_for_a_timeout),
        TEST(it_is_readable_for_keep_alive),
        TEST(it_is_readable_for_the_connect_timeout),
        TEST(it_is_readable_for_a_quota_slot),
        TEST(it_is_readable_when_another_connection_frees_a_slot),
        TEST(it_is_readable_for_another_threads_wish),
        TEST(a_steady_stream_holds_up_nothing),
        TEST(it_is_readable_for_a_lost_stream),
        TEST(callbacks_run_only_inside_process),
        TEST(release_completes_inside_itself),
        TEST(release_of_what_was_never_driven),
        TEST(callbacks_may_ask),
        TEST(release_inside_a_callback),
        TEST(release_inside_another_connections_callback),
        TEST(waiting_calls_need_no_loop),
        TEST(waiting_calls_end_in_time),
        TEST(threads_fetch_together),
        TEST(release_ends_a_wait_elsewhere),
        TEST(two_threads_at_once_are_refused),
        TEST(process_inside_a_callback_is_refused),
        TEST(thread_mode_has_neither),
        TEST(released_and_null_are_refused),
    };
    return cmocka_run_group_tests_name("application_driven", tests, NULL, NULL);
}
