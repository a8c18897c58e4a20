// The library as a whole: how long it stays loaded, its threads, and its end.
#define _GNU_SOURCE
#include "csystem.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>

// A program without a loader, linked with the archive alone, has none of them.
#pragma weak dladdr1
#pragma weak dlopen
#pragma weak dlclose

// What lives, and how many references to itself the library holds meanwhile, in one word: no fork meets a lock here. A thread of
// the library's own may outlive the connection that started it. It takes over that one's reference, since to open another might
// wait for a thread that is just loading something.
#define REFERENCE ((uint64_t)1)
#define CONNECTION ((uint64_t)1 << 21)
#define THREAD ((uint64_t)1 << 42)
static _Atomic uint64_t living;
static void *_Atomic itself;

static uint64_t count(uint64_t state, uint64_t unit) { return state / unit % CONNECTION; }

static void *open_itself(void) {
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1 || !dlopen || !dladdr1(&living, &info, (void **)&map, RTLD_DL_LINKMAP)) return NULL;
    // A program that has the library inside stays.
    return map && map->l_name && map->l_name[0] ? dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
}

void csystem_add_connection(void) {
    void *opened = open_itself();
    if (opened) itself = opened;
    atomic_fetch_add(&living, opened ? CONNECTION + REFERENCE : CONNECTION);
}

static void let_go(uint64_t unit) {
    uint64_t before = living, after, spare;
    do {
        const uint64_t left = count(before, CONNECTION) + count(before, THREAD) - 1;
        spare = count(before, REFERENCE) > left ? count(before, REFERENCE) - left : 0;
        after = before - unit - spare * REFERENCE;
    } while (!atomic_compare_exchange_weak(&living, &before, after));
    csystem_this_thread()->references += (int32_t)spare;
}

void csystem_remove_connection(void) { let_go(CONNECTION); }

void csystem_remove_thread(void) {
    csystem_thread *thread = csystem_this_thread();
    if (thread->is_counted) let_go(THREAD);
    thread->is_counted = 0;
}

void csystem_forget_threads(void) { living -= count(living, THREAD) * THREAD; }

void *csystem_give_back_all_but_one(void) {
    int32_t *references = &csystem_this_thread()->references;
    if (*references == 0) return NULL;
    for (; *references > 1; --*references) dlclose(itself);
    *references = 0;
    return itself;
}

void csystem_give_back(void) {
    void *last = csystem_give_back_all_but_one();
    if (last) dlclose(last);
}

typedef struct start {
    void (*body)(void *);
    void *context;
} start;

typedef void *(*end_of_thread)(void *);

static void *run_thread(void *argument) {
    const start own = *(start *)argument;
    free(argument);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    csystem_begin_own_thread();
    csystem_this_thread()->is_counted = 1;
    own.body(own.context);
    csystem_remove_thread();
    void *last = csystem_give_back_all_but_one();
    if (!last) return NULL;
    // The library may be gone when this returns, so that it returns to the C library.
    __attribute__((musttail)) return ((end_of_thread)(uintptr_t)dlclose)(last);
}

int csystem_start_thread(pthread_t *thread, const pthread_attr_t *attributes, void (*body)(void *), void *context) {
    start *argument = malloc(sizeof *argument);
    if (!argument) return ENOMEM;
    *argument = (start){body, context};
    atomic_fetch_add(&living, THREAD);
    const int error = pthread_create(thread, attributes, run_thread, argument);
    if (error) {
        free(argument);
        let_go(THREAD);
    }
    return error;
}

// At exit other threads go on, and nothing is taken from them. The handler runs before `unload` at exit, and after it when the library
// is unloaded. It has to be set after the program's start: what a program needs is loaded before the loader sets its own, which
// calls `unload`.
static int is_exiting;
static void (*_Atomic unloaded)(void);

static void note_exit(void) { is_exiting = 1; }

void csystem_watch_unload(void (*body)(void)) {
    if (atexit(note_exit) == 0) unloaded = body;
}

__attribute__((destructor)) static void unload(void) {
    csystem_leave_turns();
    const uint64_t state = living;
    const int is_in_use = count(state, CONNECTION) + count(state, THREAD) > 0;
    if (!is_exiting && !is_in_use && unloaded) unloaded();
}
