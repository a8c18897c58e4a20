/* A process may exit at any time, with open and busy connections: it ends soon, with its own status, and without a crash. Each of
 * hundreds of processes is forked from this one before the library is used. */
#include "support.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS = 4, IN_FLIGHT = 32, STATUS = 42, DONE_WITHIN_MS = 20000 };

/* The number of processes: smaller if each takes long, larger in `make deep`. */
static int processes(void) {
    const char *text = getenv("CAPDIST_EXITS");
    return text ? atoi(text) : 250;
}

/* What all exits have in common: connections that make another request with each answer. */
typedef struct application {
    capdist_conn *conns[CONNECTIONS];
    int exit_at; /**< the answer that ends the process, in the callback; 0: none does */
    _Atomic int answers;
} application;

static void ask_again(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)serial_no, (void)reply;
    application *app = user_data;
    if (++app->answers == app->exit_at) exit(STATUS);
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    (void)capdist_get_capital_distribution(conn, &security, NULL, ask_again, app, NULL);
}

/* Some applications use OpenSSL, too. Its atexit handler frees what the library's threads might still use. */
static void use_openssl(void) {
    /* All ciphers and digests. Fails if the process is exiting already. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS, NULL);
}

/* How a process reaches its gateway: unencrypted, encrypted, over WebSocket, over TLS. */
typedef struct way_in {
    int port;
    const char *key_file, *ca_file;
    int32_t transport;
} way_in;

static void open_busy(application *app, const way_in *in) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = in->port;
    options.quota_requests = 0;
    options.reconnect = 1;
    options.rsa_private_key_file = in->key_file;
    options.transport = in->transport;
    options.tls_ca_file = in->ca_file;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    for (int i = 0; i < CONNECTIONS; i++) {
        if (capdist_init_connect(&options, &app->conns[i]) != CAPDIST_OK) {
            /* A callback may have ended the process by now. */
            if (app->exit_at) sleep_ms(DONE_WITHIN_MS);
            _exit(3);
        }
        for (int n = 0; n < IN_FLIGHT; n++) {
            if (capdist_get_capital_distribution(app->conns[i], &security, NULL, ask_again, app, NULL) != CAPDIST_OK) _exit(4);
        }
    }
}

static void *release_all(void *argument) {
    application *app = argument;
    for (int i = 0; i < CONNECTIONS; i++) (void)capdist_release(app->conns[i]);
    return NULL;
}

static void *ask_for_ever(void *argument) {
    application *app = argument;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    for (int i = 0;; i++) {
        capdist_reply *reply = NULL;
        (void)capdist_fetch_capital_distribution(app->conns[i % CONNECTIONS], &security, NULL, &reply);
        capdist_reply_free(reply);
    }
    return NULL;
}

static application app;

static void release_at_exit(void) {
    release_all(&app);
}

/* A process that exits in this way. `chance` varies the moment. */
static void live_and_end(int way, unsigned chance, const way_in *in) {
    pthread_t thread;
    if (chance % 3 == 0) use_openssl();
    if (way == 0) app.exit_at = 1 + (int)(chance % 200); /* in a callback */
    if (way == 5) atexit(release_at_exit); /* runs after the library's and OpenSSL's handlers, which are registered later */
    open_busy(&app, in);
    /* Not while the callback exits: OpenSSL has freed its locks by then, and crashes. */
    if (chance % 3 == 1 && way != 0) use_openssl();
    int pause_us = (int)(rand_r(&chance) % 20000);
    switch (way) {
    case 0: sleep_ms(DONE_WITHIN_MS); _exit(5);
    case 1:
    case 5: usleep((useconds_t)pause_us); exit(STATUS); /* on the main thread */
    case 2: /* while others wait for answers */
        for (int i = 0; i < 4; i++) pthread_create(&thread, NULL, ask_for_ever, &app);
        usleep((useconds_t)pause_us);
        exit(STATUS);
    case 3: /* while another thread releases */
        usleep((useconds_t)pause_us);
        pthread_create(&thread, NULL, release_all, &app);
        usleep((useconds_t)(pause_us % 300));
        exit(STATUS);
    default: /* right after it */
        usleep((useconds_t)pause_us);
        release_all(&app);
        exit(STATUS);
    }
}

static void ends_well(void **state, int way) {
    static const char key[] = VECTORS "/rsa/1024.pem";
    const way_in ways_in[] = {
        {start_simulator(*state, "--no-quota", NULL), NULL, NULL, CAPDIST_TRANSPORT_TCP},
        {start_simulator(*state, "--no-quota", "--rsa-key", key, NULL), key, NULL, CAPDIST_TRANSPORT_TCP},
        {start_simulator(*state, "--no-quota", PLAIN_WEBSOCKET, NULL), NULL, NULL, CAPDIST_TRANSPORT_WEBSOCKET},
        {start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL), NULL, TLS_CA, CAPDIST_TRANSPORT_WEBSOCKET_TLS}};
    int count = processes() / 5;
    unwatch(); /* each process has a limit of its own */
    for (int n = 0; n < count; n++) {
        pid_t child = fork_child();
        if (child == 0) {
            live_and_end(way, (unsigned)n, &ways_in[(size_t)n % COUNT(ways_in)]);
            _exit(6);
        }
        assert_true(child > 0);
        int status = 0;
        pid_t ended = 0;
        for (int64_t end = now_ms() + DONE_WITHIN_MS + 1000; ended == 0 && now_ms() < end;) {
            ended = waitpid(child, &status, WNOHANG);
            if (ended == 0) usleep(500);
        }
        if (ended == 0) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            fail_msg("process %d did not end", n);
        }
        if (WIFSIGNALED(status)) fail_msg("process %d was ended by signal %d", n, WTERMSIG(status));
        if (WEXITSTATUS(status) != STATUS) fail_msg("process %d ended with status %d", n, WEXITSTATUS(status));
    }
}

static void exit_in_a_callback(void **state) {
    ends_well(state, 0);
}

static void exit_with_traffic_in_flight(void **state) {
    ends_well(state, 1);
}

static void exit_while_threads_wait_for_answers(void **state) {
    ends_well(state, 2);
}

static void exit_while_another_thread_releases(void **state) {
    ends_well(state, 3);
}

static void exit_right_after_release(void **state) {
    ends_well(state, 4);
}

static void exit_that_releases(void **state) {
    ends_well(state, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(exit_in_a_callback),
        TEST(exit_with_traffic_in_flight),
        TEST(exit_while_threads_wait_for_answers),
        TEST(exit_while_another_thread_releases),
        TEST(exit_right_after_release),
        TEST(exit_that_releases),
    };
    return cmocka_run_group_tests_name("exit", tests, NULL, NULL);
}
