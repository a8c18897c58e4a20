/**
 * @file
 * libcapdist on a libuv loop: the connection's one descriptor is polled, and no thread is made. Copy it into your program.
 *
 *     options.mode = CAPDIST_MODE_HOST_DRIVEN;   // numeric addresses only: names are uv_getaddrinfo()'s
 *     capdist_init_connect(&options, &conn);
 *     capdist_uv_attach(loop, &adapter, conn);
 *     ...
 *     capdist_uv_release(&adapter, NULL);
 */
#ifndef CAPDIST_UV_H
#define CAPDIST_UV_H

#include <capdist.h>
#include <uv.h>

/** What the loop knows of a connection. The application's memory, until the `on_end` of capdist_uv_release(). */
typedef struct capdist_uv {
    uv_poll_t poll;
    capdist_conn *conn;
} capdist_uv;

static inline void capdist_uv_readable(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    capdist_process(((capdist_uv *)poll->data)->conn);
}

/** Lets `loop` drive `conn`, whose callbacks come on the loop's thread. Returns 0, or libuv's error: then it
 *  drives nothing, and capdist_release() is what ends `conn`. */
static inline int capdist_uv_attach(uv_loop_t *loop, capdist_uv *adapter, capdist_conn *conn) {
    int error = uv_poll_init(loop, &adapter->poll, capdist_get_fd(conn));
    if (error != 0) return error;
    adapter->poll.data = adapter;
    adapter->conn = conn;
    error = uv_poll_start(&adapter->poll, UV_READABLE, capdist_uv_readable);
    if (error != 0) uv_close((uv_handle_t *)&adapter->poll, NULL);
    return error;
}

/** Releases the connection, also from inside its callbacks; once. `on_end`, which may be NULL, is handed the adapter's `poll`. */
static inline void capdist_uv_release(capdist_uv *adapter, uv_close_cb on_end) {
    /* First: it takes the descriptor out of the loop at once, and the release closes it. */
    uv_close((uv_handle_t *)&adapter->poll, on_end);
    capdist_release(adapter->conn);
}

#endif
