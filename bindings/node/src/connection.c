// A connection in application-driven mode, driven by the event loop of the thread that made it.
//
// The library's callbacks run inside capdist_process and capdist_release. JavaScript must not run there: it could call
// both again. So callbacks only append events to an array. When the call has returned, the JavaScript handler receives
// that array.
//
// A `struct connection` lives until both owners are gone: the JavaScript object, and the poll handle, which libuv
// closes asynchronously. When an environment ends (a worker's may end while the process goes on), the cleanup hook
// makes Node wait for the poll handle.
#include "connection.h"

#include <stdlib.h>
#include <uv.h>

struct connection {
    napi_env env;
    capdist_conn *handle;
    uv_poll_t poll;
    napi_ref handler;
    napi_async_context context;
    napi_async_cleanup_hook_handle hook;
    struct list *events; ///< where callbacks append their events; NULL: events are dropped
    int owners;
    bool is_closed;
};

static void disown(struct connection *connection) {
    if (--connection->owners == 0) free(connection);
}

// ------------------------------------------------------------------------------------------- the library's callbacks --

/// Begins an event. NULL if events are dropped.
static struct list *begin(struct connection *connection, enum event event, napi_handle_scope *scope, struct list *made) {
    if (!connection->events) return NULL;
    // Each event has a scope. Without it, all values of a large batch would stay alive until its end.
    napi_open_handle_scope(connection->env, scope);
    *made = list_make(connection->env);
    push_number(made, event);
    return made;
}

static void end(struct connection *connection, struct list *event, napi_handle_scope scope) {
    push_value(connection->events, event->array);
    napi_close_handle_scope(connection->env, scope);
}

#define EVENT(connection, event, ...)                                                         \
    do {                                                                                      \
        napi_handle_scope scope;                                                              \
        struct list made, *list = begin(connection, event, &scope, &made);                    \
        if (!list) return;                                                                    \
        __VA_ARGS__;                                                                          \
        end(connection, list, scope);                                                         \
    } while (0)

static void on_init_connect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_INIT_CONNECT, push_number(list, (double)err_code), push_text(list, desc));
}

static void on_disconnect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_DISCONNECT, push_number(list, (double)err_code), push_text(list, desc));
}

static void on_attempt_failed(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_ATTEMPT_FAILED, push_number(list, (double)err_code), push_text(list, desc));
}

static void on_push(capdist_conn *conn, uint32_t proto_id, const uint8_t *body, size_t length, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_PUSH, push_number(list, proto_id), push_bytes(list, body, length));
}

static void on_log(capdist_conn *conn, int32_t level, const char *message, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_LOG, push_number(list, level), push_text(list, message));
}

static void on_resolve(capdist_conn *conn, const char *host, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_RESOLVE, push_text(list, host));
}

static void on_reply(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_REPLY, push_number(list, serial_no), push_reply(list, reply));
}

static void on_proto_reply(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply, void *user_data) {
    (void)conn;
    EVENT(user_data, EVENT_PROTO_REPLY, push_number(list, serial_no), push_proto_reply(list, reply));
}

// ----------------------------------------------------------------------------------------------------------- closing --

static void on_poll_closed(uv_handle_t *poll) {
    struct connection *connection = poll->data;
    napi_remove_async_cleanup_hook(connection->hook);
    disown(connection);
}

/// Releases the connection. The events go to `events`; NULL: they are dropped.
static void release(struct connection *connection, struct list *events) {
    if (connection->is_closed) return;
    connection->is_closed = true;
    // Before capdist_release, which closes the descriptor.
    uv_close((uv_handle_t *)&connection->poll, on_poll_closed);
    connection->events = events;
    lib.capdist_release(connection->handle);
    connection->events = NULL;
}

/// Deletes the references to JavaScript. Called after the last event was delivered.
static void delete_references(struct connection *connection) {
    if (connection->handler) napi_delete_reference(connection->env, connection->handler);
    if (connection->context) napi_async_destroy(connection->env, connection->context);
    connection->handler = NULL;
    connection->context = NULL;
}

/// The environment ends, with its worker or with the process. No JavaScript can run.
static void on_environment_ends(napi_async_cleanup_hook_handle hook, void *data) {
    (void)hook;
    release(data, NULL);
    delete_references(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
    (void)env, (void)hint;
    disown(data);
}

// ------------------------------------------------------------------------------------------------------- driving it --

/// Calls the handler with the events. Afterwards Node runs microtasks and next ticks, as after each callback.
static void deliver(struct connection *connection, const struct list *events) {
    napi_env env = connection->env;
    napi_value receiver, handler, error;
    if (events->count == 0) return;
    if (napi_get_global(env, &receiver) != napi_ok) return;
    if (napi_get_reference_value(env, connection->handler, &handler) != napi_ok) return;
    napi_status status = napi_make_callback(env, connection->context, receiver, handler, 1, &events->array, NULL);
    // The handler catches what callbacks throw. An exception here comes from a worker that is being ended, or from a
    // bug.
    if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
        napi_fatal_exception(env, error);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct connection *connection = poll->data;
    napi_handle_scope scope;
    if (connection->is_closed || napi_open_handle_scope(connection->env, &scope) != napi_ok) return;
    connection->owners++;
    struct list batch = list_make(connection->env);
    if (status < 0) {
        // The event loop no longer watches the descriptor. Every request still completes.
        release(connection, &batch);
        deliver(connection, &batch);
        delete_references(connection);
    } else {
        connection->events = &batch;
        lib.capdist_process(connection->handle);
        connection->events = NULL;
        deliver(connection, &batch);
    }
    napi_close_handle_scope(connection->env, scope);
    disown(connection);
}

// ------------------------------------------------------------------------------------------------------- JavaScript --

/// Reads the arguments, and returns their connection; NULL with a pending exception if `this` is not one.
static struct connection *arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
    napi_value this;
    void *connection = NULL;
    napi_get_cb_info(env, info, &count, values, &this, NULL);
    if (napi_unwrap(env, this, &connection) != napi_ok) napi_throw_type_error(env, NULL, "not a Connection");
    return connection;
}

static napi_value number(napi_env env, double value) {
    napi_value result = NULL;
    napi_create_double(env, value, &result);
    return result;
}

/// `new Connection(options, handler)`: starts to connect. It does not keep the event loop alive before `ref`.
static napi_value construct(napi_env env, napi_callback_info info) {
    size_t count = 2;
    napi_value values[2], this, name;
    napi_get_cb_info(env, info, &count, values, &this, NULL);

    capdist_options options;
    struct texts texts = {.count = 0};
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) return throw_status(env, CAPDIST_SYSTEM_ERROR, "out of memory"), NULL;
    connection->env = env;
    lib.capdist_options_init(&options, sizeof options);
    bool is_read = read_options(env, values[0], &options, &texts);
    capdist_status status = CAPDIST_OK;
    if (is_read) {
        options.mode = CAPDIST_MODE_HOST_DRIVEN;
        options.on_init_connect = on_init_connect;
        options.on_disconnect = on_disconnect;
        options.on_push = on_push;
        options.on_log = on_log;
        // An older library refuses fields that it does not know.
        if (lib.capdist_resolved) {
            options.on_attempt_failed = on_attempt_failed;
            options.on_resolve = on_resolve;
        }
        options.user_data = connection;
        status = lib.capdist_init_connect(&options, &connection->handle);
        if (status != CAPDIST_OK) throw_status(env, status, NULL);
    }
    texts_free(&texts);
    if (!is_read || status != CAPDIST_OK) return free(connection), NULL;

    uv_loop_t *loop = NULL;
    napi_get_uv_event_loop(env, &loop);
    if (!loop || uv_poll_init(loop, &connection->poll, lib.capdist_get_fd(connection->handle)) != 0) {
        lib.capdist_release(connection->handle);
        free(connection);
        return throw_status(env, CAPDIST_SYSTEM_ERROR, "the event loop does not take the connection's descriptor"), NULL;
    }
    connection->poll.data = connection;
    connection->owners = 1;
    uv_unref((uv_handle_t *)&connection->poll);
    uv_poll_start(&connection->poll, UV_READABLE, on_readable);
    napi_create_string_utf8(env, "capdist", NAPI_AUTO_LENGTH, &name);
    if (napi_add_async_cleanup_hook(env, on_environment_ends, connection, &connection->hook) != napi_ok ||
        napi_create_reference(env, values[1], 1, &connection->handler) != napi_ok ||
        napi_async_init(env, NULL, name, &connection->context) != napi_ok ||
        napi_wrap(env, this, connection, on_collected, NULL, NULL) != napi_ok) {
        release(connection, NULL);
        delete_references(connection);
        return throw_status(env, CAPDIST_SYSTEM_ERROR, "Node does not take the connection"), NULL;
    }
    connection->owners++;
    return this;
}

/// `close()`: releases the connection. The handler receives the last events before this returns. Calling it again is
/// harmless.
static napi_value js_close(napi_env env, napi_callback_info info) {
    struct connection *connection = arguments(env, info, 0, NULL);
    napi_value receiver, handler, unused;
    if (!connection || connection->is_closed) return NULL;
    struct list events = list_make(env);
    release(connection, &events);
    if (events.count > 0 && napi_get_global(env, &receiver) == napi_ok &&
        napi_get_reference_value(env, connection->handler, &handler) == napi_ok)
        napi_call_function(env, receiver, handler, 1, &events.array, &unused);
    delete_references(connection);
    return NULL;
}

/// Reads the options of a request: queueTimeoutMs, replyTimeoutMs, quotaMode, securityFirm, outageMode, maxAgeMs.
static void read_request_options(napi_env env, const napi_value *values, capdist_request_options *options) {
    lib.capdist_request_options_init(options, sizeof *options);
    options->queue_timeout_ms = read_int(env, values[0]);
    options->reply_timeout_ms = read_int(env, values[1]);
    options->quota_mode = read_int(env, values[2]);
    options->security_firm = read_int(env, values[3]);
    options->outage_mode = read_int(env, values[4]);
    options->max_age_ms = read_int(env, values[5]);
}

/// `ask(security, code, queueTimeoutMs, replyTimeoutMs, quotaMode, securityFirm, outageMode, maxAgeMs)`: returns the
/// serial number.
static napi_value js_ask(napi_env env, napi_callback_info info) {
    napi_value values[8];
    struct connection *connection = arguments(env, info, 8, values);
    capdist_security security;
    capdist_request_options options;
    uint32_t serial_no;
    if (!connection || !read_security(env, values[0], values[1], &security)) return NULL;
    read_request_options(env, values + 2, &options);
    capdist_status status = lib.capdist_get_capital_distribution(connection->handle, &security, &options, on_reply,
                                                                 connection, &serial_no);
    if (status == CAPDIST_OK) return number(env, serial_no);
    throw_status(env, status, NULL);
    return NULL;
}

/// `sendProto(protoId, body, ...)`, with the options of `ask`: returns the serial number.
static napi_value js_send_proto(napi_env env, napi_callback_info info) {
    napi_value values[8];
    struct connection *connection = arguments(env, info, 8, values);
    capdist_request_options options;
    uint32_t proto_id = 0, serial_no;
    void *body = NULL;
    size_t length = 0;
    if (!connection) return NULL;
    napi_get_value_uint32(env, values[0], &proto_id);
    if (napi_get_typedarray_info(env, values[1], NULL, &length, &body, NULL, NULL) != napi_ok)
        return throw_status(env, CAPDIST_INVALID_ARGUMENT, "body: it must be a Uint8Array"), NULL;
    read_request_options(env, values + 2, &options);
    capdist_status status = lib.capdist_send_proto(connection->handle, proto_id, body, length, &options, on_proto_reply,
                                                   connection, &serial_no);
    if (status == CAPDIST_OK) return number(env, serial_no);
    throw_status(env, status, NULL);
    return NULL;
}

/// `cancel(serialNo)`: ends the request, if it has not completed.
static napi_value js_cancel(napi_env env, napi_callback_info info) {
    napi_value values[1];
    struct connection *connection = arguments(env, info, 1, values);
    uint32_t serial_no = 0;
    if (!connection) return NULL;
    napi_get_value_uint32(env, values[0], &serial_no);
    lib.capdist_cancel(connection->handle, serial_no);
    return NULL;
}

/// A copy of a string, which the caller frees; NULL if there is no memory.
static char *copied(napi_env env, napi_value value) {
    size_t length = 0;
    napi_get_value_string_utf8(env, value, NULL, 0, &length);
    char *text = malloc(length + 1);
    if (text && napi_get_value_string_utf8(env, value, text, length + 1, NULL) != napi_ok) text[0] = 0;
    return text;
}

/// `resolved(addresses, why)`: answers with the host's addresses, separated by spaces; or with "" and the reason.
static napi_value js_resolved(napi_env env, napi_callback_info info) {
    napi_value values[2];
    struct connection *connection = arguments(env, info, 2, values);
    if (!connection) return NULL;
    char *addresses = copied(env, values[0]), *why = copied(env, values[1]);
    // Without memory the answer is that the name was not found.
    lib.capdist_resolved(connection->handle, addresses, why);
    free(addresses);
    free(why);
    return NULL;
}

/// `look()`: throws the reason if the connection is not established.
static napi_value js_look(napi_env env, napi_callback_info info) {
    struct connection *connection = arguments(env, info, 0, NULL);
    if (!connection) return NULL;
    // With a timeout of 0 the call does not wait, and no callback runs inside it.
    capdist_status status = lib.capdist_wait_ready(connection->handle, 0);
    if (status != CAPDIST_OK) throw_status(env, status, NULL);
    return NULL;
}

/// `info()`: the array of `info_list`.
static napi_value js_info(napi_env env, napi_callback_info info) {
    struct connection *connection = arguments(env, info, 0, NULL);
    capdist_connection_info known;
    if (!connection) return NULL;
    lib.capdist_connection_info_init(&known, sizeof known);
    capdist_status status = lib.capdist_get_connection_info(connection->handle, &known);
    if (status != CAPDIST_OK) return throw_status(env, status, NULL), NULL;
    return info_list(env, &known);
}

/// `quota()`: the array of `quota_list`.
static napi_value js_quota(napi_env env, napi_callback_info info) {
    struct connection *connection = arguments(env, info, 0, NULL);
    capdist_quota quota;
    if (!connection) return NULL;
    lib.capdist_quota_init(&quota, sizeof quota);
    capdist_status status = lib.capdist_get_quota(connection->handle, &quota);
    if (status != CAPDIST_OK) return throw_status(env, status, NULL), NULL;
    return quota_list(env, &quota);
}

/// `ref()`: the connection keeps the event loop alive.
static napi_value js_ref(napi_env env, napi_callback_info info) {
    struct connection *connection = arguments(env, info, 0, NULL);
    if (connection && !connection->is_closed) uv_ref((uv_handle_t *)&connection->poll);
    return NULL;
}

/// `unref()`: it no longer does.
static napi_value js_unref(napi_env env, napi_callback_info info) {
    struct connection *connection = arguments(env, info, 0, NULL);
    if (connection && !connection->is_closed) uv_unref((uv_handle_t *)&connection->poll);
    return NULL;
}

napi_value connection_class(napi_env env) {
#define METHOD(name, function) {name, NULL, function, NULL, NULL, NULL, napi_default_method, NULL}
    const napi_property_descriptor methods[] = {
        METHOD("close", js_close),   METHOD("ask", js_ask),   METHOD("sendProto", js_send_proto),
        METHOD("cancel", js_cancel), METHOD("look", js_look), METHOD("info", js_info),
        METHOD("quota", js_quota),   METHOD("ref", js_ref),   METHOD("unref", js_unref),
        METHOD("resolved", js_resolved),
    };
    napi_value class = NULL;
    napi_define_class(env, "Connection", NAPI_AUTO_LENGTH, construct, NULL, sizeof methods / sizeof *methods, methods, &class);
    return class;
}
