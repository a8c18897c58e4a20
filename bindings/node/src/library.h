// Loads libcapdist at run time, like the other bindings: the package compiles without it, and an error explains what to
// do if it is missing.
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>

#include "abi.h"

struct library {
#define X(name) __typeof__(name) *name;
    OLDEST_FUNCTIONS(X)
    /// NULL if the loaded library is older and lacks the function.
    NEWER_FUNCTIONS(X)
#undef X
};

/// The library, one for the whole process. Use it only after `library_load` has succeeded on this thread.
extern struct library lib;

/// Loads the file or name `path`, unless a library is loaded already. It stays loaded until the process ends.
/// @return false if it failed, with the reason in `why`
bool library_load(const char *path, char *why, unsigned long size);

#endif
