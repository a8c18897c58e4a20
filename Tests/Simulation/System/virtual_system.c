#define _GNU_SOURCE
#include "virtual_system.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

static virtual_calls calls;
static int is_on;

void virtual_system_begin(const virtual_calls *answers) {
    calls = *answers;
    is_on = 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t told(ssize_t result) {
    if (result >= 0) return result;
    errno = (int)-result;
    return -1;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!is_on) return REAL(clock_gettime)(clock, time);
    const int64_t now = calls.now();
    *time = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
    return 0;
}

int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event) {
    // The system's set has it, too, since the library checks there whether the number is still its own.
    const int result = REAL(epoll_ctl)(epoll, operation, descriptor, event);
    if (is_on) calls.watch(epoll, operation, descriptor, event ? event->events : 0, event ? event->data.u64 : 0);
    return result;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int milliseconds) {
    if (!is_on) return REAL(epoll_wait)(epoll, events, most, milliseconds);
    return calls.wait(epoll, events, most, milliseconds);
}

int timerfd_settime(int timer, int flags, const struct itimerspec *setting, struct itimerspec *before) {
    if (!is_on) return REAL(timerfd_settime)(timer, flags, setting, before);
    calls.arm(timer, setting->it_value.tv_sec * 1000000000 + setting->it_value.tv_nsec);
    return 0;
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    if (!is_on) return REAL(connect)(socket, address, length);
    calls.connect(socket);
    errno = EINPROGRESS;
    return -1;
}

int getsockopt(int socket, int level, int option, void *value, socklen_t *length) {
    if (!is_on || level != SOL_SOCKET || option != SO_ERROR) return REAL(getsockopt)(socket, level, option, value, length);
    const int error = -calls.connected(socket);
    memcpy(value, &error, sizeof error);
    return 0;
}

ssize_t recv(int socket, void *bytes, size_t count, int flags) {
    if (!is_on) return REAL(recv)(socket, bytes, count, flags);
    return told(calls.receive(socket, bytes, count));
}

int shutdown(int socket, int how) {
    if (!is_on) return REAL(shutdown)(socket, how);
    calls.close(socket);
    return 0;
}

// Functions that the library calls instead where threads must not be cancelled.
long syscall(long number, ...) {
    va_list list;
    long words[6];
    va_start(list, number);
    for (int index = 0; index < 6; index++) words[index] = va_arg(list, long);
    va_end(list);
    if (is_on && number == SYS_sendto) return told(calls.send((int)words[0], (const void *)words[1], (size_t)words[2]));
    if (is_on && number == SYS_getrandom) {
        calls.random((void *)words[0], (size_t)words[1]);
        return words[1];
    }
    if (is_on && number == SYS_write && calls.wake((int)words[0])) return words[2];
    return REAL(syscall)(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

typedef struct start {
    void *(*body)(void *);
    void *argument, *thread;
} start;

static void *run_thread(void *argument) {
    const start own = *(start *)argument;
    free(argument);
    calls.begin(own.thread);
    void *result = own.body(own.argument);
    calls.end(own.thread);
    return result;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    void *owner = is_on ? calls.make() : NULL;
    if (!owner) return REAL(pthread_create)(thread, attributes, body, argument);
    start *own = malloc(sizeof *own);
    if (!own) return ENOMEM;
    *own = (start){body, argument, owner};
    return REAL(pthread_create)(thread, attributes, run_thread, own);
}

int pthread_join(pthread_t thread, void **result) {
    if (is_on) calls.join();
    return REAL(pthread_join)(thread, result);
}
