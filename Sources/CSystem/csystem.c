#define _GNU_SOURCE
#include "csystem.h"

#include "capdist.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local csystem_thread this_thread;

csystem_thread *csystem_this_thread(void) { return &this_thread; }

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

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *csystem_version(void) {
    return VERSION_TEXT(CAPDIST_VERSION_MAJOR, CAPDIST_VERSION_MINOR, CAPDIST_VERSION_PATCH);
}
