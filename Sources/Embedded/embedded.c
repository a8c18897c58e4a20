// What Embedded Swift asks of the C library, where that has none or another library would be needed for it.
#define _GNU_SOURCE
#include "csystem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The seeds of Swift's hashing; glibc has it since 2.36. Hashes need no seed that nobody can guess: no key of the library's tables
// comes from the network unchecked. So a sandbox that has no random numbers is no reason to end the process.
void arc4random_buf(void *bytes, size_t count) {
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

// How large a dictionary is to be; elsewhere libm has it. From 2^52 on every number is whole.
double ceil(double number) {
    if (!(number > -0x1p52 && number < 0x1p52)) return number;
    double whole = (double)(int64_t)number;
    return whole < number ? whole + 1 : whole;
}

// Swift compares texts in their normal form, by tables of 30 KB. The library compares the names of hosts, groups and files, which
// are the same if their bytes are. So each character is told to be normal as it is, and not to combine with others.
uint16_t _swift_stdlib_getNormData(uint32_t character) {
    (void)character;
    return 0;
}
uint32_t _swift_stdlib_getDecompositionEntry(uint32_t character) {
    (void)character;
    return 0;
}
uint32_t _swift_stdlib_getComposition(uint32_t first, uint32_t second) {
    (void)first, (void)second;
    return UINT32_MAX;
}
const uint8_t _swift_stdlib_nfd_decompositions[1];

// All memory of Swift's comes from here (the linker's --wrap). Where there is none, Swift goes on and writes to address 0; so the
// process ends in a defined way, and says why.
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    if (__real_posix_memalign(memory, alignment, size) == 0) return 0;
    char line[80];
    const int length = snprintf(line, sizeof line, "libcapdist: no memory, %zu bytes were asked for\n", size);
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) abort();
    abort();
}

// OpenSSL would load the texts of all its errors, 30 KB, at the first. `copenssl_reason` loads those that TLS and certificates have.
int __wrap_ossl_err_load_crypto_strings(void);
int __wrap_ossl_err_load_crypto_strings(void) { return 1; }
