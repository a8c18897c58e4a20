/* Forks after a crash, as signal handlers of some runtimes do to start a debugger. Whatever the library was doing, and whichever
 * of its locks the crashed thread held, fork() returns, and so does a call in the child.
 * crashed PORT thread|other: the crashed thread forks, or another one while the crashed one waits. */
#include "guest.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { CHILD_REFUSED = 20, CHILD_CONNECTED, NOT_MET, WAITS = 40 };

/* The number of the allocation at which it crashes, counted from the library's first call; and whether it only waits there. */
static _Thread_local int crash_at;
static atomic_int stopped;
static int go_on[2];
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static void count_allocation(void) {
    if (crash_at == 0 || --crash_at != 0) return;
    if (!go_on[0]) {
        raise(SIGSEGV);
        return;
    }
    char byte;
    atomic_store(&stopped, 1);
    while (read(go_on[0], &byte, 1) < 0 && errno == EINTR) {}
}

void *malloc(size_t size) {
    count_allocation();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    count_allocation();
    return __libc_calloc(count, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count_allocation();
    *result = __libc_memalign(alignment, size);
    return *result ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
    count_allocation();
    return __libc_memalign(alignment, size);
}

static int port;

static capdist_status use(void) {
    capdist_options options;
    capdist_status status = capdist_options_init(&options, sizeof options);
    if (status != CAPDIST_OK) return status;
    options.port = port;
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    options.quota_requests = 0;
    capdist_conn *conn = NULL;
    status = capdist_init_connect(&options, &conn);
    if (status != CAPDIST_OK) return status;
    const bool answers = answers_right(conn);
    status = capdist_release(conn);
    return answers ? status : CAPDIST_SYSTEM_ERROR;
}

/* In a child, the library works, or its calls return an error. */
static int call_in_child(void) {
    alarm(WAITS);
    const capdist_status status = use();
    if (status == CAPDIST_OK) return CHILD_CONNECTED;
    const bool is_told = status == CAPDIST_SYSTEM_ERROR && strstr(capdist_last_error(), "forked");
    return is_told && use() == CAPDIST_SYSTEM_ERROR ? CHILD_REFUSED : 1;
}

static int end_of(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void fork_in_handler(int signal_number) {
    (void)signal_number;
    pid_t child = fork();
    if (child == 0) _exit(call_in_child());
    _exit(end_of(child));
}

/* Allocations from the first call to the end of a connection, each in a process of its own. */
static int crash_at_each(void) {
    int refused = 0, connected = 0;
    /* The first ones all, then some: a Swift runtime makes thousands when it is initialised. */
    for (int at = 1;; at += 1 + at / 30) {
        pid_t process = fork();
        MUST(process >= 0);
        if (process == 0) {
            alarm(2 * WAITS);
            signal(SIGSEGV, fork_in_handler);
            crash_at = at;
            use();
            _exit(NOT_MET);
        }
        const int end = end_of(process);
        if (end == NOT_MET) break;
        if (end != CHILD_REFUSED && end != CHILD_CONNECTED) {
            fprintf(stderr, "crashed at allocation %d: %d\n", at, end);
            return 1;
        }
        refused += end == CHILD_REFUSED;
        connected += end == CHILD_CONNECTED;
    }
    printf("%d children were refused, %d connected\n", refused, connected);
    return refused > 0 && connected > 0 ? 0 : 1;
}

static void *use_and_stop(void *argument) {
    (void)argument;
    crash_at = 1;
    return (void *)(intptr_t)use();
}

/* Another thread stops during the initialisation. fork() does not wait for it without end, and the parent works once it goes on.
 * */
static int fork_beside(void) {
    pthread_t thread;
    void *status = NULL;
    MUST(pipe(go_on) == 0);
    MUST(pthread_create(&thread, NULL, use_and_stop, NULL) == 0);
    while (!atomic_load(&stopped)) usleep(1000);
    pid_t child = fork();
    if (child == 0) _exit(call_in_child());
    MUST(end_of(child) == CHILD_REFUSED);
    MUST(write(go_on[1], "", 1) == 1);
    MUST(pthread_join(thread, &status) == 0 && (intptr_t)status == CAPDIST_OK);
    child = fork();
    if (child == 0) _exit(call_in_child());
    MUST(end_of(child) == CHILD_CONNECTED);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    port = atoi(argv[1]);
    return strcmp(argv[2], "thread") == 0 ? crash_at_each() : fork_beside();
}
