/*
 * Requests in great number over connections to a gateway with faults: each is a probe that records what became of it,
 * and judges its own reply. Lighter than the clients of support.h, which record every callback.
 */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

#include "support.h"

#include <semaphore.h>
#include <stdatomic.h>

/** Statuses, one bit each. */
typedef uint64_t status_set;
#define SET(name) ((status_set)1 << CAPDIST_##name)

/** What the amounts of a successful reply are to be. */
typedef enum amounts { RIGHT, ALL_NAN, INFINITE, DENORMAL, ANY_OF_THESE, ANY_AT_ALL } amounts;

/** What is to come of a request. */
typedef struct expectation {
    status_set statuses;    /**< any of these */
    amounts amounts;        /**< with CAPDIST_OK */
    const char *text;       /**< with CAPDIST_OK, the update time; NULL: the gateway's right one, "*": any UTF-8 */
    const int32_t *ret_type; /**< with CAPDIST_REFUSED, if not NULL */
    const char *ret_msg;    /**< with CAPDIST_REFUSED, if not NULL */
} expectation;

enum { MAX_CONNECTIONS = 8 };

typedef struct storm storm;

/** One request. */
typedef struct probe {
    storm *storm;
    const expectation *expected;
    sem_t *window; /**< posted when it is complete; may be NULL */
    const char *wrong; /**< the first thing that was wrong with its reply; NULL: nothing */
    uint32_t serial_no;
    capdist_status status;
    capdist_status refused; /**< the call was refused with this */
    int32_t ret_type;
    _Atomic int completions;
    char code[16];
    uint8_t connection;
    bool is_asked;
} probe;

/** Connections, and all requests that were made over them. */
struct storm {
    capdist_options options;
    capdist_conn *connections[MAX_CONNECTIONS];
    int connection_count;
    status_set refusals; /**< what calls may be refused with */
    probe *probes;
    size_t probe_count;
    _Atomic size_t completed;
    _Atomic int established, lost, pushed, closed;
    _Atomic int inside[MAX_CONNECTIONS];   /**< callbacks of requests that run now */
    _Atomic int released[MAX_CONNECTIONS]; /**< capdist_release() has returned: no callback may run */
    _Atomic int is_stuck; /**< a thread waited for longer than anything may take */
    long release_ms;      /**< the longest of all releases */
};

/** Options of connections that come back soon and keep no quota. The storm's address must not change. */
void prepare_storm(storm *s, int port, int connections, size_t probes);
void open_storm(storm *s);

/** Makes a request; its probe records how it ends. */
void send_probe(storm *s, size_t index, int connection, const char *code, const expectation *expected,
                int reply_timeout_ms, sem_t *window);

/** Waits until that many requests are complete. */
bool storm_completed(storm *s, size_t count, int timeout_ms);

/** Releases every connection and notes how long that took. */
void release_storm(storm *s);

/** Whether every request that was accepted completed once, as expected, and all connections are closed; prints what was
 *  not so. To be called after release_storm(). */
bool storm_kept_promises(const storm *s, const char *name);

size_t storm_count(const storm *s, capdist_status status);
void free_storm(storm *s);

/** The amounts that the simulator gives HK.`code`: super, big, mid, small; in, then out (docs/simulator.md). */
void derived_amounts(const char *code, double amounts[8]);

/** The seed of this run: CAPDIST_TEST_SEED, or another each time. */
const char *run_seed(void);

#endif
