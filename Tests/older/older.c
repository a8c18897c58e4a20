/*
 * The library in the form of version 1.0, made of today's: replies end where that version's structs ended, right before an
 * inaccessible page; options that it does not know are refused; functions that it lacked are missing. The bindings are tested
 * with it. CAPDIST_REAL names today's library.
 *
 *   cc -shared -fPIC -Iinclude Tests/older/older.c -Wl,-soname,libcapdist.so.1 -o FOLDER/libcapdist.so.1
 *
 * -DWITH_NEWER_FUNCTIONS: it has those functions, for programs that are linked with them.
 */
#define _GNU_SOURCE
#include <capdist.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "oldest.h"

/* Returns a function of today's library. */
static void *real(const char *name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static void *library;
    pthread_mutex_lock(&lock);
    if (!library) library = dlopen(getenv("CAPDIST_REAL"), RTLD_NOW | RTLD_LOCAL);
    pthread_mutex_unlock(&lock);
    void *found = library ? dlsym(library, name) : NULL;
    if (!found) {
        fprintf(stderr, "older: CAPDIST_REAL names no library with %s\n", name);
        _exit(70);
    }
    return found;
}

#define REAL(name) ((__typeof__(&name))real(#name))
#define FORWARD(result, name, parameters, arguments) \
    result name parameters { return REAL(name) arguments; }

/* ------------------------------------------------------------------------------- structs at the end of their memory -- */

typedef struct guarded {
    capdist_reply *whole;     /* today's reply, if it must be freed */
    void *distribution_guard; /* the memory of the figures */
} guarded;

static size_t page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Copies memory so that the next byte cannot be read. */
static void *cut(const void *from, size_t size) {
    char *start = mmap(NULL, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + page(), page(), PROT_NONE)) abort();
    return memcpy(start + page() - size, from, size);
}

static guarded *guard_of(const void *copy) {
    return (guarded *)((uintptr_t)copy & ~(uintptr_t)(page() - 1));
}

static capdist_reply *older_reply(const capdist_reply *reply, capdist_reply *whole) {
    capdist_reply *older = cut(reply, OLDEST_capdist_reply);
    guarded *guard = guard_of(older);
    older->present &= CAPDIST_HAS_RET_TYPE | CAPDIST_HAS_RET_MSG | CAPDIST_HAS_ERR_CODE;
    guard->whole = whole;
    if (reply->distribution) {
        older->distribution = cut(reply->distribution, OLDEST_capdist_capital_distribution);
        guard->distribution_guard = guard_of(older->distribution);
    }
    return older;
}

static void forget(capdist_reply *older) {
    guarded *guard = guard_of(older);
    if (guard->distribution_guard) munmap(guard->distribution_guard, 2 * page());
    munmap(guard, 2 * page());
}

/* ------------------------------------------------------------------------------------------------------------ replies -- */

typedef struct request {
    capdist_reply_fn on_reply;
    capdist_proto_fn on_proto_reply;
    void *user_data;
} request;

static void replied(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    request asked = *(request *)user_data;
    free(user_data);
    capdist_reply *older = older_reply(reply, NULL);
    asked.on_reply(conn, serial_no, older, asked.user_data);
    forget(older);
}

static void proto_replied(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply, void *user_data) {
    request asked = *(request *)user_data;
    free(user_data);
    capdist_proto_reply *older = cut(reply, OLDEST_capdist_proto_reply);
    older->present &= CAPDIST_HAS_RET_TYPE;
    asked.on_proto_reply(conn, serial_no, older, asked.user_data);
    munmap(guard_of(older), 2 * page());
}

static request *asked(capdist_reply_fn on_reply, capdist_proto_fn on_proto_reply, void *user_data) {
    request *made = malloc(sizeof *made);
    if (!made) abort();
    *made = (request){on_reply, on_proto_reply, user_data};
    return made;
}

/* ------------------------------------------------------------------------------------------------------------ options -- */

static bool knows(const void *options, size_t size, size_t known) {
    for (size_t i = known; i < size; i++) {
        if (((const char *)options)[i] != 0) return false;
    }
    return true;
}

/* The defaults of the fields that the first version knew, and zeros. */
#define INIT(type)                                                                              \
    capdist_status type##_init(type *options, size_t size) {                                    \
        size_t known = size < OLDEST_##type ? size : (size_t)OLDEST_##type;                     \
        capdist_status status = REAL(type##_init)(options, options ? known : size);             \
        if (status != CAPDIST_OK) return status;                                                \
        memset((char *)options + known, 0, size - known);                                       \
        options->struct_size = size;                                                            \
        return status;                                                                          \
    }

INIT(capdist_options)
INIT(capdist_request_options)
INIT(capdist_connection_info)
INIT(capdist_quota)

/* Copies what the first version read from `options`. */
#define KNOWN(type, options, copy)                                                              \
    type copy;                                                                                  \
    if (options) {                                                                              \
        size_t known = options->struct_size < OLDEST_##type ? options->struct_size : (size_t)OLDEST_##type; \
        if (!knows(options, options->struct_size, known)) return CAPDIST_UNSUPPORTED;           \
        memcpy(&copy, options, known);                                                          \
        copy.struct_size = known;                                                               \
        options = &copy;                                                                        \
    }

capdist_status capdist_init_connect(const capdist_options *options, capdist_conn **conn) {
    if (conn) *conn = NULL;
    KNOWN(capdist_options, options, copy)
    return REAL(capdist_init_connect)(options, conn);
}

capdist_status capdist_get_capital_distribution(capdist_conn *conn, const capdist_security *security,
                                                const capdist_request_options *options, capdist_reply_fn callback,
                                                void *user_data, uint32_t *serial_no) {
    KNOWN(capdist_request_options, options, copy)
    request *made = asked(callback, NULL, user_data);
    capdist_status status = REAL(capdist_get_capital_distribution)(conn, security, options, replied, made, serial_no);
    if (status != CAPDIST_OK) free(made);
    return status;
}

capdist_status capdist_send_proto(capdist_conn *conn, uint32_t proto_id, const void *body, size_t length,
                                  const capdist_request_options *options, capdist_proto_fn callback, void *user_data,
                                  uint32_t *serial_no) {
    KNOWN(capdist_request_options, options, copy)
    request *made = asked(NULL, callback, user_data);
    capdist_status status = REAL(capdist_send_proto)(conn, proto_id, body, length, options, proto_replied, made, serial_no);
    if (status != CAPDIST_OK) free(made);
    return status;
}

capdist_status capdist_fetch_capital_distribution(capdist_conn *conn, const capdist_security *security,
                                                  const capdist_request_options *options, capdist_reply **reply) {
    KNOWN(capdist_request_options, options, copy)
    capdist_status status = REAL(capdist_fetch_capital_distribution)(conn, security, options, reply);
    if (reply && *reply) *reply = older_reply(*reply, *reply);
    return status;
}

capdist_reply *capdist_reply_copy(const capdist_reply *reply) {
    if (!reply) return NULL;
    capdist_reply whole = {0};
    memcpy(&whole, reply, OLDEST_capdist_reply);
    capdist_reply *copy = REAL(capdist_reply_copy)(&whole);
    return older_reply(copy, copy);
}

void capdist_reply_free(capdist_reply *reply) {
    if (!reply) return;
    REAL(capdist_reply_free)(guard_of(reply)->whole);
    forget(reply);
}

/* ----------------------------------------------------------------------------------------- functions that are unchanged since
 * 1.0.0 -- */

const char *capdist_version(void) {
    return "1.0.0";
}

FORWARD(const char *, capdist_status_name, (capdist_status status), (status))
FORWARD(const char *, capdist_status_text, (capdist_status status), (status))
FORWARD(const char *, capdist_last_error, (void), ())
FORWARD(capdist_status, capdist_security_parse, (const char *text, capdist_security *security), (text, security))
FORWARD(int64_t, capdist_security_format, (const capdist_security *security, char *buffer, size_t size), (security, buffer, size))
FORWARD(int64_t, capdist_reply_to_json, (const capdist_reply *reply, char *buffer, size_t size), (reply, buffer, size))
FORWARD(capdist_status, capdist_wait_ready, (capdist_conn *conn, int32_t timeout_ms), (conn, timeout_ms))
FORWARD(capdist_status, capdist_release, (capdist_conn *conn), (conn))
FORWARD(int32_t, capdist_get_fd, (capdist_conn *conn), (conn))
FORWARD(capdist_status, capdist_process, (capdist_conn *conn), (conn))
FORWARD(capdist_status, capdist_get_connection_info, (capdist_conn *conn, capdist_connection_info *info), (conn, info))
FORWARD(capdist_status, capdist_get_quota, (capdist_conn *conn, capdist_quota *quota), (conn, quota))
FORWARD(capdist_status, capdist_cancel, (capdist_conn *conn, uint32_t serial_no), (conn, serial_no))

#if defined(WITH_NEWER_FUNCTIONS)
NEWER_FUNCTIONS(FORWARD)
#endif
