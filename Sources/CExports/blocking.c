#define _GNU_SOURCE
#include "blocking.h"

#include "capdist.h"
#include "csystem.h"

#include <pthread.h>

/// Begins a call in which the thread can be cancelled only at pthread_testcancel(). Returns the type to restore.
static int begin_blocking(void) {
    int type;
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    if (type == PTHREAD_CANCEL_ASYNCHRONOUS) csystem_await_cancellation();
    pthread_testcancel();
    return type;
}

CAPDIST_API capdist_status capdist_wait_ready(capdist_conn *conn, int32_t timeout_ms) {
    int64_t deadline = 0;
    capdist_status status;
    const int type = begin_blocking();
    while ((status = blocking_wait_ready(conn, timeout_ms, &deadline)) == BLOCKING_GOES_ON) pthread_testcancel();
    pthread_setcanceltype(type, NULL);
    csystem_give_back();
    return status;
}

CAPDIST_API capdist_status capdist_fetch_capital_distribution(
    capdist_conn *conn, const capdist_security *security, const capdist_request_options *options, capdist_reply **reply) {
    const int type = begin_blocking();
    void *fetch = NULL;
    void **result = (void **)reply;
    capdist_status status = blocking_begin_fetch(conn, security, options, result, &fetch);
    if (fetch) {
        while ((status = blocking_continue_fetch(fetch, result)) == BLOCKING_GOES_ON) {
            // Around this alone: a callback may be left by a jump, which would leave the handler behind.
            pthread_cleanup_push(blocking_abandon_fetch, fetch);
            pthread_testcancel();
            pthread_cleanup_pop(0);
        }
    }
    pthread_setcanceltype(type, NULL);
    csystem_give_back();
    return status;
}
