/* The library as a guest in the process: it handles no signals, changes no signal handlers, prints nothing, and passes no
 * descriptor on to child programs. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- connections with all kinds of errors ---- */

/* Gateways with different answers and ends. */
static void send_nonsense(gateway *g, const frame *request) {
    static const uint8_t nonsense[64] = "FTthis is no frame at all, but it begins like one";
    gateway_send_raw(g, request->stream, nonsense, sizeof nonsense);
}

static void send_a_broken_reply(gateway *g, const frame *request) {
    gateway_send(g, request->stream, request->proto_id, request->serial_no, "\xff\xff\xff", 3);
}

/* Connects to gateways that answer correctly, wrongly, and not at all. Every request completes. */
static void live_through_trouble(fixture *f) {
    static const frame_fn answers[] = {answer_distribution, answer_by_closing, answer_by_reset, send_nonsense,
                                       send_a_broken_reply, answer_nothing};
    for (size_t i = 0; i < COUNT(answers); i++) {
        gateway *g = start_gateway(f);
        gateway_on(g, GET_CAPITAL_DISTRIBUTION, answers[i]);
        client *c = new_client(f, g->port);
        c->options.reply_timeout_ms = 300;
        open_ready(c);
        for (int n = 0; n < 10; n++) {
            capdist_security security = security_of("HK.1");
            uint32_t serial_no;
            if (capdist_get_capital_distribution(c->conn, &security, NULL, record_reply, c, &serial_no) == CAPDIST_OK) {
                note_accepted(c, serial_no);
            }
        }
        assert_true(wait_for(c, EVENT_REPLY, (int)c->accepted_count, PATIENCE_MS));
        assert_status(capdist_release(c->conn), CAPDIST_OK);
    }
    const char *const host_names[] = {"127.0.0.1", "no-such-name.invalid"};
    for (size_t i = 0; i < COUNT(host_names); i++) {
        client *c = new_client(f, refused_port(f));
        c->options.host = host_names[i];
        open_client(c);
        assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
        assert_true(event_at(c, EVENT_INIT_CONNECT, 0).err_code != 0);
        assert_refused(capdist_cancel(c->conn, 1), CAPDIST_NOT_FOUND, "");
        assert_status(capdist_release(c->conn), CAPDIST_OK);
    }
}

/* ---- signals ---- */

enum { SIGNALS = 65 };

/* Signals for a thread's own fault, signals that profilers or garbage collectors send to threads, and all real-time signals. */
static bool must_stay_open(int signal_number) {
    switch (signal_number) {
    case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP: case SIGPROF: return true;
    /* Garbage collectors stop threads with them. */
    case SIGPWR: case SIGXCPU: return true;
    /* These cannot be blocked. */
    case SIGKILL: case SIGSTOP: return true;
    /* The C library uses these. */
    case 32: case 33: return true;
    default: return signal_number >= SIGRTMIN;
    }
}

/* The signals that a thread of this process blocks. */
static bool blocked_signals(pid_t thread, uint64_t *blocked) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    unsigned long long mask = 0;
    bool found = false;
    while (fgets(line, sizeof line, file)) found |= sscanf(line, "SigBlk: %llx", &mask) == 1;
    fclose(file);
    *blocked = mask;
    return found;
}

static void a_connections_thread_blocks_asynchronous_signals_only(void **state) {
    use_threads(true);
    /* The result must not depend on what the application's thread blocks when it makes the connection. */
    sigset_t application, before;
    sigfillset(&application);
    for (int round = 0; round < 2; round++) {
        client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
        pthread_sigmask(SIG_SETMASK, NULL, &before);
        if (round == 1) pthread_sigmask(SIG_SETMASK, &application, NULL);
        capdist_status status = capdist_init_connect(&c->options, &c->conn);
        sigset_t now;
        pthread_sigmask(SIG_SETMASK, &before, &now);
        assert_status(status, CAPDIST_OK);
        /* The caller's mask is unchanged. */
        for (int n = 1; n < 32; n++) {
            if (n != SIGKILL && n != SIGSTOP) assert_int_equal(sigismember(&now, n), round ? 1 : sigismember(&before, n));
        }
        assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
        uint64_t blocked;
        assert_true(blocked_signals(event_at(c, EVENT_INIT_CONNECT, 0).thread, &blocked));
        for (int n = 1; n < SIGNALS; n++) {
            bool is_blocked = blocked >> (n - 1) & 1;
            if (is_blocked == must_stay_open(n)) fail_msg("signal %d is %s", n, is_blocked ? "blocked" : "not blocked");
        }
    }
}

/* A thread that looks up a name ends soon. The test reads /proc repeatedly to see it, and makes another connection if the machine
 * was too busy. */
static void every_thread_of_the_library_blocks_asynchronous_signals(void **state) {
    const int port = refused_port(*state);
    pid_t threads[64];
    int count = 0, seen = 0;
    unsigned not_blocked = 0;
    pid_t known[64];
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *entry; (entry = readdir(tasks)) && count < 64;) known[count++] = atoi(entry->d_name);
    client *c = NULL;
    for (int attempt = 0; attempt < 30 && (seen < 2 || count_of(c, EVENT_INIT_CONNECT) == 0);) {
        if (!c || count_of(c, EVENT_INIT_CONNECT) > 0) {
            if (c) capdist_release(c->conn);
            c = new_client(*state, port);
            c->options.host = "no-such-name.invalid";
            open_client(c);
            seen = 0;
            attempt++;
        }
        rewinddir(tasks);
        for (struct dirent *entry; (entry = readdir(tasks));) {
            pid_t thread = atoi(entry->d_name);
            bool is_new = thread > 0;
            for (int i = 0; i < count; i++) is_new &= known[i] != thread;
            uint64_t blocked;
            if (!is_new || !blocked_signals(thread, &blocked)) continue;
            bool again = false;
            for (int i = 0; i < seen; i++) again |= threads[i] == thread;
            if (!again && seen < 64) threads[seen++] = thread;
            if (blocked == 0) { /* no signal at all: the thread is just ending */
                sleep_ms(20);
                if (!blocked_signals(thread, &blocked)) continue;
            }
            for (int n = 1; n < 32; n++) not_blocked |= !must_stay_open(n) && !(blocked >> (n - 1) & 1) ? 1u << n : 0;
        }
    }
    closedir(tasks);
    assert_true(seen >= 2);
    assert_int_equal(not_blocked, 0);
}

/* What a thread's first callback saw. */
static struct {
    int times;
    capdist_conn *conn;
    pid_t thread;
    size_t stack_bytes;
    bool can_call, is_refused;
} begun;

static void begin_thread(capdist_conn *conn, void *user_data) {
    client *c = user_data;
    begun.times++;
    begun.conn = conn;
    begun.thread = gettid();
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstacksize(&attributes, &begun.stack_bytes);
        pthread_attr_destroy(&attributes);
    }
    pthread_setname_np(pthread_self(), "quotes");
    sigset_t collectors;
    sigemptyset(&collectors);
    sigaddset(&collectors, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &collectors, NULL);
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    begun.can_call = capdist_get_connection_info(conn, &info) == CAPDIST_OK && info.state == CAPDIST_STATE_CONNECTING;
    begun.is_refused = capdist_wait_ready(conn, 0) == CAPDIST_WOULD_DEADLOCK;
    if (c->context) capdist_release(conn);
}

/* on_thread_start comes before any other callback, and may change the thread's name and signal mask. */
static void a_thread_begins_with_the_applications_callback(void **state) {
    use_threads(true);
    memset(&begun, 0, sizeof begun);
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.on_thread_start = begin_thread;
    c->options.thread_stack_bytes = 1000 * 1000;
    open_ready(c);
    assert_int_equal(begun.times, 1);
    assert_ptr_equal(begun.conn, c->conn);
    assert_int_equal(begun.thread, event_at(c, EVENT_INIT_CONNECT, 0).thread);
    assert_int_equal(begun.thread, event_at(c, EVENT_LOG, 0).thread);
    assert_true(begun.can_call && begun.is_refused);
    assert_in_range(begun.stack_bytes, 980 * 1000, 1010 * 1000);
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", begun.thread);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(name, sizeof name, file));
    fclose(file);
    assert_string_equal(name, "quotes\n");
    uint64_t blocked;
    assert_true(blocked_signals(begun.thread, &blocked));
    assert_false(blocked >> (SIGUSR1 - 1) & 1);
    assert_true(blocked >> (SIGUSR2 - 1) & 1);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(begun.times, 1);
}

/* A release inside it ends what has not begun. */
static void a_connection_is_released_as_its_thread_begins(void **state) {
    use_threads(true);
    memset(&begun, 0, sizeof begun);
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.on_thread_start = begin_thread;
    c->context = c;
    open_client(c);
    assert_true(wait_for(c, EVENT_CLOSED, 1, PATIENCE_MS));
    assert_story(c, "closed");
    assert_int_equal(begun.times, 1);
}

/* In application-driven mode there is no such thread. */
static void no_thread_begins_in_application_driven_mode(void **state) {
    memset(&begun, 0, sizeof begun);
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    c->options.on_thread_start = begin_thread;
    open_client(c);
    for (int64_t end = now_ms() + PATIENCE_MS; count_of(c, EVENT_INIT_CONNECT) < 1 && now_ms() < end; sleep_ms(1)) {
        assert_status(capdist_process(c->conn), CAPDIST_OK);
    }
    assert_story(c, "init 0");
    assert_int_equal(begun.times, 0);
}

static void a_threads_stack_is_small(void **state) {
    use_threads(true);
    memset(&begun, 0, sizeof begun);
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.on_thread_start = begin_thread;
    open_ready(c);
    assert_in_range(begun.stack_bytes, 240 * 1024, 264 * 1024);
}

static atomic_int handled, handled_elsewhere;
static pid_t applications_thread;

static void note_signal(int signal_number) {
    (void)signal_number;
    handled++;
    if (gettid() != applications_thread) handled_elsewhere++;
}

/* A signal for the process waits until the application's thread takes it. No thread of the library may. */
static void signals_for_the_process_are_left_to_the_application(void **state) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGWINCH};
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    applications_thread = gettid();
    sigset_t set, before;
    sigemptyset(&set);
    for (size_t i = 0; i < COUNT(signals); i++) sigaddset(&set, signals[i]);
    struct sigaction action = {.sa_handler = note_signal}, earlier[COUNT(signals)];
    for (size_t i = 0; i < COUNT(signals); i++) sigaction(signals[i], &action, &earlier[i]);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    for (int n = 0; n < 50; n++) {
        ask(c, "00700");
        for (size_t i = 0; i < COUNT(signals); i++) kill(getpid(), signals[i]);
    }
    bool answered = wait_for(c, EVENT_REPLY, 50, PATIENCE_MS);
    int while_blocked = handled;
    sigset_t pending;
    sigpending(&pending);
    int left = 0;
    for (size_t i = 0; i < COUNT(signals); i++) left += sigismember(&pending, signals[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (size_t i = 0; i < COUNT(signals); i++) sigaction(signals[i], &earlier[i], NULL);
    assert_true(answered);
    assert_int_equal(while_blocked, 0);
    assert_int_equal(left, COUNT(signals));
    assert_int_equal(handled, COUNT(signals));
    assert_int_equal(handled_elsewhere, 0);
}

/* A signal handler of the application interrupts the library's waits on the application's thread, without SA_RESTART. */
static void an_applications_signal_handler_ends_no_wait(void **state) {
    client *c = new_client(*state, stuck_port(*state));
    open_client(c);
    handled = 0;
    applications_thread = gettid();
    struct sigaction action = {.sa_handler = note_signal}, earlier;
    sigaction(SIGUSR1, &action, &earlier);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec each = {{0, 2000000}, {0, 2000000}};
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    timer_settime(timer, 0, &each, NULL);
    int64_t start = now_ms();
    capdist_status status = capdist_wait_ready(c->conn, 300);
    int64_t took = now_ms() - start;
    timer_delete(timer);
    sigaction(SIGUSR1, &earlier, NULL);
    assert_status(status, CAPDIST_CONNECT_TIMEOUT);
    assert_in_range(took, 299, PROMPT_MS);
    assert_true(handled > 3); /* fewer on a busy machine */
    assert_int_equal(handled_elsewhere, 0);
}

static void no_handler_is_changed(void **state) {
    struct sigaction before[SIGNALS], after[SIGNALS];
    memset(before, 0, sizeof before);
    memset(after, 0, sizeof after);
    for (int n = 1; n < SIGNALS; n++) sigaction(n, NULL, &before[n]);
    live_through_trouble(*state);
    for (int n = 1; n < SIGNALS; n++) {
        sigaction(n, NULL, &after[n]);
        assert_ptr_equal(after[n].sa_handler, before[n].sa_handler);
        assert_int_equal(after[n].sa_flags, before[n].sa_flags);
    }
}

/* ---- output ---- */

static void nothing_is_printed(void **state) {
    int output = memfd_create("output", MFD_CLOEXEC), out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    fixture *f = *state;
    f->descriptors += 3;
    assert_true(output >= 0 && out >= 0 && err >= 0);
    fflush(NULL);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    live_through_trouble(f);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    char text[512] = "";
    off_t length = lseek(output, 0, SEEK_END);
    if (length > 0 && pread(output, text, sizeof text - 1, 0) < 0) {}
    close(out);
    close(err);
    close(output);
    f->descriptors -= 3;
    assert_string_equal(text, "");
    assert_int_equal(length, 0);
}

/* ---- descriptors ---- */

enum { HIGHEST = 1024 };

static int open_descriptors(bool are_open[HIGHEST]) {
    int count = 0;
    for (int fd = 0; fd < HIGHEST; fd++) count += are_open[fd] = fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void descriptors_are_closed_on_exec(void **state) {
    static bool before[HIGHEST], after[HIGHEST];
    gateway *g = start_gateway(*state);
    int refused = refused_port(*state), stuck = stuck_port(*state);
    client *clients[] = {new_client(*state, g->port), new_client(*state, refused), new_client(*state, stuck)};
    open_descriptors(before);
    for (size_t i = 0; i < COUNT(clients); i++) {
        clients[i]->options.reconnect = 1;
        open_client(clients[i]);
    }
    assert_true(wait_for(clients[0], EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    int found = 0;
    open_descriptors(after);
    for (int fd = 0; fd < HIGHEST; fd++) {
        if (!after[fd] || before[fd]) continue;
        /* The gateway's end of the connection is one of them, and must be bound, too. */
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        found++;
    }
    assert_true(found >= 4);
}

/* Descriptors 0 to 2 of the application may be closed. The library's own then get these numbers, and must keep working. */
static void closed_standard_descriptors_do_no_harm(void **state) {
    int port = start_simulator(*state, "--no-quota", NULL);
    pid_t child = fork_child();
    if (child == 0) {
        for (int fd = 0; fd < 3; fd++) close(fd);
        capdist_options options;
        capdist_options_init(&options, sizeof options);
        options.port = port;
        capdist_conn *conn = NULL;
        if (capdist_init_connect(&options, &conn) != CAPDIST_OK) _exit(1);
        capdist_security security = security_of("HK.00700");
        capdist_reply *reply = NULL;
        if (capdist_fetch_capital_distribution(conn, &security, NULL, &reply) != CAPDIST_OK) _exit(2);
        if (reply->distribution->capital_in_big != 859479380) _exit(3);
        capdist_reply_free(reply);
        if (capdist_release(conn) != CAPDIST_OK) _exit(4);
        for (int fd = 0; fd < 3; fd++) if (fcntl(fd, F_GETFD) >= 0) _exit(5);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- rest ---- */

/* How often the connection's thread has slept so far. */
static long sleeps_of_the_thread(void) {
    long sleeps = -1;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        char path[300], line[256];
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        FILE *file = fopen(path, "r");
        bool is_it = false;
        while (file && fgets(line, sizeof line, file)) {
            if (strcmp(line, "Name:\tcapdist\n") == 0) is_it = true;
            if (is_it) sscanf(line, "voluntary_ctxt_switches: %ld", &sleeps);
        }
        if (file) fclose(file);
    }
    closedir(tasks);
    assert_true(sleeps >= 0);
    return sleeps;
}

/* Between keep-alives, which are 24 s apart. During requests and a second longer, the thread wakes once a second. */
static void the_thread_of_an_idle_connection_sleeps(void **state) {
    if (is_application_driven()) return;
    gateway *g = start_gateway(*state);
    g->keep_alive_interval = 30;
    client *c = new_client(*state, g->port);
    open_ready(c);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    long before, after;
    int looks = 0;
    do {
        before = sleeps_of_the_thread();
        sleep_ms(2500);
        after = sleeps_of_the_thread();
    } while (before != after && ++looks < 6);
    assert_int_equal(after, before);
    /* A request is still handled at once. */
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First: it forks a process that has not used the library. */
        TEST(closed_standard_descriptors_do_no_harm),
        TEST(a_connections_thread_blocks_asynchronous_signals_only),
        TEST(every_thread_of_the_library_blocks_asynchronous_signals),
        TEST(a_thread_begins_with_the_applications_callback),
        TEST(a_connection_is_released_as_its_thread_begins),
        TEST(no_thread_begins_in_application_driven_mode),
        TEST(a_threads_stack_is_small),
        TEST(signals_for_the_process_are_left_to_the_application),
        TEST(an_applications_signal_handler_ends_no_wait),
        TEST(no_handler_is_changed),
        TEST(nothing_is_printed),
        TEST(descriptors_are_closed_on_exec),
        TEST(the_thread_of_an_idle_connection_sleeps),
    };
    return cmocka_run_group_tests_name("guest", tests, NULL, NULL);
}
