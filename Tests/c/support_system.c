/* The simulator as a child process, ports with problems, the clock, and the process's threads and descriptors. */
#include "support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- time ---- */

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int ms) {
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {}
}

/* ---- the time limit of a test ---- */

enum { LONGEST_TEST_S = 600 };
static char watched[128];

static void end_hanging_test(int signal_number) {
    (void)signal_number;
    static const char words[] = ": still running after the longest time\n";
    if (write(STDERR_FILENO, watched, strlen(watched)) < 0 || write(STDERR_FILENO, words, sizeof words - 1) < 0) {}
    abort();
}

void watch(const char *test_name) {
    snprintf(watched, sizeof watched, "%s", test_name);
    signal(SIGALRM, end_hanging_test);
    alarm(LONGEST_TEST_S);
}

void unwatch(void) {
    alarm(0);
}

/* ---- children ---- */

pid_t fork_child(void) {
    static const int crashes[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS};
    pid_t parent = getpid(), child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    for (size_t i = 0; i < COUNT(crashes); i++) signal(crashes[i], SIG_DFL);
    return 0;
}

/* ---- opend-simulator ---- */

/* Reads a line of the simulator: "listening 127.0.0.1:PORT", or "websocket ...". */
static int read_port(int fd, const char *word) {
    char text[128];
    size_t length = 0;
    int64_t end = now_ms() + PATIENCE_MS;
    while (length < sizeof text - 1) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int left = (int)(end - now_ms());
        if (left <= 0 || poll(&polled, 1, left) <= 0 || read(fd, text + length, 1) != 1) return -1;
        if (text[length] == '\n') break;
        length++;
    }
    text[length] = 0;
    char format[64];
    int port = -1;
    snprintf(format, sizeof format, "%s 127.0.0.1:%%d", word);
    return sscanf(text, format, &port) == 1 ? port : -1;
}

int start_simulator(fixture *f, ...) {
    const char *path = getenv("CAPDIST_SIMULATOR");
    if (!path) fail_msg("CAPDIST_SIMULATOR does not tell where opend-simulator is");
    char *arguments[32] = {(char *)(uintptr_t)path, (char *)(uintptr_t)"--port", (char *)(uintptr_t)"0"};
    va_list rest;
    va_start(rest, f);
    bool has_websocket = false;
    for (int i = 3; i < (int)COUNT(arguments) && (arguments[i] = va_arg(rest, char *)) != NULL; i++) {
        if (strcmp(arguments[i], "--websocket-port") == 0) has_websocket = true;
    }
    va_end(rest);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) fail_msg("no pipe");
    pid_t child = fork_child();
    if (child == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        if (dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(nothing, STDIN_FILENO) >= 0) execv(path, arguments);
        _exit(127);
    }
    close(ends[1]);
    if (child > 0) f->simulators[f->simulator_count++] = child;
    int port = child > 0 ? read_port(ends[0], "listening") : -1;
    if (has_websocket && port > 0) port = read_port(ends[0], "websocket");
    close(ends[0]);
    if (port <= 0) fail_msg("%s did not tell its port", path);
    return port;
}

void kill_simulator(fixture *f, int index) {
    if (f->simulators[index] <= 0) return;
    kill(f->simulators[index], SIGKILL);
    waitpid(f->simulators[index], NULL, 0);
    f->simulators[index] = 0;
}

/* ---- ports ---- */

static int loopback_socket(fixture *f, int *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    if (f->socket_count == (int)COUNT(f->sockets) || fd < 0 || bind(fd, (struct sockaddr *)&address, length) ||
        getsockname(fd, (struct sockaddr *)&address, &length)) {
        fail_msg("no socket");
    }
    f->sockets[f->socket_count++] = fd;
    *port = ntohs(address.sin_port);
    return fd;
}

int refused_port(fixture *f) {
    int port;
    loopback_socket(f, &port); /* bound, so that it is reserved, and not listening */
    return port;
}

int stuck_port(fixture *f) {
    int port, filler_port;
    int listener = loopback_socket(f, &port);
    if (listen(listener, 0)) fail_msg("no listener");
    /* Nothing accepts: when the queue is full, the kernel drops further attempts. */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)},
                                  .sin_port = htons((uint16_t)port)};
    for (int i = 0; i < 3; i++) {
        int filler = loopback_socket(f, &filler_port);
        fcntl(filler, F_SETFL, O_NONBLOCK);
        if (connect(filler, (struct sockaddr *)&address, sizeof address) == 0) continue;
    }
    sleep_ms(50);
    return port;
}

/* ---- threads and descriptors of the process ---- */

static int entries_of(const char *path) {
    DIR *directory = opendir(path);
    if (!directory) return -1;
    int count = 0;
    while (readdir(directory)) count++;
    closedir(directory);
    return count;
}

int thread_count(void) {
    return entries_of("/proc/self/task");
}

int descriptor_count(void) {
    return entries_of("/proc/self/fd");
}

bool back_to(int threads, int descriptors) {
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; sleep_ms(5)) {
        if (thread_count() <= threads && descriptor_count() <= descriptors) return true;
    }
    print_error("threads: %d, expected at most %d; descriptors: %d, expected at most %d\n", thread_count(), threads,
                descriptor_count(), descriptors);
    return false;
}

/* ---- assertions ---- */

void check_status(capdist_status actual, capdist_status expected, const char *what, const char *file, int line) {
    if (actual == expected) return;
    print_error("%s\n  gave %s, expected %s; last error: \"%s\"\n", what, capdist_status_name(actual),
                capdist_status_name(expected), capdist_last_error());
    _fail(file, line);
}

void check_last_error(const char *name, const char *what, const char *file, int line) {
    if (strstr(capdist_last_error(), name)) return;
    print_error("%s\n  was refused with \"%s\", which does not name \"%s\"\n", what, capdist_last_error(), name);
    _fail(file, line);
}
