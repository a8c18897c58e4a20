// Threads: what happens at their ends, turns at driving a connection, and the library's own threads.
#define _GNU_SOURCE
#include "csystem.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A statically linked program may not contain it.
#pragma weak dlclose

static _Atomic int own_threads;

static void watch_main(void);

void csystem_leave_threads_behind(void) {
    // A callback that is running on this thread belongs to the parent's connection, and so do the connections released
    // in it.
    csystem_thread *thread = csystem_this_thread();
    thread->callback_depth = 0;
    thread->turn = 0;
    thread->driving = NULL;
    thread->released = 0;
    own_threads = thread->is_own;
    watch_main();
}

static pthread_key_t turns;
static void (*_Atomic turn_left)(void), (*_Atomic main_ended)(void);
static _Atomic int main_has_ended;

typedef void (*end_of_destructor)(void *);

// A thread that was ended leaves AddressSanitizer's marks of its frames on the stack. They would be taken for those of
// later frames.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
void __asan_handle_no_return(void);
#define forget_frames __asan_handle_no_return
#endif
#endif
#ifndef forget_frames
#define forget_frames() ((void)0)
#endif

// Called at the end of each watched thread. A runtime may end a thread inside a callback.
static void thread_ends(void *ended) {
    forget_frames();
    const csystem_thread *thread = ended;
    void (*left)(void) = turn_left;
    if ((thread->turn || (thread->is_own && thread->driving)) && left) left();
    if (thread->is_own) own_threads -= 1;
    if (thread->is_main) {
        main_has_ended = 1;
        void (*tell)(void) = main_ended;
        if (tell) tell();
    }
    csystem_remove_thread();
    void *last = csystem_give_back_all_but_one();
    // As in `run_thread`.
    if (last) __attribute__((musttail)) return ((end_of_destructor)(uintptr_t)dlclose)(last);
}

static void watch_main(void) {
    csystem_thread *thread = csystem_this_thread();
    thread->is_main = gettid() == getpid();
    main_has_ended = 0;
    if (thread->is_main) thread->is_watched = pthread_setspecific(turns, thread) == 0;
}

__attribute__((constructor)) static void make_key(void) {
    pthread_key_create(&turns, thread_ends);
    watch_main();
}

void csystem_leave_turns(void) { pthread_key_delete(turns); }

void csystem_watch_turns(void (*left)(void)) { turn_left = left; }
void csystem_watch_main(void (*ended)(void)) { main_ended = ended; }
int csystem_main_has_ended(void) { return main_has_ended; }

// The distance on the stack between the caller and the turn. Each page is touched, so a stack that is too small ends at
// its guard page.
enum { ROOM = 16 * 1024, PAGE = 4096 };

// A function of its own, because its frame is on the stack in any case. A sanitizer may place `room` elsewhere.
__attribute__((noinline)) static void begin_turn(csystem_thread *thread, void (*turn)(void *), void *context) {
    const uintptr_t before = thread->turn;
    thread->turn = (uintptr_t)__builtin_frame_address(0);
    turn(context);
    thread->turn = before;
}

void csystem_run_turn(csystem_thread *thread, void (*turn)(void *), void *context) {
    volatile char room[ROOM];
    for (int at = ROOM - 1; at >= 0; at -= PAGE) room[at] = 0;
    if (!thread->is_watched) thread->is_watched = pthread_setspecific(turns, thread) == 0;
    // Keeps the optimiser from removing the array, or from ending its life before the last call.
    __asm__ volatile("" : : "r"(room) : "memory");
    begin_turn(thread, turn, context);
    __asm__ volatile("" : : "r"(room) : "memory");
}

int csystem_has_left_turn(const csystem_thread *thread) {
    return thread->turn && (uintptr_t)__builtin_frame_address(0) > thread->turn;
}

static void begin_own_thread(csystem_thread *thread) {
    thread->is_own = 1;
    own_threads += 1;
    thread->is_watched = pthread_setspecific(turns, thread) == 0;
    // The name that `ps` and debuggers show.
    pthread_setname_np(pthread_self(), "capdist");
}

typedef struct start {
    void (*body)(void *);
    void *context;
} start;

typedef void *(*end_of_thread)(void *);

static void *run_thread(void *argument) {
    const start own = *(start *)argument;
    free(argument);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    csystem_thread *thread = csystem_this_thread();
    begin_own_thread(thread);
    thread->is_counted = 1;
    own.body(own.context);
    csystem_remove_thread();
    void *last = csystem_give_back_all_but_one();
    if (!last) return NULL;
    // The library may be unloaded when this returns, so it returns to the C library.
    __attribute__((musttail)) return ((end_of_thread)(uintptr_t)dlclose)(last);
}

int csystem_start_thread(pthread_t *thread, const pthread_attr_t *attributes, void (*body)(void *), void *context) {
    start *argument = malloc(sizeof *argument);
    if (!argument) return ENOMEM;
    *argument = (start){body, context};
    csystem_add_thread();
    const int error = pthread_create(thread, attributes, run_thread, argument);
    if (error) {
        free(argument);
        csystem_drop_thread();
    }
    return error;
}

// Threads that have ended may stay in the list, as the main thread does.
static int counts_as_running(int tasks, const char *name) {
    char path[64], text[512];
    snprintf(path, sizeof path, "%s/stat", name);
    int file = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    text[length] = 0;
    // The name, which comes before the state, may contain any characters, also brackets.
    const char *state = strrchr(text, ')');
    return state && state[1] && state[2] != 'Z' && state[2] != 'X';
}

void csystem_take_signals_if_alone(void) {
    sigset_t pending;
    if (sigpending(&pending) || sigisemptyset(&pending)) return;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) return;
    int running = 0;
    for (struct dirent *task; (task = readdir(tasks));) {
        if (task->d_name[0] != '.') running += counts_as_running(dirfd(tasks), task->d_name);
    }
    closedir(tasks);
    if (running > own_threads) return;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

