/*
 * A fault of the simulator, what comes of it, and the storm of requests that shows it: half of them ask for the stock that
 * the fault acts on, their neighbours for others.
 */
#ifndef SUPPORT_FAULT_CASES_H
#define SUPPORT_FAULT_CASES_H

#include "support_faults.h"

typedef struct fault_case {
    const char *name;
    const char *faults[3];
    expectation bad;  /* of requests for HK.00005 */
    expectation good; /* of all others */
    status_set must;  /* each of these occurs */
    int bad_timeout_ms, good_timeout_ms; /* for the reply; 0: long */
    int queue_timeout_ms, connect_timeout_ms; /* 0: long */
    int linger_ms; /* between the storm and the calm */
    status_set refusals; /* what calls may be refused with, once the connection has failed for good */
    bool keeps_down; /* does not reconnect */
    bool never_stands; /* no connection ever stands */
    bool pushes; /* pushes come to the application, too */
    bool stays_bad; /* not even neighbours are answered after the storm */
} fault_case;

/** One run of a case, each a test's initial state. */
typedef struct fault_run {
    const fault_case *fault;
    const char *key; /**< the PEM file of gateway and clients; NULL: nothing is encrypted */
    int32_t cipher;
    int32_t transport; /**< CAPDIST_TRANSPORT_* */
} fault_run;

/** Of a test of that state. */
void run_fault_case(void **state);
int setup_fault_case(void **state);
int teardown_fault_case(void **state);

#define ONLY(set) { .statuses = (set) }
#define BAD(fault) { fault "@HK.00005" }

/* The neighbours of what ends no line are answered, whatever. */
#define HARMLESS(fault, ...) \
    { .name = fault, .faults = BAD(fault), .bad = { __VA_ARGS__ }, .good = ONLY(SET(OK)) }
#define GREETED(fault) { .name = fault, .faults = { fault }, .bad = ONLY(SET(OK)), .good = ONLY(SET(OK)) }
#define MALFORMED(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(MALFORMED_REPLY)), .good = ONLY(SET(OK)), \
      .must = SET(MALFORMED_REPLY) | SET(OK) }
#define UNANSWERED(fault) \
    { .name = fault, .faults = BAD(fault), .bad = ONLY(SET(REPLY_TIMEOUT)), .good = ONLY(SET(OK)), \
      .must = SET(REPLY_TIMEOUT) | SET(OK), .bad_timeout_ms = 100 }
/* What ends a line takes along whatever is in flight on it. */
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
/* In the gateway's own words. */
#define REFUSED_FOR(fault, text) \
    { .name = fault, .faults = BAD(fault), \
      .bad = { .statuses = SET(REFUSED), .ret_type = &(const int32_t){ -1 }, .ret_msg = text }, \
      .good = ONLY(SET(OK)), .must = SET(REFUSED) | SET(OK) }
/* A gateway that no connection comes to stand with: tried again and again, and once. */
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
