/* What these programs share. Each is a process of some kind, and reports the first error that it finds. */
#ifndef GUEST_H
#define GUEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capdist.h"

/* The simulator's figure for HK.00700. */
#define BIG 859479380.0

static inline int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A program that may have unloaded the library defines it otherwise, before it includes this. */
#ifndef LAST_ERROR
#define LAST_ERROR() capdist_last_error()
#endif

/* Ends the program with an error. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s; last error: %s\n", __FILE__, __LINE__, #condition, LAST_ERROR());              \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline capdist_options options_for(int port, int32_t mode) {
    capdist_options options;
    MUST(capdist_options_init(&options, sizeof options) == CAPDIST_OK);
    options.port = port;
    options.mode = mode;
    options.quota_requests = 0;
    return options;
}

static inline capdist_conn *open_ready(int port, int32_t mode) {
    capdist_options options = options_for(port, mode);
    capdist_conn *conn = NULL;
    MUST(capdist_init_connect(&options, &conn) == CAPDIST_OK);
    MUST(capdist_wait_ready(conn, 8000) == CAPDIST_OK);
    return conn;
}

static inline capdist_status fetch(capdist_conn *conn, const capdist_request_options *options, double *big) {
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    capdist_reply *reply = NULL;
    capdist_status status = capdist_fetch_capital_distribution(conn, &security, options, &reply);
    if (big) *big = reply && reply->distribution ? reply->distribution->capital_in_big : 0;
    capdist_reply_free(reply);
    return status;
}

static inline bool answers_right(capdist_conn *conn) {
    double big;
    return fetch(conn, NULL, &big) == CAPDIST_OK && big == BIG;
}

#endif
