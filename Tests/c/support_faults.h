/*
 * Many requests over connections to a gateway with faults. Each request is a probe, which records how it completed and checks its
 * reply. Probes need less memory than the clients of support.h, which record every callback.
 */
#ifndef SUPPORT_FAULTS_H
#define SUPPORT_FAULTS_H

#include "support.h"

#include <semaphore.h>
#include <stdatomic.h>

/** Statuses, one bit each. */
typedef uint64_t status_set;
#define SET(name) ((status_set)1 << CAPDIST_##name)

/** The expected amounts of a successful reply. */
typedef enum amounts { RIGHT, ALL_NAN, INFINITE, DENORMAL, ANY_OF_THESE, ANY_AT_ALL } amounts;

/** The expected result of a request. */
typedef struct expectation {
    status_set statuses;    /**< one of these */
    amounts amounts;        /**< with CAPDIST_OK */
    const char *text;       /**< with CAPDIST_OK, the update time; NULL: the correct one, "*": any UTF-8 */
    const int32_t *ret_type; /**< with CAPDIST_REFUSED, if not NULL */
    const char *ret_msg;    /**< with CAPDIST_REFUSED, if not NULL */
} expectation;

enum { MAX_CONNECTIONS = 8 };

typedef struct storm storm;

/** One request. */
typedef struct probe {
    storm *storm;
    const expectation *expected;
    sem_t *window; /**< posted when it has completed; may be NULL */
    const char *wrong; /**< the first error in its reply; NULL: none */
    uint32_t serial_no;
    capdist_status status;
    capdist_status refused; /**< the status, if the call was refused */
    int32_t ret_type;
    _Atomic int completions;
    char code[16];
    uint8_t connection;
    bool is_asked;
} probe;

/** Connections, and all requests made over them. */
struct storm {
    capdist_options options;
    capdist_conn *connections[MAX_CONNECTIONS];
    int connection_count;
    status_set refusals; /**< allowed statuses of refused calls */
    probe *probes;
    size_t probe_count;
    _Atomic size_t completed;
    _Atomic int established, lost, pushed, closed;
    _Atomic int inside[MAX_CONNECTIONS];   /**< callbacks of requests that are running */
    _Atomic int released[MAX_CONNECTIONS]; /**< capdist_release() has returned, so no callback may run */
    _Atomic int is_stuck; /**< a thread has waited too long */
    long release_ms;      /**< the duration of the longest release */
};

/** Options of connections that reconnect soon and have no quota. The storm must stay at its address. */
void prepare_storm(storm *s, int port, int connections, size_t probes);
void open_storm(storm *s);

/** Makes a request. Its probe records how it completes. */
void send_probe(storm *s, size_t index, int connection, const char *code, const expectation *expected,
                int reply_timeout_ms, sem_t *window);

/** Waits until that many requests have completed. */
bool storm_completed(storm *s, size_t count, int timeout_ms);

/** Releases every connection, and records how long that took. */
void release_storm(storm *s);

/** Whether every accepted request completed once, as expected, and all connections are closed. Prints what is wrong. Call it
 *  after release_storm(). */
bool storm_kept_promises(const storm *s, const char *name);

size_t storm_count(const storm *s, capdist_status status);
void free_storm(storm *s);

/** The amounts that the simulator gives HK.`code`: super, big, mid, small; in, then out (docs/simulator.md). */
void derived_amounts(const char *code, double amounts[8]);

/** The seed of this run: CAPDIST_TEST_SEED, or a random one. */
const char *run_seed(void);

#endif
