/**
 * @file
 * A connection that a libuv loop drives, without a thread. Copy this file into your program.
 *
 *     options.mode = CAPDIST_MODE_HOST_DRIVEN;   // numeric addresses only: use uv_getaddrinfo() for names
 *     capdist_init_connect(&options, &conn);
 *     capdist_uv_attach(loop, &adapter, conn);
 *     ...
 *     capdist_uv_release(&adapter, NULL);
 */
#ifndef CAPDIST_UV_H
#define CAPDIST_UV_H

#include <capdist.h>
#include <uv.h>

/** An adapter. The application keeps its memory until `on_end` of capdist_uv_release() is called. */
typedef struct capdist_uv {
    uv_poll_t poll;
    capdist_conn *conn;
} capdist_uv;

static inline void capdist_uv_readable(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    capdist_process(((capdist_uv *)poll->data)->conn);
}

/** Lets `loop` drive `conn`, whose callbacks then run on the loop's thread. Returns 0, or libuv's error. After an error
 *  the adapter is not used, and capdist_release() ends `conn`. */
static inline int capdist_uv_attach(uv_loop_t *loop, capdist_uv *adapter, capdist_conn *conn) {
    int error = uv_poll_init(loop, &adapter->poll, capdist_get_fd(conn));
    if (error != 0) return error;
    adapter->poll.data = adapter;
    adapter->conn = conn;
    error = uv_poll_start(&adapter->poll, UV_READABLE, capdist_uv_readable);
    if (error != 0) uv_close((uv_handle_t *)&adapter->poll, NULL);
    return error;
}

/** Releases the connection. Call it once; a call inside its callbacks is allowed. `on_end`, which may be NULL, receives
 *  the adapter's `poll`. */
static inline void capdist_uv_release(capdist_uv *adapter, uv_close_cb on_end) {
    /* Before the release, which closes the descriptor: uv_close removes it from the loop at once. */
    uv_close((uv_handle_t *)&adapter->poll, on_end);
    capdist_release(adapter->conn);
}

#endif
