// The system calls of the library's driver, for a simulation that runs the driver in virtual time: functions of this
// program replace the system's. Calls that do not belong to the simulation are passed on to the system.
#ifndef VIRTUAL_SYSTEM_H
#define VIRTUAL_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

typedef struct virtual_calls {
    int64_t (*now)(void); // nanoseconds
    void (*random)(void *bytes, size_t count);
    // What can be waited for: the set, EPOLL_CTL_*, and as `epoll_ctl` has it.
    void (*watch)(int epoll, int operation, int descriptor, uint32_t events, uint64_t data);
    int (*wait)(int epoll, struct epoll_event *events, int most, int milliseconds);
    void (*arm)(int timer, int64_t nanoseconds); // from now; 0: never
    int (*wake)(int event);                      // 0: it does not belong to the simulation
    // Sockets. A negative result is an errno.
    void (*connect)(int socket);
    int (*connected)(int socket);
    ssize_t (*receive)(int socket, void *bytes, size_t count);
    ssize_t (*send)(int socket, const void *bytes, size_t count);
    void (*close)(int socket);
    // Threads of the library. The thread that makes another one calls `make`, and its result is passed to the others.
    // NULL: the thread does not belong to the simulation.
    void *(*make)(void);
    void (*begin)(void *thread); // called by the new thread, before its first step
    void (*end)(void *thread);   // and after its last
    void (*join)(void);          // called before a thread is joined
} virtual_calls;

/// Sets the functions to call from now on.
void virtual_system_begin(const virtual_calls *calls);

#endif
