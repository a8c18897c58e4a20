/* The memory that a connection takes, and a process that makes one request. (`make bench` measures its duration.) */
#include "support.h"

#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 2000, LOAD = 200, CONNECTIONS = 8, WAITING = 1000, STARTS = 8 };
enum { CONNECTION_KIB = 256, WAITING_KIB = 1024 };

static long resident_kib(void) {
    long size, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &pages), 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void post(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply;
    sem_post(user_data);
}

static void ask_many(client *c, int count, sem_t *answered) {
    capdist_security security = security_of("HK.00700");
    for (int i = 0; i < count; i++) {
        assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, post, answered, NULL), CAPDIST_OK);
    }
}

static void wait_for_all(int count, sem_t *answered) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    for (int i = 0; i < count; i++) assert_int_equal(sem_clockwait(answered, CLOCK_MONOTONIC, &end), 0);
}

/* The library's memory, without that of the recorded callbacks. */
static client *quiet_client(fixture *f, int port) {
    client *c = new_client(f, port);
    c->options.on_log = NULL;
    return c;
}

static void a_connection_is_small(void **state) {
    int port = start_simulator(*state, "--no-quota", NULL);
    sem_t answered;
    sem_init(&answered, 0, 0);
    client *first = quiet_client(*state, port);
    open_ready(first);
    ask_many(first, WARM_UP, &answered);
    wait_for_all(WARM_UP, &answered);
    long before = resident_kib();
    for (int i = 0; i < CONNECTIONS; i++) {
        client *c = quiet_client(*state, port);
        open_ready(c);
        ask_many(c, LOAD, &answered);
        wait_for_all(LOAD, &answered);
    }
    long each = (resident_kib() - before) / CONNECTIONS;
    printf("a connection after %d requests: %ld KiB\n", LOAD, each);
    assert_true(each < CONNECTION_KIB);
}

static void requests_that_wait_are_small(void **state) {
    sem_t answered;
    sem_init(&answered, 0, 0);
    client *c = quiet_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.quota_requests = 1;
    c->options.quota_window_ms = 600 * 1000;
    open_ready(c);
    ask_many(c, 1, &answered);
    wait_for_all(1, &answered);
    long before = resident_kib();
    ask_many(c, WAITING, &answered);
    long grown = resident_kib() - before;
    printf("%d requests that wait: %ld KiB\n", WAITING, grown);
    assert_true(grown < WAITING_KIB);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    wait_for_all(WAITING, &answered);
}

/* A whole process with one request, that of the sample: it starts, connects, prints the figures and ends. */
static int64_t life_of_a_process_ms(const char *port) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 100);
    assert_true(length > 0);
    path[length] = 0;
    strcpy(strrchr(path, '/') + 1, "fetch");
    int64_t before = now_ms();
    pid_t child = fork_child();
    assert_true(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0) {
            execl(path, path, "HK.00700", "127.0.0.1", port, (char *)NULL);
        }
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child); /* the test's limit ends a child that hangs */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return now_ms() - before;
}

static void the_first_answer_comes_at_once(void **state) {
    char port[16];
    snprintf(port, sizeof port, "%d", start_simulator(*state, "--no-quota", NULL));
    int64_t shortest = INT64_MAX;
    /* The machine may be busy. */
    for (int i = 0; i < STARTS; i++) {
        int64_t took = life_of_a_process_ms(port);
        if (took < shortest) shortest = took;
    }
    printf("a process that asks once lives %lld ms\n", (long long)shortest);
    assert_true(shortest < PROMPT_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_that_wait_are_small), /* the first, since freed memory of others would be reused */
        TEST(a_connection_is_small),
        TEST(the_first_answer_comes_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
