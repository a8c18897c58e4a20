/* What libcapdist costs a process that asks once: loads it, calls it, connects, asks, and tells the time and the memory of each as a
 * line of JSON. once LIBRARY PORT [KEY CIPHER | websocket | tls CA] IDLE-MS: then waits, and tells how often its threads woke. */
#include "capdist.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOAD(name) __typeof__(&name) call_##name = (__typeof__(&name))(uintptr_t)dlsym(library, #name)

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void fail(const char *what, long number)
{
    fprintf(stderr, "once: %s: %ld\n", what, number);
    exit(1);
}

/* The sum of a field over a file of /proc. */
static long told(const char *path, const char *field)
{
    FILE *file = fopen(path, "r");
    char line[512];
    long sum = 0, value;
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0 && sscanf(line + strlen(field), ": %ld", &value) == 1) sum += value;
    fclose(file);
    return sum;
}

/* Of all threads but this one. */
static long wake_ups(void)
{
    DIR *tasks = opendir("/proc/self/task");
    char path[300];
    long sum = 0;
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        if (task->d_name[0] == '.' || atoi(task->d_name) == getpid()) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        sum += told(path, "voluntary_ctxt_switches");
    }
    if (tasks) closedir(tasks);
    return sum;
}

int main(int count, char **words)
{
    if (count < 4 || count > 6) fail("usage: once LIBRARY PORT [KEY CIPHER | websocket | tls CA] IDLE-MS", count);
    const double start = now_us();
    void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
    const double loaded = now_us();
    if (!library) fail(dlerror(), 0);
    LOAD(capdist_options_init);
    LOAD(capdist_init_connect);
    LOAD(capdist_wait_ready);
    LOAD(capdist_fetch_capital_distribution);
    LOAD(capdist_security_parse);
    LOAD(capdist_reply_free);
    LOAD(capdist_release);
    capdist_options options;
    const double before = now_us();
    call_capdist_options_init(&options, sizeof options);
    const double called = now_us();
    options.port = atoi(words[2]);
    options.quota_requests = 0;
    if (count == 5) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET;
    } else if (count == 6 && strcmp(words[3], "tls") == 0) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        options.tls_ca_file = words[4];
    } else if (count == 6) {
        options.rsa_private_key_file = words[3];
        options.packet_cipher = atoi(words[4]);
    }
    capdist_security security;
    call_capdist_security_parse("HK.00700", &security);
    capdist_conn *conn;
    capdist_status status = call_capdist_init_connect(&options, &conn);
    if (status == CAPDIST_OK) status = call_capdist_wait_ready(conn, 10000);
    if (status != CAPDIST_OK) fail("no connection", status);
    capdist_reply *reply;
    status = call_capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
    if (status != CAPDIST_OK) fail("no answer", status);
    call_capdist_reply_free(reply);
    const long resident = told("/proc/self/smaps_rollup", "Rss"), dirty = told("/proc/self/smaps_rollup", "Private_Dirty");
    const int idle_ms = atoi(words[count - 1]);
    const long woke = wake_ups();
    if (idle_ms > 0) usleep(idle_ms * 1000);
    printf("{\"dlopen_us\": %.1f, \"first_call_us\": %.1f, \"resident_kib\": %ld, \"dirty_kib\": %ld, \"wake_ups\": %ld}\n",
           loaded - start, called - before, resident, dirty, idle_ms > 0 ? wake_ups() - woke : 0);
    call_capdist_release(conn);
    return 0;
}
