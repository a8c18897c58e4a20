/*
 * Structs that begin with struct_size, as programs with older and newer headers have them. Each struct ends right before an
 * inaccessible page, and a pattern stands before it. So reading one byte too many crashes the program, and writing one byte too
 * many is detected.
 */
#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

enum { PATTERN = 0xa5 };

typedef struct arena {
    uint8_t *start;
    size_t page;
} arena;

static arena map(void) {
    arena a = {.page = (size_t)sysconf(_SC_PAGESIZE)};
    a.start = mmap(NULL, 2 * a.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (a.start == MAP_FAILED || mprotect(a.start + a.page, a.page, PROT_NONE)) fail_msg("no guarded page");
    return a;
}

static void unmap(arena a) {
    munmap(a.start, 2 * a.page);
}

/* `size` bytes that end at the inaccessible page. */
static void *at_the_end(arena a, size_t size) {
    memset(a.start, PATTERN, a.page);
    return a.start + a.page - size;
}

static bool nothing_before(arena a, size_t size) {
    for (size_t i = 0; i < a.page - size; i++) {
        if (a.start[i] != PATTERN) return false;
    }
    return true;
}

/* The structs as a first, shorter header might have had them. */
typedef struct old_options {
    size_t struct_size;
    const char *host;
    int32_t port;
    int32_t mode;
} old_options;

typedef struct old_request_options {
    size_t struct_size;
    int32_t queue_timeout_ms;
    int32_t reply_timeout_ms;
} old_request_options;

typedef struct old_connection_info {
    size_t struct_size;
    uint64_t conn_id;
} old_connection_info;

typedef struct old_quota {
    size_t struct_size;
    int32_t limit;
    int32_t window_ms;
} old_quota;

typedef capdist_status (*init_fn)(void *, size_t);

/* The four init functions with one type. */
static capdist_status init_options(void *p, size_t size) {
    return capdist_options_init(p, size);
}
static capdist_status init_request_options(void *p, size_t size) {
    return capdist_request_options_init(p, size);
}
static capdist_status init_connection_info(void *p, size_t size) {
    return capdist_connection_info_init(p, size);
}
static capdist_status init_quota(void *p, size_t size) {
    return capdist_quota_init(p, size);
}

static const struct {
    const char *name;
    init_fn init;
    size_t oldest, size;
} kinds[] = {
    {"capdist_options", init_options, sizeof(old_options), sizeof(capdist_options)},
    {"capdist_request_options", init_request_options, sizeof(old_request_options), sizeof(capdist_request_options)},
    {"capdist_connection_info", init_connection_info, sizeof(old_connection_info), sizeof(capdist_connection_info)},
    {"capdist_quota", init_quota, sizeof(old_quota), sizeof(capdist_quota)},
};

static void init_writes_what_the_caller_has_and_no_more(void **state) {
    (void)state;
    arena a = map();
    for (size_t k = 0; k < COUNT(kinds); k++) {
        uint8_t whole[512];
        assert_status(kinds[k].init(whole, kinds[k].size), CAPDIST_OK);
        for (size_t size = kinds[k].oldest; size <= kinds[k].size + 64; size += 8) {
            uint8_t *p = at_the_end(a, size);
            assert_status(kinds[k].init(p, size), CAPDIST_OK);
            assert_true(nothing_before(a, size));
            assert_int_equal(*(size_t *)(void *)p, size);
            /* The defaults do not depend on the size, and fields that this library does not know are 0. */
            for (size_t i = sizeof(size_t); i < size; i++) assert_int_equal(p[i], i < kinds[k].size ? whole[i] : 0);
        }
    }
    unmap(a);
}

static void init_refuses_sizes_that_no_header_had(void **state) {
    (void)state;
    arena a = map();
    for (size_t k = 0; k < COUNT(kinds); k++) {
        const size_t size = kinds[k].size;
        const size_t bad[] = {0, 1, 4, 7, 9, size - 1, size + 1, size - 4, (size_t)1 << 40, SIZE_MAX, SIZE_MAX - 7,
                              (size_t)1 << 63};
        for (size_t i = 0; i < COUNT(bad); i++) {
            uint8_t *p = at_the_end(a, size);
            if (kinds[k].init(p, bad[i]) != CAPDIST_INVALID_ARGUMENT) {
                fail_msg("%s_init took size %zu", kinds[k].name, bad[i]);
            }
            assert_non_null(strstr(capdist_last_error(), kinds[k].name));
            for (size_t at = 0; at < a.page; at++) assert_int_equal(a.start[at], PATTERN);
        }
    }
    unmap(a);
}

static void init_refuses_null(void **state) {
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        assert_status(kinds[k].init(NULL, kinds[k].size), CAPDIST_INVALID_ARGUMENT);
        assert_status(kinds[k].init(NULL, 0), CAPDIST_INVALID_ARGUMENT);
    }
}

static void program_with_the_oldest_options_works(void **state) {
    gateway *g = start_gateway(*state);
    arena a = map();
    old_options *o = at_the_end(a, sizeof *o);
    assert_status(capdist_options_init((capdist_options *)(void *)o, sizeof *o), CAPDIST_OK);
    assert_int_equal(o->port, 11111);
    o->host = "127.0.0.1";
    o->port = g->port;
    capdist_conn *conn;
    assert_status(capdist_init_connect((const capdist_options *)(const void *)o, &conn), CAPDIST_OK);
    assert_status(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_OK);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply;
    assert_status(capdist_fetch_capital_distribution(conn, &security, NULL, &reply), CAPDIST_OK);
    assert_true(reply->distribution->capital_in_big == 701);
    capdist_reply_free(reply);
    assert_status(capdist_release(conn), CAPDIST_OK);
    unmap(a);
}

static void options_cut_anywhere_work(void **state) {
    gateway *g = start_gateway(*state);
    arena a = map();
    for (size_t size = sizeof(old_options); size <= sizeof(capdist_options); size += 8) {
        old_options *o = at_the_end(a, size);
        assert_status(capdist_options_init((capdist_options *)(void *)o, size), CAPDIST_OK);
        o->port = g->port;
        capdist_conn *conn;
        assert_status(capdist_init_connect((const capdist_options *)(const void *)o, &conn), CAPDIST_OK);
        assert_status(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_OK);
        assert_status(capdist_release(conn), CAPDIST_OK);
        assert_true(nothing_before(a, size));
    }
    unmap(a);
}

static void requests_with_older_options_work(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    arena a = map();
    capdist_security security = security_of("HK.00700");
    for (size_t size = sizeof(old_request_options); size <= sizeof(capdist_request_options); size += 8) {
        old_request_options *o = at_the_end(a, size);
        assert_status(capdist_request_options_init((capdist_request_options *)(void *)o, size), CAPDIST_OK);
        o->reply_timeout_ms = PATIENCE_MS;
        const capdist_request_options *options = (const capdist_request_options *)(const void *)o;
        ask_with(c, "00700", options);
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, options, &reply), CAPDIST_OK);
        capdist_reply_free(reply);
        uint32_t serial_no;
        assert_status(capdist_send_proto(c->conn, GET_CAPITAL_DISTRIBUTION, "\x0a\0", 2, options, record_proto_reply, c,
                                         &serial_no),
                      CAPDIST_OK);
        note_accepted(c, serial_no);
        assert_true(nothing_before(a, size));
    }
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 2, PATIENCE_MS));
    unmap(a);
}

static void infos_of_older_programs_are_filled_as_far_as_they_go(void **state) {
    gateway *g = start_gateway(*state);
    client *c = new_client(*state, g->port);
    c->options.quota_requests = 11;
    c->options.quota_window_ms = 2000;
    open_ready(c);
    arena a = map();
    for (size_t size = sizeof(old_connection_info); size <= sizeof(capdist_connection_info) + 32; size += 8) {
        old_connection_info *info = at_the_end(a, size);
        capdist_connection_info *passed = (capdist_connection_info *)(void *)info;
        assert_status(capdist_connection_info_init(passed, size), CAPDIST_OK);
        assert_status(capdist_get_connection_info(c->conn, passed), CAPDIST_OK);
        assert_int_equal(info->struct_size, size);
        assert_true(info->conn_id == 6825683696684969514u);
        assert_true(nothing_before(a, size));
    }
    for (size_t size = sizeof(old_quota); size <= sizeof(capdist_quota) + 32; size += 8) {
        old_quota *quota = at_the_end(a, size);
        capdist_quota *passed = (capdist_quota *)(void *)quota;
        assert_status(capdist_quota_init(passed, size), CAPDIST_OK);
        assert_status(capdist_get_quota(c->conn, passed), CAPDIST_OK);
        assert_int_equal(quota->struct_size, size);
        assert_int_equal(quota->limit, 11);
        assert_int_equal(quota->window_ms, 2000);
        assert_true(nothing_before(a, size));
    }
    unmap(a);
}

static void struct_sizes_that_no_header_had_are_refused(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    static const size_t bad[] = {0, 1, 7, 9, 23, (size_t)1 << 40, SIZE_MAX, SIZE_MAX - 7, (size_t)1 << 63};
    for (size_t i = 0; i < COUNT(bad); i++) {
        capdist_options options = c->options;
        options.struct_size = bad[i];
        capdist_conn *conn = c->conn;
        assert_refused(capdist_init_connect(&options, &conn), CAPDIST_INVALID_ARGUMENT, "capdist_options");
        assert_null(conn);

        capdist_request_options request = request_defaults();
        request.struct_size = bad[i];
        capdist_security security = security_of("HK.00700");
        uint32_t serial_no = 77;
        assert_refused(capdist_get_capital_distribution(c->conn, &security, &request, record_reply, c, &serial_no),
                       CAPDIST_INVALID_ARGUMENT, "capdist_request_options");
        assert_int_equal(serial_no, 0);
        capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
        assert_refused(capdist_fetch_capital_distribution(c->conn, &security, &request, &reply),
                       CAPDIST_INVALID_ARGUMENT, "capdist_request_options");
        assert_null(reply);
        serial_no = 77;
        assert_refused(
            capdist_send_proto(c->conn, GET_GLOBAL_STATE, "", 0, &request, record_proto_reply, c, &serial_no),
            CAPDIST_INVALID_ARGUMENT, "capdist_request_options");
        assert_int_equal(serial_no, 0);

        capdist_connection_info info = {.struct_size = bad[i], .conn_id = 5};
        assert_refused(capdist_get_connection_info(c->conn, &info), CAPDIST_INVALID_ARGUMENT,
                       "capdist_connection_info");
        assert_true(info.conn_id == 5 && info.struct_size == bad[i]);
        capdist_quota quota = {.struct_size = bad[i], .limit = 5};
        assert_refused(capdist_get_quota(c->conn, &quota), CAPDIST_INVALID_ARGUMENT, "capdist_quota");
        assert_true(quota.limit == 5 && quota.struct_size == bad[i]);
    }
    assert_story(c, "init 0");
}

/* As a program with a newer header has them: with fields at the end that this library does not know. */
typedef struct newer_options {
    capdist_options known;
    uint64_t unknown[4];
} newer_options;

typedef struct newer_request_options {
    capdist_request_options known;
    uint64_t unknown[4];
} newer_request_options;

static void unknown_tail_of_options_is_accepted_while_zero(void **state) {
    gateway *g = start_gateway(*state);
    newer_options o;
    memset(&o, PATTERN, sizeof o);
    assert_status(capdist_options_init(&o.known, sizeof o), CAPDIST_OK);
    assert_int_equal(o.known.struct_size, sizeof o);
    o.known.port = g->port;
    capdist_conn *conn;
    assert_status(capdist_init_connect(&o.known, &conn), CAPDIST_OK);
    assert_status(capdist_wait_ready(conn, PATIENCE_MS), CAPDIST_OK);
    assert_status(capdist_release(conn), CAPDIST_OK);
    for (size_t i = 0; i < sizeof o.unknown; i++) {
        memset(o.unknown, 0, sizeof o.unknown);
        ((uint8_t *)o.unknown)[i] = 1;
        conn = (capdist_conn *)(uintptr_t)0xa5;
        assert_status(capdist_init_connect(&o.known, &conn), CAPDIST_UNSUPPORTED);
        assert_null(conn);
    }
}

static void unknown_tail_of_request_options_is_accepted_while_zero(void **state) {
    gateway *g = start_gateway(*state);
    client *c = ready_client(*state, g->port);
    newer_request_options o;
    memset(&o, PATTERN, sizeof o);
    assert_status(capdist_request_options_init(&o.known, sizeof o), CAPDIST_OK);
    ask_with(c, "00700", &o.known);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    capdist_security security = security_of("HK.00700");
    for (size_t i = 0; i < sizeof o.unknown; i++) {
        memset(o.unknown, 0, sizeof o.unknown);
        ((uint8_t *)o.unknown)[i] = 0x80;
        uint32_t serial_no = 77;
        assert_status(capdist_get_capital_distribution(c->conn, &security, &o.known, record_reply, c, &serial_no),
                      CAPDIST_UNSUPPORTED);
        assert_int_equal(serial_no, 0);
        capdist_reply *reply = (capdist_reply *)(uintptr_t)0xa5;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, &o.known, &reply), CAPDIST_UNSUPPORTED);
        assert_null(reply);
    }
    assert_int_equal(count_of(c, EVENT_REPLY), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(init_writes_what_the_caller_has_and_no_more),
        TEST(init_refuses_sizes_that_no_header_had),
        TEST(init_refuses_null),
        TEST(program_with_the_oldest_options_works),
        TEST(options_cut_anywhere_work),
        TEST(requests_with_older_options_work),
        TEST(infos_of_older_programs_are_filled_as_far_as_they_go),
        TEST(struct_sizes_that_no_header_had_are_refused),
        TEST(unknown_tail_of_options_is_accepted_while_zero),
        TEST(unknown_tail_of_request_options_is_accepted_while_zero),
    };
    return cmocka_run_group_tests_name("layouts", tests, NULL, NULL);
}
