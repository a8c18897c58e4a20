#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct library lib;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_loaded;

static bool find_all(void *handle, struct library *found, const char **missing) {
#define X(name)                                              \
    *(void **)(&found->name) = dlsym(handle, #name);         \
    if (!found->name) return *missing = #name, false;
    OLDEST_FUNCTIONS(X)
#undef X
#define X(name) *(void **)(&found->name) = dlsym(handle, #name);
    NEWER_FUNCTIONS(X)
#undef X
    return true;
}

static bool load(const char *path, char *why, unsigned long size) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, size, "%s", dlerror());
        return false;
    }
    struct library found;
    const char *missing = NULL;
    if (!find_all(handle, &found, &missing)) {
        snprintf(why, size, "%s has no %s: it is not libcapdist, or an older one", path, missing);
        dlclose(handle);
        return false;
    }
    // The major number must be equal. Functions that an older library lacks are not called.
    int major = 0;
    const char *version = found.capdist_version();
    if (sscanf(version, "%d.", &major) != 1 || major != CAPDIST_VERSION_MAJOR) {
        snprintf(why, size, "%s is version %s; this package needs %d.x", path, version, CAPDIST_VERSION_MAJOR);
        dlclose(handle);
        return false;
    }
    lib = found;
    return is_loaded = true;
}

bool library_load(const char *path, char *why, unsigned long size) {
    pthread_mutex_lock(&lock);
    bool is_there = is_loaded || load(path, why, size);
    pthread_mutex_unlock(&lock);
    return is_there;
}
