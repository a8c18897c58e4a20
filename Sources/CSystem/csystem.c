#define _GNU_SOURCE
#include "csystem.h"

#include "capdist.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

static _Thread_local csystem_thread this_thread;

csystem_thread *csystem_this_thread(void) { return &this_thread; }

// Written when only one thread is left.
static uint64_t forks;

uint64_t csystem_forks(void) { return forks; }

_Atomic int csystem_is_set_up;
static pthread_mutex_t set_up = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int is_setting_up;
// Written under `set_up`.
static void (*around_prepare)(void), (*around_parent)(void), (*around_child)(void);

static void prepare_fork(void) {
    pthread_mutex_lock(&set_up);
    if (around_prepare) around_prepare();
}

static void after_fork_in_parent(void) {
    if (around_parent) around_parent();
    pthread_mutex_unlock(&set_up);
}

static void after_fork_in_child(void) {
    pthread_mutex_init(&set_up, NULL);
    if (around_child) around_child();
    forks += 1;
    // The callback that this thread may be in is the parent's, and so is the thread it would wait for.
    this_thread.callback_depth = 0;
    this_thread.inherited = this_thread.released; // the parent's to end
    this_thread.released = 0;
}

// With the library itself: a fork can not come before it.
__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(prepare_fork, after_fork_in_parent, after_fork_in_child);
}

void csystem_around_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    around_prepare = prepare;
    around_parent = parent;
    around_child = child;
}

int csystem_begin_set_up_slowly(void) {
    if (is_setting_up) return 0;
    pthread_mutex_lock(&set_up);
    if (!atomic_load_explicit(&csystem_is_set_up, memory_order_relaxed)) return is_setting_up = 1;
    pthread_mutex_unlock(&set_up);
    return 0;
}

void csystem_end_set_up(int is_done) {
    is_setting_up = 0;
    atomic_store_explicit(&csystem_is_set_up, is_done, memory_order_release);
    pthread_mutex_unlock(&set_up);
}

int csystem_epoll_set(int epoll, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int csystem_join(pthread_t thread, int milliseconds) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += milliseconds * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    return pthread_timedjoin_np(thread, NULL, &end);
}

int csystem_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int csystem_random(void *bytes, size_t count) {
    ssize_t got;
    // Up to 256 bytes come whole, once the system has gathered enough after it started.
    while ((got = getrandom(bytes, count, 0)) < 0 && errno == EINTR) {}
    return got >= 0 && (size_t)got == count ? 0 : -1;
}

void csystem_name_this_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *csystem_version(void) {
    return VERSION_TEXT(CAPDIST_VERSION_MAJOR, CAPDIST_VERSION_MINOR, CAPDIST_VERSION_PATCH);
}
