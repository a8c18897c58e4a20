/* bindings/c/adapters/capdist_uv.h: connections are made and released on a libuv loop, beside a timer of the application. */
#include "support.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../bindings/c/adapters/capdist_uv.h"

/* ---- the application ---- */

enum { MOST = 8 };

typedef struct application application;

/* A connection on the loop; the client's context. */
typedef struct member {
    capdist_uv adapter;
    application *application;
    client *client;
    bool is_attached;
    int ended; /* calls of on_end */
} member;

struct application {
    uv_loop_t loop;
    uv_timer_t ticker, limit;
    int ticks;
    int last_tick; /* the tick that releases all adapters; 0: none does */
    bool is_late;
    member members[MOST];
    int count;
};

static void on_end(uv_handle_t *handle) {
    member *m = handle->data;
    m->ended++;
    /* The memory belongs to the application again. */
    memset(&m->adapter, 0xff, sizeof m->adapter);
}

static void release(member *m) {
    if (!m->is_attached) return;
    m->is_attached = false;
    capdist_uv_release(&m->adapter, on_end);
}

static int attached(application *app) {
    int count = 0;
    for (int i = 0; i < app->count; i++) count += app->members[i].is_attached;
    return count;
}

static void on_tick(uv_timer_t *timer) {
    application *app = timer->data;
    if (++app->ticks != app->last_tick) return;
    for (int i = 0; i < app->count; i++) release(&app->members[i]);
}

static void on_limit(uv_timer_t *timer) {
    application *app = timer->data;
    app->is_late = true;
    uv_stop(&app->loop);
}

static application *new_application(void) {
    application *app = calloc(1, sizeof *app);
    if (!app || uv_loop_init(&app->loop) || uv_timer_init(&app->loop, &app->ticker) || uv_timer_init(&app->loop, &app->limit)) abort();
    app->ticker.data = app->limit.data = app;
    if (uv_timer_start(&app->ticker, on_tick, 5, 5) || uv_timer_start(&app->limit, on_limit, PATIENCE_MS, 0)) abort();
    /* Only attached connections keep the loop running. */
    uv_unref((uv_handle_t *)&app->ticker);
    uv_unref((uv_handle_t *)&app->limit);
    return app;
}

/* A client for the loop, which is not open yet. */
static member *new_member(application *app, fixture *f, int port) {
    if (app->count == MOST) abort();
    member *m = &app->members[app->count++];
    m->application = app;
    m->client = new_client(f, port);
    m->client->context = m;
    m->client->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    return m;
}

static void attach(member *m) {
    open_client(m->client);
    assert_int_equal(capdist_uv_attach(&m->application->loop, &m->adapter, m->client->conn), 0);
    m->is_attached = true;
}

/* The loop ends by itself when every adapter is released. */
static void run_to_the_end(application *app) {
    int active = uv_run(&app->loop, UV_RUN_DEFAULT);
    if (app->is_late) fail_msg("the loop did not end; the first client: %s", story(app->members[0].client));
    assert_int_equal(active, 0);
    assert_int_equal(attached(app), 0);
    for (int i = 0; i < app->count; i++) assert_int_equal(app->members[i].ended, 1);
}

/* Runs the loop until that many callbacks of a kind have run. */
static void run_until(client *c, event_kind kind, int count) {
    application *app = ((member *)c->context)->application;
    while (count_of(c, kind) < count && !app->is_late) uv_run(&app->loop, UV_RUN_ONCE);
    if (app->is_late) fail_msg("it never came; the client: %s", story(c));
}

static void end_application(application *app) {
    uv_close((uv_handle_t *)&app->ticker, NULL);
    uv_close((uv_handle_t *)&app->limit, NULL);
    assert_int_equal(uv_run(&app->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&app->loop), 0);
    free(app);
}

/* ---- releases ---- */

static void release_itself(client *c, const event *e) {
    if (e->kind == EVENT_REPLY && e->serial_no == 2) release(c->context);
}

static void release_inside_its_own_callback(void **state) {
    application *app = new_application();
    member *m = new_member(app, *state, start_simulator(*state, "--no-quota", "--latency", "50", NULL));
    attach(m);
    set_hook(m->client, release_itself);
    for (int i = 0; i < 4; i++) ask(m->client, "00700");
    run_to_the_end(app);
    assert_story(m->client, "init 0; reply 1 OK; reply 2 OK; reply 3 RELEASED; reply 4 RELEASED; closed");
    assert_in_range(app->ticks, 2, 1000); /* the application's timer had its turns */
    for (size_t i = 0; i < m->client->event_count; i++) assert_int_equal(m->client->events[i].thread, gettid());
    end_application(app);
}

static void release_the_other_first(client *c, const event *e) {
    if (e->kind != EVENT_REPLY || e->status != CAPDIST_OK) return;
    release(c->other->context);
    release(c->context);
}

static void release_of_another_inside_a_callback(void **state) {
    application *app = new_application();
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *clients[2];
    for (int i = 0; i < 2; i++) {
        member *m = new_member(app, *state, g->port);
        clients[i] = m->client;
        attach(m);
        set_hook(m->client, release_the_other_first);
        ask(m->client, "1");
    }
    clients[0]->other = clients[1];
    clients[1]->other = clients[0];
    while (gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION) < 2 && !app->is_late) uv_run(&app->loop, UV_RUN_NOWAIT);
    /* Both are readable in the same turn of the loop. Whichever is first, the other must no longer be driven. */
    for (int i = 0; i < 2; i++) {
        frame request;
        message answer = {0};
        put_distribution(&answer, 1, false);
        assert_true(gateway_frame(g, GET_CAPITAL_DISTRIBUTION, i, &request));
        gateway_reply(g, &request, &answer);
    }
    sleep_ms(50);
    run_to_the_end(app);
    int first = count_of_status(clients[0], CAPDIST_OK) == 1 ? 0 : 1;
    assert_story(clients[first], "init 0; reply 1 OK; closed");
    assert_story(clients[1 - first], "init 0; reply 1 RELEASED; closed");
    end_application(app);
}

/* An established connection, with a gateway that answers no request. */
static member *unanswered(application *app, fixture *f, gateway **g) {
    *g = start_gateway(f);
    gateway_on(*g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    member *m = new_member(app, f, (*g)->port);
    attach(m);
    run_until(m->client, EVENT_INIT_CONNECT, 1);
    return m;
}

static void release_outside_callbacks(void **state) {
    application *app = new_application();
    gateway *g;
    member *m = unanswered(app, *state, &g);
    ask(m->client, "1");
    release(m);
    assert_story(m->client, "init 0; reply 1 RELEASED; closed");
    run_to_the_end(app);
    end_application(app);
}

/* A child has copies of all descriptors, so that closing one does not remove it from an epoll set. */
static void release_while_a_child_has_the_descriptors(void **state) {
    application *app = new_application();
    gateway *g;
    member *m = unanswered(app, *state, &g);
    capdist_request_options soon = request_defaults();
    soon.reply_timeout_ms = 200;
    ask_with(m->client, "1", &soon);
    while (gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION) < 1 && !app->is_late) uv_run(&app->loop, UV_RUN_NOWAIT);
    pid_t child = _Fork(); /* without fork handlers, since it only sleeps */
    if (child == 0) {
        sleep(PATIENCE_MS / 1000);
        _exit(0);
    }
    release(m);
    run_to_the_end(app);
    struct pollfd backend = {.fd = uv_backend_fd(&app->loop), .events = POLLIN};
    int woken = poll(&backend, 1, 400); /* the request's timer, which the child has, too, fires meanwhile */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(woken, 0);
    end_application(app);
}

/* ---- gateways that fail ---- */

static void ask_in_each_life(client *c, const event *e) {
    if (e->kind == EVENT_INIT_CONNECT) ask(c, "00700");
    if (e->kind == EVENT_REPLY && e->serial_no == 3) release(c->context);
}

static void reconnect_when_the_stream_is_dropped(void **state) {
    application *app = new_application();
    member *m = new_member(app, *state, start_simulator(*state, "--no-quota", "--fault", "drop-after=1", NULL));
    m->client->options.reconnect = 1;
    m->client->options.reconnect_min_ms = 50;
    set_hook(m->client, ask_in_each_life);
    attach(m);
    run_to_the_end(app);
    assert_story(m->client, "init 0; reply 1 OK; disconnect 11/0; init 0; reply 2 OK; disconnect 11/0; init 0; reply 3 OK; closed");
    assert_in_range(app->ticks, 4, 1000); /* the application's timer fired in the pauses */
    end_application(app);
}

static void release_on_reply(client *c, const event *e) {
    if (e->kind == EVENT_REPLY) release(c->context);
}

static void a_gateway_that_refuses(void **state) {
    application *app = new_application();
    member *absent = new_member(app, *state, refused_port(*state));
    member *refused = new_member(app, *state, start_simulator(*state, "--fault", "init-refused", NULL));
    for (int i = 0; i < app->count; i++) {
        set_hook(app->members[i].client, release_on_reply);
        attach(&app->members[i]);
        ask(app->members[i].client, "00700");
    }
    run_to_the_end(app);
    assert_story(absent->client, "init 6/111; reply 1 CONNECT_FAILED; closed");
    assert_story(refused->client, "init 100/5; reply 1 CONNECT_REFUSED; closed");
    end_application(app);
}

static void release_by_a_timer_between_attempts(void **state) {
    application *app = new_application();
    member *m = new_member(app, *state, refused_port(*state));
    m->client->options.reconnect = 1;
    m->client->options.reconnect_min_ms = m->client->options.reconnect_max_ms = 10;
    attach(m);
    ask(m->client, "00700");
    app->last_tick = 20;
    run_to_the_end(app);
    assert_story(m->client, "reply 1 RELEASED; closed");
    assert_true(logged(m->client, CAPDIST_LOG_WARNING, "connecting failed"));
    end_application(app);
}

/* ---- misuse ---- */

static void a_connection_with_a_thread_is_not_taken(void **state) {
    use_threads(true);
    application *app = new_application();
    client *c = ready_client(*state, start_gateway(*state)->port);
    capdist_uv adapter;
    assert_int_equal(capdist_uv_attach(&app->loop, &adapter, c->conn), UV_EBADF);
    run_to_the_end(app);
    end_application(app);
}

int main(void) {
    /* libuv keeps a pipe after its first loop. The test has not left it behind. */
    uv_loop_t first;
    if (uv_loop_init(&first) || uv_loop_close(&first)) return 1;
    static const struct CMUnitTest tests[] = {
        TEST(release_inside_its_own_callback),
        TEST(release_of_another_inside_a_callback),
        TEST(release_outside_callbacks),
        TEST(release_while_a_child_has_the_descriptors),
        TEST(reconnect_when_the_stream_is_dropped),
        TEST(a_gateway_that_refuses),
        TEST(release_by_a_timer_between_attempts),
        TEST(a_connection_with_a_thread_is_not_taken),
    };
    return cmocka_run_group_tests_name("uv", tests, NULL, NULL);
}
