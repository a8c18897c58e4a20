/* fork() with open and busy connections: calls in the child return an error, and it can make connections of its own. The parent's
 * connections go on, and the child's copies of the descriptors do not keep them open. */
#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 3, CHILD_MS = 30000 };

/* How often each test forks: more often in `make deep`. */
static int forks(void) {
    const char *text = getenv("CAPDIST_FORKS");
    return text ? atoi(text) : 50;
}

/* ---- children ---- */

/* The first check that failed in a child is its exit status. */
enum { GOOD, NOT_TOLD = 10, NO_CONNECTION, NO_ANSWER, WRONG_ANSWER, NOT_RELEASED, CALLED_BACK, LEFT_OVER };

static int wait_for_child_within(pid_t child, int limit_ms) {
    int status = 0;
    pid_t ended = 0;
    for (int64_t end = now_ms() + limit_ms; ended == 0 && now_ms() < end;) {
        ended = waitpid(child, &status, WNOHANG);
        if (ended == 0) usleep(500);
    }
    if (ended == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        return -SIGALRM;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int wait_for_child(pid_t child) {
    return wait_for_child_within(child, CHILD_MS);
}

static void must_not_answer(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply, (void)user_data;
    _exit(CALLED_BACK);
}

static void must_not_answer_raw(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply,
                                void *user_data) {
    (void)conn, (void)serial_no, (void)reply, (void)user_data;
    _exit(CALLED_BACK);
}

/* Every call with an inherited handle returns CAPDIST_FORKED. */
static bool is_told(capdist_conn *conn) {
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_reply *reply = NULL;
    capdist_connection_info info;
    capdist_quota quota;
    uint32_t serial_no = 0;
    capdist_connection_info_init(&info, sizeof info);
    capdist_quota_init(&quota, sizeof quota);
    const capdist_status statuses[] = {
        capdist_wait_ready(conn, 1000),
        capdist_get_connection_info(conn, &info),
        capdist_get_quota(conn, &quota),
        capdist_get_capital_distribution(conn, &security, NULL, must_not_answer, NULL, &serial_no),
        capdist_fetch_capital_distribution(conn, &security, NULL, &reply),
        capdist_cancel(conn, 1),
        capdist_send_proto(conn, GET_GLOBAL_STATE, "", 0, NULL, must_not_answer_raw, NULL, &serial_no),
    };
    for (size_t i = 0; i < COUNT(statuses); i++) {
        if (statuses[i] != CAPDIST_FORKED) return false;
    }
    return serial_no == 0;
}

static void count_closed(void *user_data) {
    atomic_fetch_add((atomic_int *)user_data, 1);
}

/* How the gateway is reached: unencrypted, or otherwise. */
static const char *key_file, *ca_file;
static int32_t transport;

static void in_clear(void) {
    key_file = ca_file = NULL;
    transport = CAPDIST_TRANSPORT_TCP;
}

static void encrypted(void) {
    in_clear();
    key_file = VECTORS "/rsa/1024.pem";
}

static void over_tls(void) {
    in_clear();
    transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
    ca_file = TLS_CA;
}

static void reach(capdist_options *options, int port) {
    options->port = port;
    options->quota_requests = 0;
    options->rsa_private_key_file = key_file;
    options->transport = transport;
    options->tls_ca_file = ca_file;
}

/* A connection of the child works, and leaves nothing behind. */
static int use_own(int port) {
    static atomic_int closed;
    atomic_store(&closed, 0);
    int threads = thread_count(), descriptors = descriptor_count();
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    reach(&options, port);
    options.on_closed = count_closed;
    options.user_data = &closed;
    capdist_conn *conn = NULL;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return NO_CONNECTION;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_reply *reply = NULL;
    if (capdist_fetch_capital_distribution(conn, &security, NULL, &reply) != CAPDIST_OK) return NO_ANSWER;
    if (reply->distribution->capital_in_big != 859479380) return WRONG_ANSWER;
    capdist_reply_free(reply);
    if (capdist_release(conn) != CAPDIST_OK || atomic_load(&closed) != 1) return NOT_RELEASED;
    return back_to(threads, descriptors) ? GOOD : LEFT_OVER;
}

/* ---- what the tests share ---- */

/* How often a callback of the parent's requests ran in another process. */
static atomic_int *strays;
static pid_t parent_pid;

static void note_strays(client *c, const event *e) {
    (void)c, (void)e;
    if (getpid() != parent_pid) atomic_fetch_add(strays, 1);
}

static void watch_for_strays(void) {
    parent_pid = getpid();
    if (!strays) {
        strays = mmap(NULL, sizeof *strays, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(strays != MAP_FAILED);
    }
    atomic_store(strays, 0);
}

typedef struct load {
    client *client;
    atomic_bool *stop;
    int accepted, refused;
    pthread_t thread;
} load;

static void *ask_until_stopped(void *argument) {
    load *l = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    while (!atomic_load(l->stop)) {
        uint32_t serial_no;
        if (capdist_get_capital_distribution(l->client->conn, &security, NULL, record_reply, l->client, &serial_no) ==
            CAPDIST_OK) {
            note_accepted(l->client, serial_no);
            l->accepted++;
            if (l->accepted % 16 == 0) usleep(500);
        } else {
            l->refused++;
        }
        capdist_reply *reply = NULL;
        if (l->accepted % 5 == 0) {
            if (capdist_fetch_capital_distribution(l->client->conn, &security, NULL, &reply) != CAPDIST_OK) l->refused++;
            capdist_reply_free(reply);
        }
    }
    return NULL;
}

/* Makes and releases connections all the time, so that forks happen in the middle of both. */
static void *open_and_release_until_stopped(void *argument) {
    load *l = argument;
    while (!atomic_load(l->stop)) {
        capdist_options options = l->client->options;
        options.on_init_connect = NULL;
        options.on_disconnect = NULL;
        options.on_push = NULL;
        options.on_log = NULL;
        options.on_closed = NULL;
        capdist_conn *conn = NULL;
        if (capdist_init_connect(&options, &conn) != CAPDIST_OK || capdist_wait_ready(conn, PATIENCE_MS) != CAPDIST_OK ||
            capdist_release(conn) != CAPDIST_OK) {
            l->refused++;
        }
        l->accepted++;
        usleep(200);
    }
    return NULL;
}

/* Forks repeatedly while the parent is busy. Each child runs `child`. Returns the first failure. */
static int fork_under_load(fixture *f, int port, int (*child)(client *const clients[CLIENTS], int port, int n)) {
    client *clients[CLIENTS];
    atomic_bool stop = false;
    load loads[CLIENTS + 1];
    watch_for_strays();
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = new_client(f, port);
        clients[i]->hook = note_strays;
        clients[i]->options.max_queue = 100000;
        reach(&clients[i]->options, port);
        open_ready(clients[i]);
    }
    for (int i = 0; i <= CLIENTS; i++) {
        loads[i] = (load){.client = clients[i % CLIENTS], .stop = &stop};
        assert_int_equal(pthread_create(&loads[i].thread, NULL,
                                        i < CLIENTS ? ask_until_stopped : open_and_release_until_stopped, &loads[i]), 0);
    }
    int wrong = GOOD, n = 0;
    for (; n < forks() && wrong == GOOD; n++) {
        pid_t pid = fork_child();
        if (pid == 0) _exit(child(clients, port, n));
        wrong = wait_for_child(pid);
    }
    atomic_store(&stop, true);
    int accepted = 0, refused = 0;
    for (int i = 0; i <= CLIENTS; i++) {
        pthread_join(loads[i].thread, NULL);
        accepted += i < CLIENTS ? loads[i].accepted : 0;
        refused += loads[i].refused;
    }
    if (wrong != GOOD) print_error("child %d ended with %d\n", n - 1, wrong);
    /* In the parent every request was answered, and no connection was lost. */
    assert_int_equal(refused, 0);
    assert_true(accepted > forks());
    assert_true(loads[CLIENTS].accepted > 0);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(wait_for(clients[i], EVENT_REPLY, (int)clients[i]->accepted_count, PATIENCE_MS));
        assert_int_equal(count_of_status(clients[i], CAPDIST_OK), clients[i]->accepted_count);
        assert_int_equal(count_of(clients[i], EVENT_DISCONNECT), 0);
        ask(clients[i], "00700");
        assert_true(wait_for(clients[i], EVENT_REPLY, (int)clients[i]->accepted_count, PATIENCE_MS));
    }
    assert_int_equal(atomic_load(strays), 0);
    return wrong;
}

/* ---- the tests ---- */

static int ask_release_and_use_own(client *const clients[CLIENTS], int port, int n) {
    for (int i = 0; i < CLIENTS; i++) {
        if (!is_told(clients[i]->conn)) return NOT_TOLD;
    }
    /* Some release first, some last, some never. A second release is harmless. */
    if (n % 3 == 0) {
        for (int i = 0; i < CLIENTS; i++) {
            if (capdist_release(clients[i]->conn) != CAPDIST_OK) return NOT_RELEASED;
            if (capdist_release(clients[i]->conn) != CAPDIST_RELEASED) return NOT_RELEASED;
        }
    }
    int own = use_own(port);
    if (own != GOOD) return own;
    if (n % 3 == 1) {
        for (int i = 0; i < CLIENTS; i++) {
            if (!is_told(clients[i]->conn) || capdist_release(clients[i]->conn) != CAPDIST_OK) return NOT_RELEASED;
        }
    }
    return use_own(port);
}

static void children_are_told_and_the_parent_goes_on(void **state) {
    assert_int_equal(fork_under_load(*state, start_simulator(*state, "--no-quota", NULL), ask_release_and_use_own), GOOD);
}

/* A process that has not used the library makes a connection and forks at once, repeatedly. A child's own first connection must
 * not wait for a lock that a thread of the parent held during the fork. */
static int fork_in_first_moments(int port, int after_us) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    reach(&options, port);
    capdist_conn *conn = NULL;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return NO_CONNECTION;
    usleep((useconds_t)after_us);
    pid_t children[10];
    for (size_t i = 0; i < COUNT(children); i++) {
        children[i] = fork_child();
        if (children[i] == 0) _exit(use_own(port));
    }
    int wrong = GOOD;
    for (size_t i = 0; i < COUNT(children); i++) {
        int status = wait_for_child(children[i]);
        if (wrong == GOOD) wrong = status;
    }
    if (wrong != GOOD) return wrong;
    /* Otherwise its socket might be made while the next child counts its descriptors. */
    if (capdist_wait_ready(conn, PATIENCE_MS) != CAPDIST_OK) return NO_CONNECTION;
    return use_own(port);
}

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/* The first test, since later ones use the library in this process. The first connection of each kind initialises what it needs,
 * so each has critical moments of its own. */
static void fork_in_the_first_moments(void **state) {
    /* The normal Swift library is not optimised, and makes data at its first use that the shipped one has from the start. */
    if (__has_feature(address_sanitizer)) skip();
    void (*const ways[])(void) = {in_clear, encrypted, over_tls};
    const int ports[] = {start_simulator(*state, "--no-quota", NULL),
                         start_simulator(*state, "--no-quota", "--rsa-key", VECTORS "/rsa/1024.pem", NULL),
                         start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL)};
    for (size_t way = 0; way < COUNT(ways); way++) {
        ways[way]();
        for (int n = 0; n < forks(); n++) {
            pid_t pid = fork_child();
            if (pid == 0) _exit(fork_in_first_moments(ports[way], n));
            int status = wait_for_child_within(pid, 3 * CHILD_MS);
            if (status != GOOD) fail_msg("way %zu, process %d: %d", way, n, status);
        }
    }
    in_clear();
}

/* OpenSSL has locks of its own. */
static void children_of_an_encrypted_parent(void **state) {
    encrypted();
    int port = start_simulator(*state, "--no-quota", "--rsa-key", key_file, NULL);
    int wrong = fork_under_load(*state, port, ask_release_and_use_own);
    in_clear();
    assert_int_equal(wrong, GOOD);
}

static void children_of_a_parent_over_tls(void **state) {
    /* They take long there, and the program has a time limit. */
    if (__has_feature(address_sanitizer)) skip();
    over_tls();
    int wrong = fork_under_load(*state, start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL), ask_release_and_use_own);
    in_clear();
    assert_int_equal(wrong, GOOD);
}

/* While a process without encryption runs, other threads make its first connections of other kinds. A child must find their
 * initialisation complete, or not begun. */
static void *connect_each_way(void *argument) {
    const int *ports = argument;
    for (int way = 0; way < 2; way++) {
        capdist_options options;
        capdist_options_init(&options, sizeof options);
        options.port = ports[way];
        options.quota_requests = 0;
        if (way == 0) {
            options.rsa_private_key_file = VECTORS "/rsa/1024.pem";
        } else {
            options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
            options.tls_ca_file = TLS_CA;
        }
        capdist_conn *conn = NULL;
        if (capdist_init_connect(&options, &conn) != CAPDIST_OK || capdist_wait_ready(conn, PATIENCE_MS) != CAPDIST_OK ||
            capdist_release(conn) != CAPDIST_OK) {
            return argument;
        }
    }
    return NULL;
}

static int fork_beside_first_use(const int ports[2], int n) {
    pthread_t thread;
    void *failed = NULL;
    if (pthread_create(&thread, NULL, connect_each_way, (void *)ports) != 0) return LEFT_OVER;
    usleep((useconds_t)(n * 37));
    pid_t children[6];
    for (size_t i = 0; i < COUNT(children); i++) {
        children[i] = fork_child();
        if (children[i] != 0) continue;
        if (i % 2) {
            over_tls();
        } else {
            encrypted();
        }
        _exit(use_own(ports[i % 2]));
    }
    int wrong = GOOD;
    for (size_t i = 0; i < COUNT(children); i++) {
        int status = wait_for_child(children[i]);
        if (wrong == GOOD) wrong = status;
    }
    pthread_join(thread, &failed);
    return wrong == GOOD && failed ? NO_CONNECTION : wrong;
}

/* The second test: no connection of this process has needed OpenSSL yet. These processes are separate. */
static void fork_beside_the_first_use_of_openssl(void **state) {
    if (__has_feature(address_sanitizer)) skip();
    const int ports[] = {start_simulator(*state, "--no-quota", "--rsa-key", VECTORS "/rsa/1024.pem", NULL),
                         start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL)};
    for (int n = 0; n < forks(); n++) {
        pid_t pid = fork_child();
        if (pid == 0) _exit(fork_beside_first_use(ports, n));
        int status = wait_for_child_within(pid, 3 * CHILD_MS);
        if (status != GOOD) fail_msg("process %d: %d", n, status);
    }
}

static int exit_normally(client *const clients[CLIENTS], int port, int n) {
    (void)clients;
    int own = n % 2 ? use_own(port) : GOOD;
    fclose(stdout); /* the parent prints what is buffered */
    exit(own);
}

/* Handlers that run at exit find the parent's connections, and do nothing to them. */
static void children_may_exit(void **state) {
    assert_int_equal(fork_under_load(*state, start_simulator(*state, "--no-quota", NULL), exit_normally), GOOD);
}

static void wait_in_the_child(int until_closed[2]) {
    char byte;
    close(until_closed[1]);
    if (read(until_closed[0], &byte, 1) < 0) {}
    _exit(GOOD);
}

/* The parent's connections end when the parent releases them, even if a child has copies of the descriptors. */
static void childs_copies_keep_no_stream_open(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port), *busy = ready_client(*state, g->port);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    ask(busy, "1");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork_child();
    if (child == 0) wait_in_the_child(ends);
    close(ends[0]);
    int64_t start = now_ms();
    capdist_status first = capdist_release(c->conn), second = capdist_release(busy->conn);
    int64_t took = now_ms() - start;
    bool ended = gateway_wait_closed(g, 0, PATIENCE_MS) && gateway_wait_closed(g, 1, PATIENCE_MS);
    close(ends[1]);
    int left = wait_for_child(child);
    assert_status(first, CAPDIST_OK);
    assert_status(second, CAPDIST_OK);
    assert_in_range(took, 0, PROMPT_MS);
    assert_true(ended);
    assert_int_equal(left, GOOD);
}

/* A release in the child closes its copies only: the parent's connection goes on. */
static void childs_release_ends_no_stream(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork_child();
        if (child == 0) _exit(capdist_release(c->conn) == CAPDIST_OK ? GOOD : NOT_RELEASED);
        assert_int_equal(wait_for_child(child), GOOD);
        ask(c, "7");
        assert_true(wait_for(c, EVENT_REPLY, i + 1, PATIENCE_MS));
    }
    assert_int_equal(count_of_status(c, CAPDIST_OK), 10);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
    assert_int_equal(gateway_stream_count(g), 1);
}

/* Parent and child share the account's quota: the child starts with what was used before the fork. */
static void child_starts_with_the_quotas_history(void **state) {
    int port = start_simulator(*state, "--no-quota", NULL);
    client *c = new_client(*state, port);
    c->options.quota_requests = 5;
    c->options.quota_window_ms = 60000;
    c->options.quota_mode = CAPDIST_QUOTA_FAIL;
    open_ready(c);
    for (int i = 0; i < 3; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    pid_t child = fork_child();
    if (child == 0) {
        capdist_options options = c->options;
        options.on_init_connect = NULL;
        options.on_disconnect = NULL;
        options.on_push = NULL;
        options.on_log = NULL;
        options.on_closed = NULL;
        capdist_conn *conn = NULL;
        capdist_quota quota;
        capdist_quota_init(&quota, sizeof quota);
        capdist_security security = {CAPDIST_MARKET_HK, "00700"};
        if (capdist_init_connect(&options, &conn) != CAPDIST_OK) _exit(NO_CONNECTION);
        if (capdist_get_quota(conn, &quota) != CAPDIST_OK || quota.used != 3) _exit(WRONG_ANSWER);
        for (int i = 0; i < 3; i++) {
            capdist_reply *reply = NULL;
            capdist_status status = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
            capdist_reply_free(reply);
            if (status != (i < 2 ? CAPDIST_OK : CAPDIST_QUOTA_EXHAUSTED)) _exit(NO_ANSWER);
        }
        _exit(capdist_release(conn) == CAPDIST_OK ? GOOD : NOT_RELEASED);
    }
    assert_int_equal(wait_for_child(child), GOOD);
    /* Afterwards each counts its own requests. */
    for (int i = 0; i < 2; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 5, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 5);
}

/* In a grandchild, the handles of the parent and of the child are both invalid. */
static void a_grandchild_is_told(void **state) {
    int port = start_simulator(*state, "--no-quota", NULL);
    client *c = ready_client(*state, port);
    pid_t child = fork_child();
    if (child == 0) {
        capdist_options options;
        capdist_options_init(&options, sizeof options);
        options.port = port;
        capdist_conn *own = NULL;
        if (capdist_init_connect(&options, &own) != CAPDIST_OK) _exit(NO_CONNECTION);
        if (capdist_wait_ready(own, PATIENCE_MS) != CAPDIST_OK) _exit(NO_CONNECTION);
        pid_t grandchild = fork_child();
        if (grandchild == 0) _exit(is_told(own) && is_told(c->conn) ? use_own(port) : NOT_TOLD);
        int found = wait_for_child(grandchild);
        if (found != GOOD) _exit(found < 0 ? 2 : found);
        _exit(capdist_release(own) == CAPDIST_OK ? GOOD : NOT_RELEASED);
    }
    assert_int_equal(wait_for_child(child), GOOD);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
}

/* A child that was forked in a callback may do the same as any child. It exits inside the callback. */
static atomic_int child_in_callback;
static int port_of_child;

static void fork_in_a_reply(client *c, const event *e) {
    if (e->kind != EVENT_REPLY || e->serial_no != 1) return;
    pid_t child = fork_child();
    if (child == 0) _exit(is_told(c->conn) ? use_own(port_of_child) : NOT_TOLD);
    atomic_store(&child_in_callback, child);
}

static void fork_in_a_callback(void **state) {
    port_of_child = start_simulator(*state, "--no-quota", NULL);
    client *c = new_client(*state, port_of_child);
    c->hook = fork_in_a_reply;
    open_ready(c);
    for (int i = 0; i < 20; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 20, PATIENCE_MS));
    assert_int_equal(wait_for_child(atomic_load(&child_in_callback)), GOOD);
    assert_int_equal(count_of_status(c, CAPDIST_OK), 20);
}

/* If the child returns from the callback, it is ended before it reads the parent's answers. */
static void return_in_the_child(client *c, const event *e) {
    (void)c;
    if (e->kind != EVENT_REPLY || e->serial_no != 1) return;
    pid_t child = fork_child();
    if (child > 0) atomic_store(&child_in_callback, child);
}

static void a_child_does_not_come_back_from_a_callback(void **state) {
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->hook = return_in_the_child;
    open_ready(c);
    for (int i = 0; i < 20; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 20, PATIENCE_MS));
    assert_int_equal(wait_for_child(atomic_load(&child_in_callback)), 1);
    assert_int_equal(count_of_status(c, CAPDIST_OK), 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(fork_in_the_first_moments),
        TEST(fork_beside_the_first_use_of_openssl),
        TEST(children_are_told_and_the_parent_goes_on),
        TEST(children_of_an_encrypted_parent),
        TEST(children_of_a_parent_over_tls),
        TEST(children_may_exit),
        TEST(childs_copies_keep_no_stream_open),
        TEST(childs_release_ends_no_stream),
        TEST(child_starts_with_the_quotas_history),
        TEST(a_grandchild_is_told),
        TEST(fork_in_a_callback),
        TEST(a_child_does_not_come_back_from_a_callback),
    };
    return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
