/* Loads the library, uses it, closes it, and loads it again, as a host of plug-ins does: `unload LIBRARY PORT`. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "capdist.h"

enum { ROUNDS = 100, MAX_ENTRIES = 64 };

static int entries_of(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

#define LOAD(name) __typeof__(&name) load_##name = (__typeof__(&name))dlsym(library, #name)

/* One use of the library, from dlopen() to dlclose(). Returns what went wrong, or NULL. */
static const char *use_once(const char *path, int port) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return dlerror();
    LOAD(capdist_options_init);
    LOAD(capdist_init_connect);
    LOAD(capdist_fetch_capital_distribution);
    LOAD(capdist_get_quota);
    LOAD(capdist_quota_init);
    LOAD(capdist_reply_free);
    LOAD(capdist_release);
    capdist_options options;
    capdist_conn *conn = NULL;
    load_capdist_options_init(&options, sizeof options);
    options.port = port;
    options.quota_requests = 1000;
    if (load_capdist_init_connect(&options, &conn) != CAPDIST_OK) return "no connection";
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_reply *reply = NULL;
    if (load_capdist_fetch_capital_distribution(conn, &security, NULL, &reply) != CAPDIST_OK) return "no answer";
    if (reply->distribution->capital_in_big != 859479380) return "wrong figures";
    load_capdist_reply_free(reply);
    capdist_quota quota;
    load_capdist_quota_init(&quota, sizeof quota);
    if (load_capdist_get_quota(conn, &quota) != CAPDIST_OK || quota.used < 1) return "no quota";
    if (load_capdist_release(conn) != CAPDIST_OK) return "not released";
    if (dlclose(library) != 0) return dlerror();
    /* What the library leaves behind it could still be running code that is gone. */
    for (int i = 0; entries_of("/proc/self/task") != 3; i++) {
        if (i == 1000) return "a thread is left";
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    int descriptors = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const char *wrong = use_once(arguments[1], atoi(arguments[2]));
        if (!wrong && round == 0) descriptors = entries_of("/proc/self/fd");
        if (!wrong && entries_of("/proc/self/fd") != descriptors) wrong = "a descriptor is left";
        if (wrong) {
            printf("round %d: %s\n", round, wrong);
            return 1;
        }
    }
    printf("loaded, used and closed %d times\n", ROUNDS);
    return 0;
}
