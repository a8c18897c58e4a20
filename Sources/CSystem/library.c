// How long the library stays loaded.
#define _GNU_SOURCE
#include "csystem.h"

#include <dlfcn.h>
#include <link.h>

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

void csystem_add_thread(void) { atomic_fetch_add(&living, THREAD); }

void csystem_drop_thread(void) { let_go(THREAD); }

void csystem_remove_thread(void) {
    csystem_thread *thread = csystem_this_thread();
    if (thread->is_counted) let_go(THREAD);
    thread->is_counted = 0;
}

int csystem_is_in_use(void) {
    const uint64_t state = living;
    return count(state, CONNECTION) + count(state, THREAD) > 0;
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
