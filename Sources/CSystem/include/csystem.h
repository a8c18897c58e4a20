// Functions that Swift's Glibc module does not import.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

// Size of a thread's last-error text, in bytes.
#define CSYSTEM_ERROR_SIZE 512

/// Thread-local state, without a destructor and without allocation.
typedef struct csystem_thread {
    int32_t callback_depth; // > 0 while this thread is inside a capdist callback
    int32_t is_own;         // 1: the library started this thread
    int32_t cancel_state;   // the application's setting, restored in callbacks and after the call
    int32_t cancel_type;    // the same
    int32_t is_watched;     // 1: `thread_ends` is called at its end
    int32_t is_main;        // 1: it is the process's first thread
    uintptr_t turn;         // the stack address where its turn at driving a connection began; 0: it drives none
    void *body;             // what the library started this thread with; retained
    void *driving;          // the connection that it drives; not retained
    const void *batching;   // the connection whose requests this thread collects, to send them together; not retained
    void *released;         // connections released inside its callback, which end after it; retained, the last one first
    int32_t references;     // references to the library itself, given back in the last step of the call or of the thread
    int32_t is_counted;     // 1: it is the library's own thread, and the library stays loaded for it
    char last_error[CSYSTEM_ERROR_SIZE];
} csystem_thread;

csystem_thread *csystem_this_thread(void) __attribute__((const));

/// Waits for an asynchronous cancellation in progress, whose signal is sent but has not arrived. It is called when the
/// type was asynchronous and has just been changed, and no lock is held: in the first cancellation point, glibc 2.36
/// lets that signal end the thread whatever the state is, and waits for it.
static inline void csystem_await_cancellation(void) { poll(NULL, 0, 0); }

/// Disables cancellation of the application's thread during a call. Callbacks and the end of the call restore its
/// setting.
static inline void csystem_begin_call(csystem_thread *thread) {
    if (thread->is_own) return;
    // Setting the state is not enough: a cancellation in progress checks the type only (glibc 2.36).
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &thread->cancel_type);
    if (thread->cancel_type == PTHREAD_CANCEL_ASYNCHRONOUS) csystem_await_cancellation();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &thread->cancel_state);
}
static inline void csystem_end_call(const csystem_thread *thread) {
    if (thread->is_own) return;
    pthread_setcancelstate(thread->cancel_state, NULL);
    pthread_setcanceltype(thread->cancel_type, NULL);
}
/// The same for a call without a cancellation point: deferred cancellation cannot happen there. Returns the type to
/// restore.
static inline int csystem_begin_quick_call(void) {
    int type = PTHREAD_CANCEL_DEFERRED;
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    return type;
}
static inline void csystem_end_quick_call(int type) {
    if (type != PTHREAD_CANCEL_DEFERRED) pthread_setcanceltype(type, NULL);
}
/// Inside a call: whether the application has enabled cancellation of this thread.
static inline int csystem_can_be_cancelled(void) {
    const csystem_thread *thread = csystem_this_thread();
    return !thread->is_own && thread->cancel_state == PTHREAD_CANCEL_ENABLE;
}

/// send(2), and write(2) of a 1 to an event, without being cancellation points. They set errno as usual.
ssize_t csystem_send(int socket, const void *bytes, size_t count, int flags);
void csystem_wake(int event);

/// Runs a turn at driving a connection, deeper on the stack. A later call from higher on the stack shows that the turn
/// was left by a jump or an exception out of a callback. If the thread ends during the turn, the function of
/// `csystem_watch_turns` is called.
void csystem_run_turn(csystem_thread *thread, void (*turn)(void *), void *context);
int csystem_has_left_turn(const csystem_thread *thread);
/// - Parameter left: called at the end of a thread that is in a turn, or of a thread of the library that still drives.
void csystem_watch_turns(void (*left)(void));

/// Counts a connection. While a connection or a thread of the library's own lives, the library holds a reference to
/// itself, so that it stays loaded when the application closes it.
void csystem_add_connection(void);
/// A connection has ended. Its reference becomes this thread's, which gives it back.
void csystem_remove_connection(void);
/// Gives back this thread's references. The application must hold a reference itself, so that the library stays loaded
/// meanwhile.
void csystem_give_back(void);
/// Gives back all of this thread's references but one.
/// - Returns: that one, which the caller gives to `dlclose` in its last step: the call may unload this code. NULL:
///   there is none.
void *csystem_give_back_all_but_one(void);

/// pthread_create for a thread of the library's own. Returns an error number.
int csystem_start_thread(pthread_t *thread, const pthread_attr_t *attributes, void (*body)(void *), void *context);
/// Counts a thread of the library's own, which is about to be started.
void csystem_add_thread(void);
/// Takes the count back: the thread could not be started.
void csystem_drop_thread(void);
/// The calling thread ends. If it is the library's own, it is no longer counted.
void csystem_remove_thread(void);
/// Sets the count to 0 in a forked child, where the library's threads do not exist.
void csystem_forget_threads(void);
/// Whether a connection or a thread of the library's own exists.
int csystem_is_in_use(void);

/// - Parameter body: called when the library is unloaded and none of its threads is left, but not at the process's
///   exit.
void csystem_watch_unload(void (*body)(void));
/// From here on the ends of threads are not watched.
void csystem_leave_turns(void);

/// The number of forks between the process that loaded the library and this one.
uint64_t csystem_forks(void);

/// Sets what is called around every fork: before it, and after it in the parent and in the child, where the fork is
/// counted then. Called during process initialisation.
void csystem_around_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

/// Takes a mutex before a fork. If a crash handler forks, the thread that crashed, or one that was stopped, may hold
/// the mutex. So this waits ten seconds at most. If it does not get the mutex, the child cannot use the library.
/// - Returns: whether it is taken, and must be unlocked in the parent.
int csystem_lock_for_fork(pthread_mutex_t *mutex);

/// In a forked child: clears this thread's state. The library's threads, and a callback that this thread is in, are the
/// parent's.
void csystem_leave_threads_behind(void);

/// Begins what a process does once, before anything else. A fork waits until it is done.
enum {
    CSYSTEM_TO_DO, ///< the caller must do it, and call `csystem_end_process_init` then
    CSYSTEM_DONE,  ///< it is done, or this thread is doing it
    CSYSTEM_NEVER, ///< it cannot be done: the process was forked while another thread held a lock of the library
};
static inline int csystem_begin_process_init(void) {
    extern _Atomic int csystem_is_initialised;
    int csystem_begin_process_init_slowly(void);
    const int state = atomic_load_explicit(&csystem_is_initialised, memory_order_acquire);
    return state == CSYSTEM_DONE ? state : csystem_begin_process_init_slowly();
}
/// - Parameter is_done: 0 if the next call should try again.
void csystem_end_process_init(int is_done);

/// epoll_ctl(2), with the token in the upper half of the data and the descriptor in the lower.
int csystem_epoll_set(int epoll, int operation, int fd, uint32_t events, uint64_t token);

/// Whether the set contains the descriptor with that token, according to /proc.
/// - Returns: 1, 0, or -1 if /proc does not tell.
int csystem_epoll_has(int epoll, int fd, uint64_t token);

/// epoll_wait(2) with cancellation enabled. A thread of the library can be cancelled only here.
int csystem_epoll_wait_cancellable(int epoll, struct epoll_event *events, int most, int milliseconds);

/// accept(2) with the new socket non-blocking and close-on-exec.
int csystem_accept(int listener);

/// Fills up to 256 bytes with random ones, from getrandom() or, if a sandbox refuses that, from /dev/urandom.
/// - Returns: 0, or -1 with errno set.
int csystem_random(void *bytes, size_t count);

/// Stores a number that other threads read without a lock.
static inline void csystem_store(uint32_t *target, uint32_t number) { __atomic_store_n(target, number, __ATOMIC_RELEASE); }
static inline uint32_t csystem_load(const uint32_t *source) { return __atomic_load_n(source, __ATOMIC_RELAXED); }

/// Whether the process's first thread has ended while others go on. Only then can the library's threads be the last
/// ones. This is known only if the first thread loaded the library.
int csystem_main_has_ended(void);
/// - Parameter ended: called on that thread when it ends.
void csystem_watch_main(void (*ended)(void));

/// If only threads of the library are left in the process, and a signal is pending that they all block: unblocks all
/// signals on this thread, so that a signal can still end the process.
void csystem_take_signals_if_alone(void);

/// Whether the bytes contain the text.
int csystem_contains(const void *bytes, size_t count, const char *text);

/// The version in capdist.h, such as "1.1.0". Swift could not make it from the numbers without an allocation.
const char *csystem_version(void);

#endif
