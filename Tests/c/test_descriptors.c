/* The library closes only descriptors that are its own: in forked children that have closed all descriptors and opened others,
 * like daemons, and in a process that has closed the library's descriptors. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HIGHEST = 512, OWN = 48 };

static void mark_open(bool are_open[HIGHEST]) {
    for (int fd = 0; fd < HIGHEST; fd++) are_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* ---- children ---- */

/* The first check that failed in a child is its exit status. */
enum { GOOD, STILL_OPEN = 10, NOT_RELEASED, TAKEN_AWAY, WRITTEN_TO, NO_CONNECTION, NOT_COMPLETED, NOT_TOLD, HELD_UP, SPUN };

static void close_all(void) {
    closefrom(3);
    forget_the_loop();
}

static pid_t fork_with_alarm(void) {
    pid_t child = fork_child();
    if (child != 0) return child;
    /* A child does not inherit the test's alarm. */
    alarm(30);
    return 0;
}

static int status_of(pid_t child) {
    int status = -1;
    if (waitpid(child, &status, 0) != child) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- the application's descriptors ---- */

/* Files, sockets and the descriptors of an event loop, with whatever numbers are free. */
static int open_own(int own[OWN]) {
    int count = 0;
    while (count + 6 <= OWN) {
        int pair[2], loop = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, 0);
        struct epoll_event wanted = {.events = EPOLLIN};
        if (loop < 0 || event < 0 || timer < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) _exit(1);
        if (epoll_ctl(loop, EPOLL_CTL_ADD, event, &wanted)) _exit(1);
        int file = memfd_create("own", 0);
        own[count++] = loop;
        own[count++] = event;
        own[count++] = timer;
        own[count++] = pair[0];
        own[count++] = pair[1];
        own[count++] = file;
    }
    return count;
}

/* Whether all are open, and nothing was written to them. */
static int check_own(const int own[OWN], int count) {
    for (int i = 0; i < count; i++) if (fcntl(own[i], F_GETFD) < 0) return TAKEN_AWAY;
    for (int i = 0; i < count; i += 6) {
        uint64_t number;
        if (read(own[i + 1], &number, sizeof number) >= 0 || errno != EAGAIN) return WRITTEN_TO;
        char byte;
        if (recv(own[i + 3], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) return WRITTEN_TO;
        if (recv(own[i + 4], &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN) return WRITTEN_TO;
        if (lseek(own[i + 5], 0, SEEK_END) != 0) return WRITTEN_TO;
    }
    return GOOD;
}

/* ---- forked children ---- */

static void a_childs_copies_are_closed_at_the_fork(void **state) {
    fixture *f = *state;
    int port = start_simulator(f, "--no-quota", NULL);
    static bool before[HIGHEST], after[HIGHEST];
    mark_open(before);
    client *clients[3];
    for (size_t i = 0; i < COUNT(clients); i++) clients[i] = ready_client(f, port);
    mark_open(after);
    int count = 0;
    for (int fd = 0; fd < HIGHEST; fd++) count += after[fd] && !before[fd];
    assert_int_equal(count, 4 * (int)COUNT(clients));
    pid_t child = fork_with_alarm();
    if (child == 0) {
        for (int fd = 0; fd < HIGHEST; fd++) if (after[fd] && !before[fd] && fcntl(fd, F_GETFD) >= 0) _exit(STILL_OPEN);
        _exit(GOOD);
    }
    assert_int_equal(status_of(child), GOOD);
    for (size_t i = 0; i < COUNT(clients); i++) {
        ask(clients[i], "00700");
        assert_true(wait_for(clients[i], EVENT_REPLY, 1, PATIENCE_MS));
        assert_int_equal(count_of_status(clients[i], CAPDIST_OK), 1);
    }
}

/* Like a daemon: closes all descriptors, opens others, and releases the connection. */
static int live_as_a_daemon(client *const clients[], size_t client_count, bool closes) {
    int own[OWN];
    if (closes) close_all();
    int count = open_own(own);
    for (size_t i = 0; i < client_count; i++) {
        if (capdist_release(clients[i]->conn) != CAPDIST_OK) return NOT_RELEASED;
        if (capdist_release(clients[i]->conn) != CAPDIST_RELEASED) return NOT_RELEASED;
    }
    return check_own(own, count);
}

static void a_childs_own_descriptors_are_left_alone(void **state) {
    fixture *f = *state;
    int port = start_simulator(f, "--no-quota", NULL);
    client *clients[3];
    for (size_t i = 0; i < COUNT(clients); i++) clients[i] = ready_client(f, port);
    for (int closes = 0; closes < 2; closes++) {
        pid_t child = fork_with_alarm();
        if (child == 0) _exit(live_as_a_daemon(clients, COUNT(clients), closes));
        assert_int_equal(status_of(child), GOOD);
    }
    for (size_t i = 0; i < COUNT(clients); i++) {
        ask(clients[i], "00700");
        assert_true(wait_for(clients[i], EVENT_REPLY, 1, PATIENCE_MS));
        assert_int_equal(count_of_status(clients[i], CAPDIST_OK), 1);
    }
}

/* ---- in the same process ---- */

static int completed, told_lost, closed;

static void complete(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no, (void)reply, (void)user_data;
    __atomic_add_fetch(&completed, 1, __ATOMIC_ACQ_REL);
}

static void note_lost(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn, (void)user_data;
    if (err_code && strstr(desc, "descriptor")) __atomic_add_fetch(&told_lost, 1, __ATOMIC_ACQ_REL);
}

static void note_closed(void *user_data) {
    (void)user_data;
    __atomic_add_fetch(&closed, 1, __ATOMIC_ACQ_REL);
}

static capdist_options plain_options(int port, bool is_driven) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = port;
    options.quota_requests = 0;
    options.mode = is_driven ? CAPDIST_MODE_HOST_DRIVEN : CAPDIST_MODE_THREAD;
    options.on_disconnect = note_lost;
    options.on_closed = note_closed;
    return options;
}

static int64_t processor_ms(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* Waits for a completion. In thread mode the connection's thread notices. In application-driven mode poll() reports that the
 * descriptor is invalid, and the loop calls. */
static bool comes_to_its_end(capdist_conn *conn, bool is_driven, int fd) {
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end;) {
        if (__atomic_load_n(&completed, __ATOMIC_ACQUIRE)) return true;
        struct pollfd polled = {.fd = is_driven ? fd : -1, .events = POLLIN};
        if (poll(&polled, 1, 20) > 0) capdist_process(conn);
    }
    return false;
}

/* In a process of its own, which has not used the library. `at_once`: it releases the connection at once. */
static int lose_all(int port, bool is_driven, bool at_once, bool opens) {
    capdist_options options = plain_options(port, is_driven);
    capdist_conn *conn = NULL;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK || capdist_wait_ready(conn, 8000) != CAPDIST_OK) {
        return NO_CONNECTION;
    }
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    if (capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) != CAPDIST_OK) return NO_CONNECTION;
    int fd = is_driven ? capdist_get_fd(conn) : -1, own[OWN];
    /* The thread must have begun to wait. */
    sleep_ms(50);
    close_all();
    int count = opens ? open_own(own) : 0;
    if (!at_once) {
        if (!comes_to_its_end(conn, is_driven, fd)) return NOT_COMPLETED;
        int64_t used = processor_ms();
        sleep_ms(500);
        if (processor_ms() - used > 250) return SPUN;
        if (__atomic_load_n(&told_lost, __ATOMIC_ACQUIRE) != 1) return NOT_TOLD;
        if (capdist_wait_ready(conn, 1000) == CAPDIST_OK || !strstr(capdist_last_error(), "descriptor")) return NOT_TOLD;
        if (is_driven && (capdist_process(conn) != CAPDIST_SYSTEM_ERROR || !strstr(capdist_last_error(), "descriptor"))) return NOT_TOLD;
        if (capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) != CAPDIST_NOT_CONNECTED) return NOT_TOLD;
    }
    int64_t start = now_ms();
    if (capdist_release(conn) != CAPDIST_OK) return NOT_RELEASED;
    if (now_ms() - start > 10000) return HELD_UP;
    if (completed != 1) return NOT_COMPLETED;
    if (closed != 1) return NOT_RELEASED;
    return check_own(own, count);
}

/* ---- an idle connection ---- */

/* A connection without requests, and its descriptors. */
static capdist_conn *open_idle(int port, bool is_driven, int descriptors[4]) {
    static bool before[HIGHEST], after[HIGHEST];
    capdist_options options = plain_options(port, is_driven);
    capdist_conn *conn = NULL;
    mark_open(before);
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK || capdist_wait_ready(conn, 8000) != CAPDIST_OK) return NULL;
    mark_open(after);
    int count = 0;
    for (int fd = 0; fd < HIGHEST; fd++) if (after[fd] && !before[fd] && count < 4) descriptors[count++] = fd;
    if (count != 4) return NULL;
    /* The thread must have begun to wait. */
    sleep_ms(20);
    return conn;
}

static bool comes(const int *count) {
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; sleep_ms(5)) {
        if (__atomic_load_n(count, __ATOMIC_ACQUIRE)) return true;
    }
    return false;
}

/* A new request completes at once. Without one, the next keep-alive notices. */
static int lose_all_idle(int port, bool asks, bool opens) {
    int own[OWN], descriptors[4];
    capdist_conn *conn = open_idle(port, false, descriptors);
    if (!conn) return NO_CONNECTION;
    close_all();
    int count = opens ? open_own(own) : 0;
    if (asks) {
        capdist_security security = {CAPDIST_MARKET_HK, "00700"};
        int64_t start = now_ms();
        if (capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) != CAPDIST_OK) return NO_CONNECTION;
        if (!comes(&completed)) return NOT_COMPLETED;
        if (now_ms() - start > 10000) return HELD_UP;
    }
    if (!comes(&told_lost)) return NOT_TOLD;
    int64_t start = now_ms();
    if (capdist_release(conn) != CAPDIST_OK || closed != 1) return NOT_RELEASED;
    if (now_ms() - start > 10000) return HELD_UP;
    return check_own(own, count);
}

static void an_idle_connection_finds_its_descriptors_closed(void **state) {
    gateway *g = start_gateway(*state);
    /* The application's loop calls when poll() reports an error, or never. */
    if (is_application_driven()) return;
    for (int n = 0; n < 4; n++) {
        g->keep_alive_interval = n & 1 ? 30 : 1;
        pid_t child = fork_with_alarm();
        if (child == 0) _exit(lose_all_idle(g->port, n & 1, n & 2));
        assert_int_equal(status_of(child), GOOD);
    }
}

/* Every subset of its descriptors: with a request in flight, before a request, or without one. */
static int lose_some(int port, bool is_driven, int round) {
    int own[OWN], descriptors[4], some = 1 + round % 15;
    bool is_asked = round / 15 % 4 == 1, asks = round / 15 % 4 == 2, opens = round % 2;
    capdist_conn *conn = open_idle(port, is_driven, descriptors);
    if (!conn) return NO_CONNECTION;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    int asked = 0;
    if (is_asked) asked += capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) == CAPDIST_OK;
    for (int n = 0; n < 4; n++) if (some >> n & 1) close(descriptors[n]);
    /* A loop that has not noticed yet would send to whatever has the number. */
    int count = opens && !(is_driven && asks) ? open_own(own) : 0;
    if (asks) asked += capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) == CAPDIST_OK;
    if (round % 3 == 0) sleep_ms(round % 7);
    int64_t start = now_ms();
    if (capdist_release(conn) != CAPDIST_OK) return NOT_RELEASED;
    if (now_ms() - start > 10000) return HELD_UP;
    if (completed != asked) return NOT_COMPLETED;
    if (closed != 1) return NOT_RELEASED;
    return check_own(own, count);
}

static void some_of_the_descriptors_are_closed(void **state) {
    enum { ROUNDS = 200, AT_ONCE = 20 };
    gateway *g = start_gateway(*state);
    /* In application-driven mode there is no keep-alive by a thread. */
    g->keep_alive_interval = 30;
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    for (int round = 0; round < ROUNDS; round += AT_ONCE) {
        pid_t children[AT_ONCE];
        for (int n = 0; n < AT_ONCE; n++) {
            children[n] = fork_with_alarm();
            if (children[n] == 0) _exit(lose_some(g->port, is_application_driven(), round + n));
        }
        for (int n = 0; n < AT_ONCE; n++) {
            int status = status_of(children[n]);
            if (status != GOOD) print_message("round %d: %d\n", round + n, status);
            assert_int_equal(status, GOOD);
        }
    }
}

static bool fetches(capdist_conn *conn) {
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_reply *reply = NULL;
    capdist_status status = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
    capdist_reply_free(reply);
    return status == CAPDIST_OK;
}

/* Another connection gets the descriptor numbers of the first one. Each must use its own only. There are seven requests. */
static int open_another(int port, bool is_driven, int pause_ms) {
    capdist_options options = plain_options(port, is_driven);
    capdist_conn *first = NULL, *second = NULL;
    /* The test's own descriptors would take the lowest numbers. */
    close_all();
    if (capdist_init_connect(&options, &first) != CAPDIST_OK || capdist_wait_ready(first, 8000) != CAPDIST_OK) return NO_CONNECTION;
    if (!fetches(first)) return NO_CONNECTION;
    sleep_ms(50);
    close_all();
    if (capdist_init_connect(&options, &second) != CAPDIST_OK || capdist_wait_ready(second, 8000) != CAPDIST_OK) return NO_CONNECTION;
    sleep_ms(pause_ms);
    /* The first connection's request must not go over the second one's. */
    if (fetches(first)) return WRITTEN_TO;
    for (int n = 0; n < 3; n++) if (!fetches(second)) return TAKEN_AWAY;
    if (capdist_release(first) != CAPDIST_OK) return NOT_RELEASED;
    for (int n = 0; n < 3; n++) if (!fetches(second)) return TAKEN_AWAY;
    return capdist_release(second) == CAPDIST_OK ? GOOD : NOT_RELEASED;
}

static void another_connection_gets_the_numbers(void **state) {
    gateway *g = start_gateway(*state);
    int asked = 0;
    /* In application-driven mode nothing checks before the request is sent. */
    for (int is_driven = is_application_driven(); is_driven <= 1; is_driven++) {
        for (int pause_ms = 0; pause_ms <= 1500; pause_ms += 1500) {
            pid_t child = fork_with_alarm();
            if (child == 0) _exit(open_another(g->port, is_driven, pause_ms));
            assert_int_equal(status_of(child), GOOD);
            assert_int_equal(gateway_frame_count(g, GET_CAPITAL_DISTRIBUTION), asked += 7);
        }
    }
}

/* An event loop of the application, which gets the library's numbers, with an epoll set of its own. */
static int open_alike(int port, bool is_driven, int pause_ms) {
    capdist_options options = plain_options(port, is_driven);
    capdist_conn *conn = NULL;
    close_all();
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK || capdist_wait_ready(conn, 8000) != CAPDIST_OK) return NO_CONNECTION;
    sleep_ms(50);
    close_all();
    int loop = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), event = eventfd(1, EFD_NONBLOCK);
    struct epoll_event wanted = {.events = EPOLLIN};
    for (int fd = timer; fd <= event; fd++) {
        wanted.data.fd = fd;
        if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &wanted)) return NO_CONNECTION;
    }
    sleep_ms(pause_ms);
    if (capdist_release(conn) != CAPDIST_OK) return NOT_RELEASED;
    uint64_t number = 0;
    if (fcntl(loop, F_GETFD) < 0 || fcntl(timer, F_GETFD) < 0) return TAKEN_AWAY;
    return read(event, &number, sizeof number) == sizeof number && number == 1 ? GOOD : WRITTEN_TO;
}

static void a_loop_alike_is_left_alone(void **state) {
    int port = start_simulator(*state, "--no-quota", NULL);
    for (int pause_ms = 0; pause_ms <= 1500; pause_ms += 1500) {
        pid_t child = fork_with_alarm();
        if (child == 0) _exit(open_alike(port, is_application_driven(), pause_ms));
        assert_int_equal(status_of(child), GOOD);
    }
}

/* The gateway does not answer, so that the request is in flight when it happens. */
static void lost_descriptors(void **state, bool at_once) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    for (int opens = 0; opens < 2; opens++) {
        /* This loop waits for the application's own file, and does not call. */
        if (is_application_driven() && opens && !at_once) continue;
        pid_t child = fork_with_alarm();
        if (child == 0) _exit(lose_all(g->port, is_application_driven(), at_once, opens));
        assert_int_equal(status_of(child), GOOD);
    }
}

static void requests_complete_when_the_descriptors_are_closed(void **state) {
    lost_descriptors(state, false);
}

static void release_returns_when_the_descriptors_are_closed(void **state) {
    lost_descriptors(state, true);
}

/* ---- a reused number ---- */

enum { SOCKET, EVENT };

/* Finds the socket, or the event, among the four. */
static int number_of(const int descriptors[4], int kind) {
    for (int n = 0; n < 4; n++) {
        char path[64], text[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptors[n]);
        if (readlink(path, text, sizeof text - 1) > 0 && strstr(text, kind == SOCKET ? "socket:" : "eventfd")) return descriptors[n];
    }
    return -1;
}

/* A connection that has been idle for more than a second checks its descriptors before it uses them. One that was used just now
 * may not check, but must not block: the application's socket has the number. */
static int reuse_the_socket(int port, bool is_driven, bool is_idle) {
    int descriptors[4], own[2];
    capdist_conn *conn = open_idle(port, is_driven, descriptors);
    int number = conn ? number_of(descriptors, SOCKET) : -1;
    if (number < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, own)) return NO_CONNECTION;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    /* The first request checks. */
    int asked = capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) == CAPDIST_OK;
    if (is_idle) sleep_ms(1200);
    if (is_idle && write(own[1], "mine", 4) != 4) return NO_CONNECTION;
    if (dup2(own[0], number) != number) return NO_CONNECTION;
    if (is_idle && is_driven && capdist_process(conn) != CAPDIST_OK) return NOT_TOLD;
    char bytes[8];
    if (is_idle && recv(own[0], bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) != 4) return TAKEN_AWAY;
    asked += capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) == CAPDIST_OK;
    for (int64_t end = now_ms() + 1500; now_ms() < end; sleep_ms(10)) if (is_driven) capdist_process(conn);
    if (is_idle && recv(own[1], bytes, sizeof bytes, MSG_DONTWAIT) >= 0) return WRITTEN_TO;
    if (is_idle && recv(own[0], bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) != 4) return TAKEN_AWAY;
    if (capdist_release(conn) != CAPDIST_OK || closed != 1) return NOT_RELEASED;
    if (completed != asked) return NOT_COMPLETED;
    return fcntl(number, F_GETFD) >= 0 ? GOOD : TAKEN_AWAY;
}

/* Writing to a pipe without a reader raises SIGPIPE. */
static int reuse_the_event(int port, bool is_driven, bool is_idle) {
    int descriptors[4], own[2];
    capdist_conn *conn = open_idle(port, is_driven, descriptors);
    int number = conn ? number_of(descriptors, EVENT) : -1;
    if (number < 0 || pipe(own)) return NO_CONNECTION;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    uint32_t serial_no = 0;
    int asked = capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, &serial_no) == CAPDIST_OK;
    if (is_idle) sleep_ms(1200);
    if (dup2(own[1], number) != number) return NO_CONNECTION;
    close(own[0]);
    capdist_cancel(conn, serial_no);
    asked += capdist_get_capital_distribution(conn, &security, NULL, complete, NULL, NULL) == CAPDIST_OK;
    for (int n = 0; n < 20; n++, sleep_ms(10)) if (is_driven) capdist_process(conn);
    if (capdist_release(conn) != CAPDIST_OK || closed != 1) return NOT_RELEASED;
    if (completed != asked) return NOT_COMPLETED;
    return fcntl(number, F_GETFD) >= 0 ? GOOD : TAKEN_AWAY;
}

static void with_a_number_reused(void **state, int reuse(int port, bool is_driven, bool is_idle)) {
    gateway *g = start_gateway(*state);
    g->keep_alive_interval = 30;
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    for (int n = is_application_driven() ? 2 : 0; n < 4; n++) {
        bool is_driven = n & 2, is_idle = n & 1;
        pid_t child = fork_with_alarm();
        if (child == 0) _exit(reuse(g->port, is_driven, is_idle));
        assert_int_equal(status_of(child), GOOD);
    }
}

static void the_sockets_number_is_the_applications(void **state) { with_a_number_reused(state, reuse_the_socket); }

static void the_events_number_is_the_applications(void **state) { with_a_number_reused(state, reuse_the_event); }

/* If only the socket was closed, the connection can make another one. */
static void a_line_whose_socket_was_closed_is_made_anew(void **state) {
    fixture *f = *state;
    gateway *g = start_gateway(f);
    g->keep_alive_interval = 1;
    client *c = new_client(f, g->port);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 10;
    open_ready(c);
    int socket = -1, found = 0;
    for (int fd = 0; fd < HIGHEST; fd++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &length) || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) != g->port) continue;
        socket = fd;
        found++;
    }
    assert_int_equal(found, 1);
    /* The test's own file has the number, and stays open. */
    int own = memfd_create("own", MFD_CLOEXEC);
    assert_true(own >= 0 && dup2(own, socket) == socket);
    assert_true(wait_for(c, EVENT_DISCONNECT, 1, PATIENCE_MS));
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
    assert_true(fcntl(socket, F_GETFD) >= 0);
    close(own);
    close(socket);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First, in processes that have not used the library. */
        TEST(requests_complete_when_the_descriptors_are_closed),
        TEST(release_returns_when_the_descriptors_are_closed),
        TEST(an_idle_connection_finds_its_descriptors_closed),
        TEST(some_of_the_descriptors_are_closed),
        TEST(another_connection_gets_the_numbers),
        TEST(a_loop_alike_is_left_alone),
        TEST(a_childs_copies_are_closed_at_the_fork),
        TEST(a_childs_own_descriptors_are_left_alone),
        TEST(a_line_whose_socket_was_closed_is_made_anew),
        TEST(the_sockets_number_is_the_applications),
        TEST(the_events_number_is_the_applications),
    };
    return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
