// What only the shipped library contains.
#define _GNU_SOURCE
#include "csystem.h"

#include <string.h>
#include <time.h>

// The static Swift runtime would install handlers for SIGQUIT, SIGABRT, SIGBUS, SIGFPE and SIGILL at load if it found
// swift-backtrace beside the library. A guest installs none: this definition keeps the runtime's own out of the link.
int _swift_installCrashHandler(void) { return 0; }

// The runtime draws its seeds for hashing from here, at load, and its own definition ends the process in a sandbox that has no
// random numbers. Hashes need none that nobody can guess: no key of the library's tables comes from the network unchecked.
void swift_stdlib_random(void *bytes, size_t count) {
    unsigned char *next = bytes;
    while (count > 0) {
        size_t step = count < 256 ? count : 256;
        if (csystem_random(next, step) != 0) {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            uint64_t mixed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32 ^ (uintptr_t)&now;
            step = count < sizeof mixed ? count : sizeof mixed;
            mixed *= 0x9e3779b97f4a7c15;
            memcpy(next, &mixed, step);
        }
        next += step;
        count -= step;
    }
}
