/* Application-driven mode and what else the process does: forks, names, many connections on one loop, an OpenSSL of its own. */
#include "support_loop.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- forks ---- */

static int child_status(pid_t child) {
    int status = -1;
    for (int i = 0; i < PATIENCE_MS && waitpid(child, &status, WNOHANG) == 0; i++) sleep_ms(1);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a forked child: 0 if everything is as promised. */
static int after_fork(client *c) {
    if (capdist_process(c->conn) != CAPDIST_FORKED) return 2;
    if (capdist_get_fd(c->conn) != -1) return 3;
    if (capdist_wait_ready(c->conn, 100) != CAPDIST_FORKED) return 4;
    /* A connection of its own. */
    capdist_options options = c->options;
    options.on_init_connect = NULL;
    options.on_log = NULL;
    options.on_closed = NULL;
    capdist_conn *own;
    if (capdist_init_connect(&options, &own) != CAPDIST_OK) return 5;
    if (capdist_wait_ready(own, PATIENCE_MS) != CAPDIST_OK) return 6;
    if (capdist_release(own) != CAPDIST_OK) return 7;
    return capdist_release(c->conn) == CAPDIST_OK ? 0 : 8;
}

static void a_child_is_told(void **state) {
    client *c = driven_ready(*state, start_simulator(*state, "--no-quota", NULL));
    pid_t child = fork_child();
    if (child == 0) _exit(after_fork(c));
    assert_int_equal(child_status(child), 0);
    ask(c, "00700");
    assert_true(drive_until(c, EVENT_REPLY, 1));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
}

static pid_t forked;

static void fork_in_the_callback(client *c, const event *e) {
    (void)c;
    if (e->kind == EVENT_REPLY && e->serial_no == 1) forked = fork_child();
}

/* Unlike in thread mode, the stack below the callback is the application's, and the child may go on with it. */
static void a_child_may_come_back_from_a_callback(void **state) {
    pid_t parent = getpid();
    client *c = driven_ready(*state, start_simulator(*state, "--no-quota", NULL));
    process_all(c);
    set_hook(c, fork_in_the_callback);
    for (int i = 0; i < 10; i++) ask(c, "00700");
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (count_of(c, EVENT_REPLY) < 10 && now_ms() < deadline) {
        capdist_status status = is_readable(c, 100) ? capdist_process(c->conn) : CAPDIST_OK;
        if (getpid() != parent) _exit(status != CAPDIST_FORKED ? 1 : count_of(c, EVENT_REPLY) != 1 ? 9 : after_fork(c));
        assert_status(status, CAPDIST_OK);
    }
    assert_int_equal(child_status(forked), 0);
    assert_int_equal(count_of_status(c, CAPDIST_OK), 10);
}

static void release_the_other_and_fork(client *c, const event *e) {
    if (e->kind != EVENT_REPLY || e->serial_no != 1) return;
    capdist_release(c->other->conn);
    forked = fork_child();
}

/* The other connection's descriptors are closed in the child, too. */
static void a_child_closes_what_its_parent_released(void **state) {
    pid_t parent = getpid();
    int port = start_simulator(*state, "--no-quota", NULL);
    int before = descriptor_count();
    client *c = driven_ready(*state, port), *other = driven_ready(*state, port);
    c->other = other;
    set_hook(c, release_the_other_and_fork);
    ask(c, "00700");
    while (count_of(c, EVENT_REPLY) < 1) {
        capdist_status status = is_readable(c, 100) ? capdist_process(c->conn) : CAPDIST_OK;
        if (getpid() != parent) _exit(status != CAPDIST_FORKED ? 1 : descriptor_count() > before ? 2 : 0);
        assert_status(status, CAPDIST_OK);
    }
    assert_int_equal(child_status(forked), 0);
    assert_int_equal(count_of(other, EVENT_CLOSED), 1);
}

/* ---- names ---- */

static void names_are_the_applications_to_resolve(void **state) {
    client *c = new_driven(*state, 1);
    c->options.host = "gateway.invalid";
    assert_refused(capdist_init_connect(&c->options, &c->conn), CAPDIST_NEEDS_ADDRESS, "gateway.invalid");
    assert_null(c->conn);
    static const char *const hosts[] = {"127.0.0.1", "localhost", "LOCALHOST.", "::1", "127.1"};
    gateway *four = start_gateway(*state), *six = start_gateway_at(*state, "::1");
    for (size_t i = 0; i < COUNT(hosts); i++) {
        client *known = new_driven(*state, strchr(hosts[i], ':') ? six->port : four->port);
        known->options.host = hosts[i];
        open_client(known);
        assert_true(drive_until(known, EVENT_INIT_CONNECT, 1));
        assert_true(event_at(known, EVENT_INIT_CONNECT, 0).err_code == 0);
    }
}

/* ---- many at once ---- */

/* One thread, one epoll set, twenty connections, and two threads that make requests. */
typedef struct asker {
    client *clients[20];
    atomic_int accepted;
} asker;

static void *ask_all(void *argument) {
    asker *a = argument;
    for (int i = 0; i < 2000; i++) {
        client *c = a->clients[i % 20];
        capdist_security security = {CAPDIST_MARKET_HK, "00700"};
        uint32_t serial_no;
        if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
            note_accepted(c, serial_no);
            atomic_fetch_add(&a->accepted, 1);
        }
    }
    return NULL;
}

static void one_loop_drives_many(void **state) {
    int port = start_simulator(*state, "--no-quota", NULL), set = epoll_create1(EPOLL_CLOEXEC);
    asker a = {.accepted = 0};
    for (int i = 0; i < 20; i++) {
        a.clients[i] = driven_ready(*state, port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = a.clients[i]->conn};
        assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, capdist_get_fd(a.clients[i]->conn), &event), 0);
    }
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask_all, &a), 0);
    int64_t deadline = now_ms() + 2 * PATIENCE_MS;
    int answered = 0;
    while (answered < 4000 && now_ms() < deadline) {
        struct epoll_event ready[8];
        int count = epoll_wait(set, ready, 8, 100);
        for (int i = 0; i < count; i++) assert_status(capdist_process(ready[i].data.ptr), CAPDIST_OK);
        answered = 0;
        for (int i = 0; i < 20; i++) answered += count_of_status(a.clients[i], CAPDIST_OK);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(a.accepted, 4000);
    assert_int_equal(answered, 4000);
    close(set);
}

/* ---- the application's OpenSSL ---- */

static void raise_the_applications_error(int number) {
    ERR_new();
    ERR_set_debug("application.c", 100 + number, "the_application");
    ERR_set_error(ERR_LIB_USER, number, "the application's, %d", number);
}

static void raise_the_applications_errors(void) {
    ERR_clear_error();
    raise_the_applications_error(1);
    raise_the_applications_error(2);
    assert_int_equal(ERR_set_mark(), 1);
    raise_the_applications_error(3);
}

static void assert_the_applications_error(int number, unsigned long code, const char *file, int line, const char *func,
                                          const char *data) {
    char words[32];
    snprintf(words, sizeof words, "the application's, %d", number);
    assert_int_equal(code, ERR_PACK(ERR_LIB_USER, 0, number));
    assert_string_equal(file, "application.c");
    assert_int_equal(line, 100 + number);
    assert_string_equal(func, "the_application");
    assert_string_equal(data, words);
}

/* The application's errors are unchanged, with the mark between them, and no other error was added. They are removed then. */
static void assert_the_applications_errors(void) {
    const char *file, *func, *data;
    int line, flags;
    unsigned long code = ERR_peek_last_error_all(&file, &line, &func, &data, &flags);
    assert_the_applications_error(3, code, file, line, func, data);
    assert_int_equal(ERR_pop_to_mark(), 1);
    for (int number = 1; number <= 2; number++) {
        code = ERR_get_error_all(&file, &line, &func, &data, &flags);
        assert_the_applications_error(number, code, file, line, func, data);
    }
    assert_int_equal(ERR_get_error(), 0);
}

static client *driven_tls(fixture *f, int port, const char *ca) {
    client *c = new_driven(f, port);
    c->options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
    c->options.tls_ca_file = ca;
    return c;
}

/* Whether the library uses an OpenSSL outside it. The shipped one does not; the one with ThreadSanitizer does. */
static bool shares_openssl(void) {
    Dl_info info;
    assert_int_not_equal(dladdr((void *)(uintptr_t)capdist_version, &info), 0);
    void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(library);
    bool shares = dlsym(library, "ERR_new") != NULL;
    dlclose(library);
    return shares;
}

static void openssl_errors_of_the_application_stay(void **state) {
    if (shares_openssl()) return;
    int right = start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL);
    int expired = start_simulator(*state, TLS_WEBSOCKET_AS("expired"), NULL);
    struct {
        int port;
        const char *ca;
        bool is_accepted;
    } cases[] = {{right, TLS_CA, true}, {expired, TLS_CA, false}, {right, NULL, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        client *c = driven_tls(*state, cases[i].port, cases[i].ca);
        raise_the_applications_errors();
        open_client(c);
        assert_the_applications_errors();
        raise_the_applications_errors();
        assert_true(drive_until(c, EVENT_INIT_CONNECT, 1));
        assert_true((event_at(c, EVENT_INIT_CONNECT, 0).err_code == 0) == cases[i].is_accepted);
        assert_the_applications_errors();
        if (cases[i].is_accepted) {
            raise_the_applications_errors();
            ask(c, "00700");
            assert_true(drive_until(c, EVENT_REPLY, 1));
            assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
            assert_the_applications_errors();
        }
        raise_the_applications_errors();
        capdist_release(c->conn);
        assert_the_applications_errors();
    }
    client *c = driven_tls(*state, right, VECTORS "/tls/key.pem");
    raise_the_applications_errors();
    assert_refused(capdist_init_connect(&c->options, &c->conn), CAPDIST_INVALID_ARGUMENT, "there is no certificate in it");
    assert_the_applications_errors();
    /* If there were none, there are none. */
    client *refused = driven_tls(*state, expired, TLS_CA);
    open_client(refused);
    assert_true(drive_until(refused, EVENT_INIT_CONNECT, 1));
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_child_is_told),
        TEST(a_child_may_come_back_from_a_callback),
        TEST(a_child_closes_what_its_parent_released),
        TEST(names_are_the_applications_to_resolve),
        TEST(one_loop_drives_many),
        TEST(openssl_errors_of_the_application_stay),
    };
    return cmocka_run_group_tests_name("application_driven", tests, NULL, NULL);
}
