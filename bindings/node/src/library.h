// libcapdist, loaded at run time as the other bindings do: the package compiles without it, and a library that is missing is
// told in words.
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>

#include "abi.h"

struct library {
#define X(name) __typeof__(name) *name;
    OLDEST_FUNCTIONS(X)
    /// NULL: an older library of the same major version lacks it.
    NEWER_FUNCTIONS(X)
#undef X
};

/// The process's one copy, whichever thread loaded it. To be used after `library_load` has succeeded on this thread.
extern struct library lib;

/// Loads the file or name `path`, unless a library is loaded already; it stays for as long as the process lives.
/// @return false: `why` tells
bool library_load(const char *path, char *why, unsigned long size);

#endif
