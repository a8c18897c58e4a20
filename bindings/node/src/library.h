// libcapdist, loaded at run time as the other bindings do: the package compiles without it, and a library that is missing is
// told in words.
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>

#include <capdist.h>

#define LIBRARY_FUNCTIONS(X)     \
    X(capdist_version)           \
    X(capdist_status_name)       \
    X(capdist_last_error)        \
    X(capdist_security_parse)    \
    X(capdist_options_init)      \
    X(capdist_request_options_init) \
    X(capdist_init_connect)      \
    X(capdist_wait_ready)        \
    X(capdist_release)           \
    X(capdist_get_fd)            \
    X(capdist_process)           \
    X(capdist_resolved)          \
    X(capdist_connection_info_init) \
    X(capdist_get_connection_info) \
    X(capdist_quota_init)        \
    X(capdist_get_quota)         \
    X(capdist_get_capital_distribution) \
    X(capdist_cancel)            \
    X(capdist_send_proto)

struct library {
#define X(name) __typeof__(name) *name;
    LIBRARY_FUNCTIONS(X)
#undef X
    /// NULL: an older library of the same major version lacks it.
    __typeof__(capdist_status_retry) *capdist_status_retry;
};

/// The process's one copy, whichever thread loaded it. To be used after `library_load` has succeeded on this thread.
extern struct library lib;

/// Loads the file or name `path`, unless a library is loaded already; it stays for as long as the process lives.
/// @return false: `why` tells
bool library_load(const char *path, char *why, unsigned long size);

#endif
