// Functions that Embedded Swift needs and that the C library lacks, or that would need one more library.
#define _GNU_SOURCE
#include "csystem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Seeds Swift's hashing; glibc has it since 2.36. The seeds need not be secret: no key of the library's tables comes
// from the network unchecked. So the process goes on in a sandbox that has no random numbers.
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

// Swift computes the size of a dictionary with it. It is usually in libm. Numbers from 2^52 on have no fraction.
double ceil(double number) {
    if (!(number > -0x1p52 && number < 0x1p52)) return number;
    double whole = (double)(int64_t)number;
    return whole < number ? whole + 1 : whole;
}

// Swift compares texts in their normal form and has tables of 30 KB for it. The library compares names of hosts, groups
// and files, which are equal if their bytes are. So every character is said to be normal and not to combine with
// others.
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

// All of Swift's memory comes from here (the linker's --wrap). Without a check Swift would write to address 0 when
// there is no memory. So the process ends in a defined way, and says why.
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    if (__real_posix_memalign(memory, alignment, size) == 0) return 0;
    char line[80];
    const int length = snprintf(line, sizeof line, "libcapdist: no memory, %zu bytes were asked for\n", size);
    if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) abort();
    abort();
}

// OpenSSL would load the texts of all its errors, 30 KB, at the first error. `copenssl_reason` loads those of TLS and
// certificates only.
int __wrap_ossl_err_load_crypto_strings(void);
int __wrap_ossl_err_load_crypto_strings(void) { return 1; }
