/*
 * Cases: a fault of the simulator, its result, and many requests that show it. Half of the requests are for the stock that the
 * fault affects, the others for other stocks.
 */
#ifndef SUPPORT_FAULT_CASES_H
#define SUPPORT_FAULT_CASES_H

#include "support_faults.h"

typedef struct fault_case {
    const char *name;
    const char *faults[3];
    expectation bad;  /* of requests for HK.00005 */
    expectation good; /* of all others */
    status_set must;  /* each of these must occur */
    int bad_timeout_ms, good_timeout_ms; /* for the reply; 0: long */
    int queue_timeout_ms, connect_timeout_ms; /* 0: long */
    int linger_ms; /* pause between the storm and the calm */
    status_set refusals; /* statuses of refused calls, once the connection has failed permanently */
    bool keeps_down; /* does not reconnect */
    bool never_stands; /* no connection is established */
    bool pushes; /* pushes come, too */
    bool stays_bad; /* not even good requests are answered after the storm */
} fault_case;

/** One run of a case: a test's initial state. */
typedef struct fault_run {
    const fault_case *fault;
    const char *key; /**< the PEM file of gateway and clients; NULL: no encryption */
    int32_t cipher;
    int32_t transport; /**< CAPDIST_TRANSPORT_* */
} fault_run;

/** A test with that state. */
void run_fault_case(void **state);
int setup_fault_case(void **state);
int teardown_fault_case(void **state);

#define ONLY(set) { .statuses = (set) }
#define BAD(fault) { fault "@HK.00005" }

/* If the connection stays, other requests are answered. */
#define HARMLESS(fault, ...) \
    { .name = fault, .faults = BAD(fault), .bad = { __VA_ARGS__ }, .good = ONLY(SET(OK)) }
#define GREETED(fault) { .name = fault, .faults = { fault }, .bad = ONLY(SET(OK)), .good = ONLY(SET(OK)) }
#define MALFORMED(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(MALFORMED_REPLY)), .good = ONLY(SET(OK)), \
      .must = SET(MALFORMED_REPLY) | SET(OK) }
#define UNANSWERED(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(REPLY_TIMEOUT)), .good = ONLY(SET(OK)), \
      .must = SET(REPLY_TIMEOUT) | SET(OK), .bad_timeout_ms = 100 }
/* If the connection ends, all requests in flight end with it. */
#define DEADLY(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(DISCONNECTED)), .good = ONLY(SET(OK) | SET(DISCONNECTED)), \
      .must = SET(DISCONNECTED) | SET(OK) }
#define REFUSED(text, number) \
    { .name = "ret-type=" text, .faults = BAD("ret-type=" text), \
      .bad = { .statuses = SET(REFUSED), .ret_type = &(const int32_t){ number }, .ret_msg = "出错了 (on demand)" }, \
      .good = ONLY(SET(OK)), .must = SET(REFUSED) | SET(OK) }, \
    { .name = "ret-type-bare=" text, .faults = BAD("ret-type-bare=" text), \
      .bad = { .statuses = SET(REFUSED), .ret_type = &(const int32_t){ number }, .ret_msg = "" }, \
      .good = ONLY(SET(OK)), .must = SET(REFUSED) | SET(OK) }
/* The gateway refuses with its own message. */
#define REFUSED_FOR(fault, text) \
    { .name = fault, .faults = BAD(fault), \
      .bad = { .statuses = SET(REFUSED), .ret_type = &(const int32_t){ -1 }, .ret_msg = text }, \
      .good = ONLY(SET(OK)), .must = SET(REFUSED) | SET(OK) }
/* No connection is established, with and without reconnect. */
#define UNREACHABLE_EVER(fault) \
    { .name = fault, .faults = { fault }, .bad = ONLY(SET(QUEUE_TIMEOUT)), .good = ONLY(SET(QUEUE_TIMEOUT)), \
      .must = SET(QUEUE_TIMEOUT), .queue_timeout_ms = 60, .connect_timeout_ms = 100, .never_stands = true }
#define UNREACHABLE_ONCE(fault, status) \
    { .name = fault ", once", .faults = { fault }, .bad = ONLY(SET(status)), .good = ONLY(SET(status)), \
      .must = SET(status), .connect_timeout_ms = 500, .refusals = SET(NOT_CONNECTED), .keeps_down = true, \
      .never_stands = true }
#define UNREACHABLE(fault, status) UNREACHABLE_EVER(fault), UNREACHABLE_ONCE(fault, status)

#define REPLACED "\xef\xbf\xbd"

#endif
