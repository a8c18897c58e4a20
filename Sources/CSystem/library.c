// Keeps the library loaded while a connection or a thread of its own lives.
#define _GNU_SOURCE
#include "csystem.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

// A statically linked program has no dynamic loader, so these are missing.
#pragma weak dladdr1
#pragma weak dlopen
#pragma weak dlclose
#pragma weak _r_debug

// The number of connections, of the library's own threads, and of references to itself that the library holds for them.
// All are in one atomic word, so that a fork needs no lock. A thread that outlives its connection takes over that
// connection's reference.
#define REFERENCE ((uint64_t)1)
#define CONNECTION ((uint64_t)1 << 21)
#define THREAD ((uint64_t)1 << 42)
static _Atomic uint64_t living;
static void *_Atomic itself;
// The library's file name. NULL if the loader cannot unload it.
static const char *unloadable;

static uint64_t count(uint64_t state, uint64_t unit) { return state / unit % CONNECTION; }

// A library that a program is linked with stays loaded. The loader lists those before itself, and later ones after
// itself. In a program that was linked with the archive the name is empty.
__attribute__((constructor)) static void find_itself(void) {
    Dl_info info;
    struct link_map *own = NULL;
    if (!dladdr1 || !dlopen || !dladdr1(&living, &info, (void **)&own, RTLD_DL_LINKMAP) || !own) return;
    for (const struct link_map *map = &_r_debug ? _r_debug.r_map : NULL; map && map->l_addr != _r_debug.r_ldbase; map = map->l_next) {
        if (map == own) return;
    }
    if (own->l_name && own->l_name[0]) unloadable = own->l_name;
}

static void take_reference(void *unused) {
    (void)unused;
    void *opened = dlopen(unloadable, RTLD_LAZY | RTLD_NOLOAD);
    if (!opened) return;
    itself = opened;
    atomic_fetch_add(&living, REFERENCE);
}

// Whether the process was forked while another thread loaded a library. The loader's data is then inconsistent: any
// call of it would end the process.
static int is_torn(void) { return csystem_forks() > 0 && &_r_debug && _r_debug.r_state != RT_CONSISTENT; }

void csystem_add_connection(void) {
    atomic_fetch_add(&living, CONNECTION);
    if (unloadable && !is_torn()) take_reference(NULL);
}

enum { LOADER_MS = 100, STACK_BYTES = 128 * 1024 };

// Whether the loader's lock becomes free within `LOADER_MS`. Its holder may be waiting for this very thread: a
// plug-in's destructor waits for a worker thread, which releases a connection. The lock has no function that tries to
// take it, so another thread takes it, together with a reference, which it gives back at its end.
static int loader_is_free(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int cancel_state;
    if (pthread_attr_init(&attributes)) return 1;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = csystem_start_thread(&thread, &attributes, take_reference, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    int is_free = 1;
    if (!error) {
        struct timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_nsec += LOADER_MS * 1000000;
        end.tv_sec += end.tv_nsec / 1000000000;
        end.tv_nsec %= 1000000000;
        is_free = !pthread_timedjoin_np(thread, NULL, &end);
        if (!is_free) pthread_detach(thread);
    }
    pthread_setcancelstate(cancel_state, NULL);
    return is_free;
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
    csystem_thread *thread = csystem_this_thread();
    int32_t *references = &thread->references;
    if (*references == 0) return NULL;
    if (is_torn()) {
        *references = 0;
    } else if (!thread->is_own && !loader_is_free()) {
        // The other thread or the next release gives them back. The library's own threads may wait for the lock: nobody
        // waits for them.
        atomic_fetch_add(&living, (uint64_t)*references * REFERENCE);
        *references = 0;
    }
    if (*references == 0) return NULL;
    for (; *references > 1; --*references) dlclose(itself);
    *references = 0;
    return itself;
}

void csystem_give_back(void) {
    void *last = csystem_give_back_all_but_one();
    if (last) dlclose(last);
}
