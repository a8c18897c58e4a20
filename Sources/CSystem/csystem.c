#define _GNU_SOURCE
#include "csystem.h"

#include "capdist.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local csystem_thread this_thread;
static _Atomic int own_threads;

#pragma weak dlclose

csystem_thread *csystem_this_thread(void) { return &this_thread; }

static void watch_main(void);

void csystem_leave_threads_behind(void) {
    // A callback that this thread is in belongs to a connection of the parent, and so does all that it released.
    this_thread.callback_depth = 0;
    this_thread.turn = 0;
    this_thread.driving = NULL;
    this_thread.released = 0;
    own_threads = this_thread.is_own;
    watch_main();
}

static pthread_key_t turns;
static void (*_Atomic turn_left)(void), (*_Atomic main_ended)(void);
static _Atomic int main_has_ended;

typedef void (*end_of_destructor)(void *);

// A thread that was ended leaves its frames' marks on the stack, which AddressSanitizer would take for those of the next frames.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
void __asan_handle_no_return(void);
#define forget_frames __asan_handle_no_return
#endif
#endif
#ifndef forget_frames
#define forget_frames() ((void)0)
#endif

// Called at the end of each watched thread: a runtime may end a thread inside a callback.
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
    this_thread.is_main = gettid() == getpid();
    main_has_ended = 0;
    if (this_thread.is_main) this_thread.is_watched = pthread_setspecific(turns, &this_thread) == 0;
}

__attribute__((constructor)) static void make_key(void) {
    pthread_key_create(&turns, thread_ends);
    watch_main();
}

void csystem_leave_turns(void) { pthread_key_delete(turns); }

void csystem_watch_turns(void (*left)(void)) { turn_left = left; }
void csystem_watch_main(void (*ended)(void)) { main_ended = ended; }
int csystem_main_has_ended(void) { return main_has_ended; }

// The distance on the stack between the caller and the turn. It is touched page by page, so that it cannot jump over the guard
// page of a small stack.
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
    // Otherwise an optimiser leaves out most of the array, or frees it before the last call.
    __asm__ volatile("" : : "r"(room) : "memory");
    begin_turn(thread, turn, context);
    __asm__ volatile("" : : "r"(room) : "memory");
}

int csystem_has_left_turn(const csystem_thread *thread) {
    return thread->turn && (uintptr_t)__builtin_frame_address(0) > thread->turn;
}

int csystem_epoll_set(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token << 32 | (uint32_t)fd}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int csystem_epoll_has(int epoll, int fd, uint64_t token) {
    // Large enough for all entries of a set of ours.
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", epoll);
    // Whoever asks may hold locks, in a call that has no cancellation point otherwise.
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    pthread_setcancelstate(before, NULL);
    if (length <= 0) return -1;
    text[length] = 0;
    int told = -1, number;
    unsigned long long data;
    for (const char *line = text; (line = strstr(line, "tfd:")); line += 4) {
        if (sscanf(line, "tfd: %d events: %*x data: %llx", &number, &data) != 2) continue;
        told = told > 0 || (number == fd && data == (token << 32 | (uint32_t)fd));
    }
    return told;
}

int csystem_epoll_wait_cancellable(int epoll, struct epoll_event *events, int most, int milliseconds) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    int count = epoll_wait(epoll, events, most, milliseconds);
    int error = errno;
    pthread_setcancelstate(before, NULL);
    errno = error;
    return count;
}

int csystem_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int csystem_random(void *bytes, size_t count) {
    ssize_t got;
    // Up to 256 bytes come in one piece. After the system's start this waits until it has enough entropy.
    while ((got = syscall(SYS_getrandom, bytes, count, 0)) < 0 && errno == EINTR) {}
    if (got >= 0 && (size_t)got == count) return 0;
    int before, error = 0;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        while ((got = read(file, bytes, count)) < 0 && errno == EINTR) {}
        error = got < 0 ? errno : (size_t)got == count ? 0 : EIO;
        close(file);
    } else {
        error = errno;
    }
    pthread_setcancelstate(before, NULL);
    errno = error;
    return error ? -1 : 0;
}

ssize_t csystem_send(int socket, const void *bytes, size_t count, int flags) {
    return syscall(SYS_sendto, socket, bytes, count, flags, NULL, 0);
}

void csystem_wake(int event) {
    const uint64_t one = 1;
    syscall(SYS_write, event, &one, sizeof one);
}

int csystem_contains(const void *bytes, size_t count, const char *text) {
    return bytes && memmem(bytes, count, text, strlen(text));
}

void csystem_begin_own_thread(void) {
    this_thread.is_own = 1;
    own_threads += 1;
    this_thread.is_watched = pthread_setspecific(turns, &this_thread) == 0;
    // The name that `ps` and debuggers show.
    pthread_setname_np(pthread_self(), "capdist");
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
    // The name before the state may contain any characters, also brackets.
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

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *csystem_version(void) {
    return VERSION_TEXT(CAPDIST_VERSION_MAJOR, CAPDIST_VERSION_MINOR, CAPDIST_VERSION_PATCH);
}
