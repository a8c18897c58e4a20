// What Swift's Glibc module does not import, as plain functions.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

// Size of the calling thread's last-error text.
#define CSYSTEM_ERROR_SIZE 512

/// State that each thread has for itself, with no destructor and no allocation.
typedef struct csystem_thread {
    int32_t callback_depth; // > 0 while this thread is inside a capdist callback
    int32_t is_own;         // 1: the library started this thread
    int32_t cancel_state;   // as the application has it, for callbacks and after the call
    int32_t cancel_type;    // the same
    int32_t is_watched;     // whether its end is seen
    int32_t is_main;        // 1: it is the process's first one
    uintptr_t turn;         // where the turn at driving a connection began on this thread's stack; 0: none
    void *driving;          // the connection that it drives; not retained
    const void *batching;  // the connection whose requests this thread will send later, all at once
    void *released;         // connections released inside the callback, to be ended after it; retained, the last one first
    char last_error[CSYSTEM_ERROR_SIZE];
} csystem_thread;

csystem_thread *csystem_this_thread(void) __attribute__((const));

/// The thread of an application can be cancelled while it is in none of our calls, and in callbacks, as it has it itself.
static inline void csystem_begin_call(csystem_thread *thread) {
    if (thread->is_own) return;
    // The state alone is not enough: a cancellation under way looks at the type only (glibc 2.36).
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &thread->cancel_type);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &thread->cancel_state);
}
static inline void csystem_end_call(const csystem_thread *thread) {
    if (thread->is_own) return;
    pthread_setcancelstate(thread->cancel_state, NULL);
    pthread_setcanceltype(thread->cancel_type, NULL);
}
/// The same for a call without a cancellation point: what is deferred does not come. Returns the type for the end.
static inline int csystem_begin_quick_call(void) {
    int type = PTHREAD_CANCEL_DEFERRED;
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    return type;
}
static inline void csystem_end_quick_call(int type) {
    if (type != PTHREAD_CANCEL_DEFERRED) pthread_setcanceltype(type, NULL);
}
/// Inside a call: whether the thread can be cancelled once it has returned.
static inline int csystem_can_be_cancelled(void) {
    const csystem_thread *thread = csystem_this_thread();
    return !thread->is_own && thread->cancel_state == PTHREAD_CANCEL_ENABLE;
}

/// send(2), and write(2) of a 1 to an event, where no thread is cancelled. errno as usual.
ssize_t csystem_send(int socket, const void *bytes, size_t count, int flags);
void csystem_wake(int event);

/// Runs a turn at driving a connection, deeper on the stack: whoever calls from above it has left the turn, by a jump or an
/// exception out of a callback. What ends the thread in it is told to `csystem_watch_turns`.
void csystem_run_turn(csystem_thread *thread, void (*turn)(void *), void *context);
int csystem_has_left_turn(const csystem_thread *thread);
/// - Parameter left: called at the end of a thread that is in a turn, and of one of the library's that still drives.
void csystem_watch_turns(void (*left)(void));

/// Joins a thread. Returns 0, or ETIMEDOUT if it did not end within that time.
int csystem_join(pthread_t thread, int milliseconds);

/// How many forks lie between this process and the one that loaded the library.
uint64_t csystem_forks(void);

/// Called around every fork once they are set: before it, and after it in the parent and in the child, where the fork is
/// counted then. To be set during the set-up.
void csystem_around_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/// Takes a mutex before a fork. It is not to be had where the fork comes from a handler of a crash: the thread that crashed may
/// hold it, or another one that was stopped. Then it is waited for a few seconds at most, and the child cannot use the library.
/// - Returns: whether it is taken, and to be given back in the parent.
int csystem_lock_for_fork(pthread_mutex_t *mutex);

/// In a forked child: the library's threads, and the callback that this one may be in, are the parent's.
void csystem_leave_threads_behind(void);

/// What a process does once, before anything else. A fork waits until it is done.
enum {
    CSYSTEM_TO_DO, ///< by the caller, who is to call `csystem_end_process_init` then
    CSYSTEM_DONE,  ///< or being done, by this very thread
    CSYSTEM_NEVER, ///< a fork met the library half way in something
};
static inline int csystem_begin_process_init(void) {
    extern _Atomic int csystem_is_initialised;
    int csystem_begin_process_init_slowly(void);
    const int state = atomic_load_explicit(&csystem_is_initialised, memory_order_acquire);
    return state == CSYSTEM_DONE ? state : csystem_begin_process_init_slowly();
}
/// - Parameter is_done: 0 if the next one should try again.
void csystem_end_process_init(int is_done);

/// epoll's data union is awkward from Swift: the token in its upper half, the descriptor in the lower.
int csystem_epoll_set(int epoll, int operation, int fd, uint32_t events, uint64_t token);

/// Whether the set has the descriptor in it with that token, as the kernel tells in /proc.
/// - Returns: 1, 0, or -1 if it does not tell.
int csystem_epoll_has(int epoll, int fd, uint64_t token);

/// epoll_wait(2) where the library's own thread, which cannot be cancelled anywhere else, can be.
int csystem_epoll_wait_cancellable(int epoll, struct epoll_event *events, int most, int milliseconds);

/// accept(2) with the new socket non-blocking and close-on-exec.
int csystem_accept(int listener);

/// Fills up to 256 bytes with random ones that nobody can guess: the system call's, or the file's where a sandbox refuses that.
/// - Returns: 0, or -1 with errno set.
int csystem_random(void *bytes, size_t count);

/// Stores a number that other threads read.
static inline void csystem_store(uint32_t *target, uint32_t number) { __atomic_store_n(target, number, __ATOMIC_RELEASE); }
static inline uint32_t csystem_load(const uint32_t *source) { return __atomic_load_n(source, __ATOMIC_RELAXED); }

/// Marks the calling thread as one of the library's, and names it.
void csystem_begin_own_thread(void);

/// Whether the process's first thread has ended and others go on; only then can the library's be the last ones. It is seen if
/// that thread loaded the library.
int csystem_main_has_ended(void);
/// - Parameter ended: called then, on that thread.
void csystem_watch_main(void (*ended)(void));

/// Where only threads of the library are left in the process, and a signal waits that none of them takes: lets this thread
/// take all, so that what asks the process to end still ends it.
void csystem_take_signals_if_alone(void);

/// Whether the text stands anywhere in the bytes.
int csystem_contains(const void *bytes, size_t count, const char *text);

/// The version that capdist.h tells, such as "1.1.0": Swift cannot put its numbers together without allocating.
const char *csystem_version(void);

#endif
