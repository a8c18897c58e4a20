#define _GNU_SOURCE
#include "csystem.h"

#include <pthread.h>
#include <sys/socket.h>

static _Thread_local csystem_thread this_thread;

csystem_thread *csystem_this_thread(void) { return &this_thread; }

// Written when only one thread is left.
static uint64_t forks;

uint64_t csystem_forks(void) { return forks; }

void csystem_count_fork(void) {
    forks += 1;
    // The callback that this thread may be in is the parent's, and so is the thread it would wait for.
    this_thread.callback_depth = 0;
}

int csystem_epoll_set(int epoll, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int csystem_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

void csystem_name_this_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
