// What Swift's Glibc module does not import, as plain functions.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

// Size of the calling thread's last-error text.
#define CSYSTEM_ERROR_SIZE 512

/// State that each thread has for itself, with no destructor and no allocation.
typedef struct csystem_thread {
    int32_t callback_depth; // > 0 while this thread is inside a capdist callback
    char last_error[CSYSTEM_ERROR_SIZE];
} csystem_thread;

csystem_thread *csystem_this_thread(void);

/// How many forks lie between this process and the one that loaded the library. Counted by `csystem_count_fork`, which
/// only the child's handler of `pthread_atfork` calls; the child is inside no callback.
uint64_t csystem_forks(void);
void csystem_count_fork(void);

/// epoll's data union is awkward from Swift.
int csystem_epoll_set(int epoll, int operation, int fd, uint32_t events);

/// accept(2) with the new socket non-blocking and close-on-exec.
int csystem_accept(int listener);

/// As `ps` and debuggers show it; at most 15 bytes.
void csystem_name_this_thread(const char *name);

#endif
