// The initialisation of a process, what happens around its forks, and the end of the library.
#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Written when only one thread is left.
static uint64_t forks;

uint64_t csystem_forks(void) { return forks; }

_Atomic int csystem_is_initialised;
static pthread_mutex_t initialisation = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int is_initialising;
// Written under `initialisation`.
static void (*around_prepare)(void), (*around_parent)(void), (*around_child)(void);

void csystem_around_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
    around_prepare = prepare;
    around_parent = parent;
    around_child = child;
}

int csystem_begin_process_init_slowly(void) {
    if (is_initialising) return CSYSTEM_DONE;
    pthread_mutex_lock(&initialisation);
    const int state = atomic_load_explicit(&csystem_is_initialised, memory_order_relaxed);
    if (state == CSYSTEM_TO_DO) {
        is_initialising = 1;
        return state;
    }
    pthread_mutex_unlock(&initialisation);
    return state;
}

void csystem_end_process_init(int is_done) {
    is_initialising = 0;
    atomic_store_explicit(&csystem_is_initialised, is_done ? CSYSTEM_DONE : CSYSTEM_TO_DO, memory_order_release);
    pthread_mutex_unlock(&initialisation);
}

enum { PATIENCE_S = 10 };

// State of the fork that this thread is making.
static _Thread_local struct timespec patience_ends;
static _Thread_local int has_all, has_initialisation;

// Whether the calling thread holds the mutex.
static int is_mine(const pthread_mutex_t *mutex) {
#ifdef __GLIBC__
    return mutex->__data.__owner == syscall(SYS_gettid);
#else
    (void)mutex;
    return 0;
#endif
}

int csystem_lock_for_fork(pthread_mutex_t *mutex) {
    int error = pthread_mutex_trylock(mutex);
    if (error && !is_mine(mutex)) error = pthread_mutex_timedlock(mutex, &patience_ends);
    if (error) has_all = 0;
    return !error;
}

static void prepare_fork(void) {
    const int error = errno;
    clock_gettime(CLOCK_REALTIME, &patience_ends);
    patience_ends.tv_sec += PATIENCE_S;
    has_all = 1;
    has_initialisation = csystem_lock_for_fork(&initialisation);
    // Without the lock the initialisation may be half done, so its data is not used.
    if (has_initialisation && around_prepare) around_prepare();
    errno = error;
}

static void after_fork_in_parent(void) {
    if (!has_initialisation) return;
    if (around_parent) around_parent();
    pthread_mutex_unlock(&initialisation);
}

static void after_fork_in_child(void) {
    pthread_mutex_init(&initialisation, NULL);
    is_initialising = 0;
    forks += 1;
    csystem_forget_threads();
    if (!has_all) {
        // The child cannot use the library, so its own forks need no preparation.
        csystem_around_fork(NULL, NULL, NULL);
        atomic_store_explicit(&csystem_is_initialised, CSYSTEM_NEVER, memory_order_release);
    } else if (around_child) {
        around_child();
    }
    csystem_leave_threads_behind();
}

// Runs when the library is loaded, so it sees every fork.
__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(prepare_fork, after_fork_in_parent, after_fork_in_child);
}

// Tells the process's exit from unloading: at exit other threads still run, so nothing is freed. Exit runs this handler
// before `unload`, and unloading runs it after. It must be registered after the program's start: in a program that is
// linked with the library, the constructors run before the loader registers its own handler, which calls `unload`.
static int is_exiting;
static void (*_Atomic unloaded)(void);

static void note_exit(void) { is_exiting = 1; }

void csystem_watch_unload(void (*body)(void)) {
    if (atexit(note_exit) == 0) unloaded = body;
}

__attribute__((destructor)) static void unload(void) {
    csystem_leave_turns();
    if (!is_exiting && !csystem_is_in_use() && unloaded) unloaded();
}
