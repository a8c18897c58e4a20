/* Runs the tests in application-driven mode: with `make DRIVEN=1` one thread of the test program drives every connection in an
 * event loop, as an application would. Connections to a name stay in thread mode, since only that looks names up. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

capdist_status __real_capdist_init_connect(const capdist_options *options, capdist_conn **conn);
capdist_status __wrap_capdist_init_connect(const capdist_options *options, capdist_conn **conn);
capdist_status __real_capdist_release(capdist_conn *conn);
capdist_status __wrap_capdist_release(capdist_conn *conn);

static int loop = -1;
static bool uses_threads;
static pthread_mutex_t driving = PTHREAD_MUTEX_INITIALIZER;

bool is_application_driven(void) {
    return !uses_threads;
}

void use_threads(bool on) {
    uses_threads = on;
}

void forget_the_loop(void) {
    loop = -1;
}

void hold_the_loop(bool on) {
    if (on) pthread_mutex_lock(&driving);
    else pthread_mutex_unlock(&driving);
}

static void *run(void *unused) {
    (void)unused;
    while (true) {
        struct epoll_event ready[16];
        int count = epoll_wait(loop, ready, 16, -1);
        for (int i = 0; i < count; i++) {
            pthread_mutex_lock(&driving);
            capdist_status status = capdist_process(ready[i].data.ptr);
            pthread_mutex_unlock(&driving);
            /* Another thread is inside a blocking call, and drives it. */
            if (status == CAPDIST_BUSY) usleep(200);
            /* A child has returned from the callback in which it was forked. */
            if (status == CAPDIST_FORKED) _exit(1);
        }
    }
    return NULL;
}

static void start(void) {
    pthread_t thread;
    sigset_t all, before;
    /* The main thread handles signals, as in most applications. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0 || pthread_create(&thread, NULL, run, NULL) != 0) abort();
    pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A forked child uses the parent's loop. ThreadSanitizer allows no new thread in a child; the children of the tests under it only
 * run another program. */
static void restart(void) {
    close(loop);
    pthread_mutex_init(&driving, NULL);
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return;
#endif
#endif
    start();
}

/* Started before the first test counts threads and descriptors. */
__attribute__((constructor)) static void prepare_loop(void) {
    start();
    pthread_atfork(NULL, NULL, restart);
}

capdist_status __wrap_capdist_init_connect(const capdist_options *options, capdist_conn **conn) {
    capdist_options driven;
    capdist_options_init(&driven, sizeof driven);
    if (options && options->struct_size == sizeof driven) driven = *options;
    if (!conn || (options && options->struct_size != sizeof driven)) return __real_capdist_init_connect(options, conn);
    if (uses_threads || driven.mode != CAPDIST_MODE_THREAD) return __real_capdist_init_connect(options, conn);
    driven.mode = CAPDIST_MODE_HOST_DRIVEN;
    capdist_status status = __real_capdist_init_connect(&driven, conn);
    if (status == CAPDIST_NEEDS_ADDRESS) return __real_capdist_init_connect(options, conn);
    if (status != CAPDIST_OK) return status;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = *conn};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, capdist_get_fd(*conn), &event)) abort();
    return status;
}

capdist_status __wrap_capdist_release(capdist_conn *conn) {
    /* In thread mode and after a fork there is no descriptor. A connection that its test drives is not in the loop. */
    int fd = capdist_get_fd(conn);
    if (fd >= 0) epoll_ctl(loop, EPOLL_CTL_DEL, fd, NULL);
    return __real_capdist_release(conn);
}
