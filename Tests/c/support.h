/*
 * What the tests of the C interface share: a scripted gateway with its own implementation of the protocol, clients that record
 * every callback, and opend-simulator as a child process.
 *
 * cmocka's assertions leave the test by a jump, so they may run on the main thread only. Callbacks and gateways record, and the
 * main thread waits for that, always with a limit, and asserts.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "capdist.h"

/** The factor for limits of time under a sanitizer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWNESS 10
#endif
#endif
#ifndef SLOWNESS
#define SLOWNESS 1
#endif

/** The longest wait for something that must happen, in milliseconds. Only a failure takes that long, also on a busy machine. */
#define PATIENCE_MS (SLOWNESS == 1 ? 20000 : 30000)
/** What counts as prompt on a busy machine. Otherwise one of the library's own timeouts would pass, 10 s or more. */
#define PROMPT_MS 8000

/* ------------------------------------------------------------------------------------------------ the protocol -- */

enum {
    INIT_CONNECT = 1001,
    GET_GLOBAL_STATE = 1002,
    NOTIFY = 1003,
    KEEP_ALIVE = 1004,
    GET_CAPITAL_DISTRIBUTION = 3212,
    HEADER_SIZE = 44
};

void sha1(const void *bytes, size_t length, uint8_t digest[20]);

/** A protobuf message that is being built. */
typedef struct message {
    size_t length;
    uint8_t bytes[8192];
} message;

void put_bytes(message *m, int field, const void *bytes, size_t length);
void put_double(message *m, int field, double value);
void put_message(message *m, int field, const message *inner);
void put_number(message *m, int field, int64_t value);
void put_text(message *m, int field, const char *text);

/** Finds the first field with that number; false if there is none. A number goes to `*number`, others to `*bytes`, `*length`. */
bool find_field(const uint8_t *message, size_t size, int field, int64_t *number, const uint8_t **bytes, size_t *length);

/** retType 0, and the six required figures with the values base + 1 to base + 6; with `optionals` also the other four fields. */
void put_distribution(message *m, double base, bool optionals);
void put_refusal(message *m, int32_t ret_type, const char *ret_msg);

/** Writes header and body. `out` must have room for both. Returns the frame's length. */
size_t pack_frame(uint8_t *out, uint32_t proto_id, uint32_t serial_no, const void *body, size_t length);

/* ---------------------------------------------------------------------------------------------- scripted gateway -- */

typedef struct gateway gateway;

/** A frame as the gateway received it. */
typedef struct frame {
    uint32_t proto_id;
    uint32_t serial_no;
    int stream;  /**< the connection's index, in the order in which they were accepted */
    int64_t at;  /**< when it came, as now_ms() */
    bool sound;  /**< protobuf format, version 0, reserved bytes 0, correct SHA-1 */
    size_t length;
    uint8_t body[512]; /**< its first bytes */
} frame;

/** Handles a frame, on the gateway's thread. */
typedef void (*frame_fn)(gateway *, const frame *);

enum { MAX_STREAMS = 256 };

struct gateway {
    int port;
    int32_t keep_alive_interval; /**< sent to clients; set it before they connect */
    void *context;               /**< for the test */
    struct gateway_state *state;
};

void gateway_on(gateway *g, uint32_t proto_id, frame_fn answer); /**< proto_id 0: protocols without a handler */
void gateway_reply(gateway *g, const frame *request, const message *body);
void gateway_send(gateway *g, int stream, uint32_t proto_id, uint32_t serial_no, const void *body, size_t length);
void gateway_send_raw(gateway *g, int stream, const void *bytes, size_t length);
void gateway_close_stream(gateway *g, int stream, bool reset); /**< reset: with RST instead of FIN */
void gateway_go_down(gateway *g);   /**< closes every connection and refuses new ones; the port stays reserved */
void gateway_come_back(gateway *g); /**< listens again, on the same port */

int gateway_stream_count(gateway *g); /**< the number of connections that were accepted */
int gateway_frame_count(gateway *g, uint32_t proto_id);
bool gateway_frame(gateway *g, uint32_t proto_id, int index, frame *out);
bool gateway_wait(gateway *g, uint32_t proto_id, int count, int timeout_ms);
bool gateway_wait_streams(gateway *g, int count, int timeout_ms);
bool gateway_wait_closed(gateway *g, int stream, int timeout_ms); /**< by either side */

/** Ready-made answers. */
void accept_init_connect(gateway *, const frame *);
void answer_keep_alive(gateway *, const frame *);
void answer_distribution(gateway *, const frame *); /**< in_big is the code as a number, plus 1 */
void answer_first_only(gateway *, const frame *); /**< answers the first request only: then the quota group has had an answer */
void answer_nothing(gateway *, const frame *);
void answer_by_closing(gateway *, const frame *);
void answer_by_reset(gateway *, const frame *);

/** The code in a request for a capital distribution; "" if there is none. */
void requested_code(const frame *request, char code[CAPDIST_CODE_SIZE]);

/* ----------------------------------------------------------------------------------------------------- recording -- */

/** The bits of `present` that a capdist_reply of this library always has. */
#define LIBRARY_FIELDS (CAPDIST_HAS_RETRY | CAPDIST_HAS_FROM_CACHE | CAPDIST_HAS_AGE_MS)

typedef enum event_kind {
    EVENT_INIT_CONNECT,
    EVENT_DISCONNECT,
    EVENT_PUSH,
    EVENT_LOG,
    EVENT_REPLY,
    EVENT_PROTO_REPLY,
    EVENT_CLOSED,
    EVENT_ATTEMPT_FAILED
} event_kind;

/** A recorded callback. */
typedef struct event {
    event_kind kind;
    capdist_conn *conn;
    uint32_t serial_no;
    uint32_t proto_id;
    int32_t level;
    int64_t err_code;
    int64_t at; /**< now_ms() */
    pid_t thread;
    size_t length;
    capdist_reply reply; /**< of EVENT_REPLY; its pointers are invalid, but may be compared with NULL */
    capdist_status status;
    double in_big;
    char text[600]; /**< desc, message, or the first bytes of a push */
} event;

typedef struct fixture fixture;
typedef struct client client;
typedef void (*hook_fn)(client *, const event *);

/** A connection, with the record of its callbacks. */
struct client {
    fixture *fixture;
    capdist_options options; /**< may be changed before open_client() */
    char quota_group[32];
    capdist_conn *conn;
    hook_fn hook; /**< called in every callback after it was recorded; see set_hook() */
    void *context; /**< for the test */
    client *other; /**< for the test */

    int inside;    /**< callbacks that are running */
    int overlaps;  /**< callbacks that began while another ran */
    int strangers; /**< callbacks with another connection's handle */
    event *events;
    size_t event_count, event_room;
    uint32_t *accepted; /**< serial numbers of accepted requests */
    size_t accepted_count, accepted_room;
};

/** The fixture of a test. setup() makes it. teardown() frees it, and checks for every client of the test: each accepted request
 *  completed exactly once; on_closed came last; callbacks ran on one thread, one at a time, with the client's handle; no thread
 *  and no descriptor is left. */
struct fixture {
    const char *test_name;
    int threads, descriptors; /**< their numbers before the test */
    client *clients[32];
    int client_count;
    gateway *gateways[16];
    int gateway_count;
    pid_t simulators[16];
    int simulator_count;
    int sockets[8];
    int socket_count;
};

/** Whether this program's connections are in application-driven mode (support_driven.c), where callbacks run on several threads,
 *  one at a time. */
bool is_application_driven(void);
/** For tests of the connection's own thread: connections that are opened until the test's end are in thread mode. */
void use_threads(bool on);
/** Keeps new connections from being driven until they are let go, so that a test can make requests before anything has happened.
 *  Does nothing in thread mode, where a thread takes longer to start. */
void hold_the_loop(bool on);

/** Called after the test has closed all descriptors: the loop's descriptor is no longer valid. */
void forget_the_loop(void);

int setup(void **state);
int teardown(void **state);
#define TEST(function) { #function, function, setup, teardown, (void *)(uintptr_t)#function }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

gateway *start_gateway(fixture *f);
gateway *start_gateway_at(fixture *f, const char *address);
void stop_gateway(gateway *g);

/** A client for 127.0.0.1:port that does not reconnect, keeps no quota, and records. */
client *new_client(fixture *f, int port);
void open_client(client *c); /**< capdist_init_connect(), which must succeed */
void open_ready(client *c);  /**< and waits until it is established */
/** The same for a gateway or simulator at `port`. */
client *ready_client(fixture *f, int port);

/** Changes the hook of an open client. */
void set_hook(client *c, hook_fn hook);

/** Requests HK.`code`, which must be accepted. Returns the serial number. */
uint32_t ask(client *c, const char *code);
uint32_t ask_with(client *c, const char *code, const capdist_request_options *options);
void note_accepted(client *c, uint32_t serial_no);

capdist_security security_of(const char *text);
capdist_request_options request_defaults(void);

/** The callbacks that record. Their user_data is the client. */
void record_reply(capdist_conn *, uint32_t, const capdist_reply *, void *user_data);
void record_proto_reply(capdist_conn *, uint32_t, const capdist_proto_reply *, void *user_data);

/** For options.on_attempt_failed, which clients record only if a test sets it. */
void record_attempt_failed(capdist_conn *, int64_t err_code, const char *desc, void *user_data);

bool wait_for(client *c, event_kind kind, int count, int timeout_ms);
int count_of(client *c, event_kind kind);
int count_of_status(client *c, capdist_status status);
/** A copy of the index-th event of that kind, which must be there. */
event event_at(client *c, event_kind kind, int index);
/** The reply to that request, which must be there. */
event reply_to(client *c, uint32_t serial_no);
/** The number of log lines of that level that contain `text`. */
int count_logged(client *c, int32_t level, const char *text);
/** Waits for a log line that contains `text`, since the log may come a moment later. */
bool logged(client *c, int32_t level, const char *text);
/** All callbacks except on_log, in order: "init 0; reply 1 OK; disconnect 11/0; closed". Static text. */
const char *story(client *c);

/* ------------------------------------------------------------------------------------------------------ the rest -- */

/** Starts opend-simulator with these arguments (the last one NULL). Returns its port, or that of its WebSocket if
 *  --websocket-port is among them. */
int start_simulator(fixture *f, ...);
/** Arguments for a simulator with a WebSocket, without or with TLS. */
#define PLAIN_WEBSOCKET "--websocket-port", "0"
#define TLS_WEBSOCKET_AS(certificate)                                                                                  \
    PLAIN_WEBSOCKET, "--tls-cert", VECTORS "/tls/" certificate ".pem", "--tls-key", VECTORS "/tls/key.pem"
#define TLS_WEBSOCKET TLS_WEBSOCKET_AS("server")
/** The CA of the simulator's certificate. */
#define TLS_CA VECTORS "/tls/ca.pem"
void kill_simulator(fixture *f, int index);

/** A loopback port that refuses connections until the end of the test. */
int refused_port(fixture *f);
/** A loopback port that neither accepts nor refuses, so that connecting does not end. */
int stuck_port(fixture *f);

/**
 * Forks a child that ends with this process; returns 0 in the child. A crash ends the child. Otherwise cmocka would handle it as
 * a failed test, and run the teardown in the child, which kills the simulators.
 */
pid_t fork_child(void);

/** Ends the process if a test takes too long, and prints its name. */
void watch(const char *test_name);
void unwatch(void);

int64_t now_ms(void);
void sleep_ms(int ms);
int thread_count(void);
int descriptor_count(void);
/** Waits until there are no more than that; false if there are. /proc may list a joined thread for a moment. */
bool back_to(int threads, int descriptors);

void check_status(capdist_status actual, capdist_status expected, const char *what, const char *file, int line);
#define assert_status(call, expected) check_status(call, expected, #call, __FILE__, __LINE__)
/** The call was refused with that status, and the error text names the argument. */
#define assert_refused(call, expected, name)                                                                           \
    do {                                                                                                               \
        assert_status(call, expected);                                                                                 \
        check_last_error(name, #call, __FILE__, __LINE__);                                                             \
    } while (0)
void check_last_error(const char *name, const char *what, const char *file, int line);
void check_story(client *c, const char *expected, const char *file, int line);
#define assert_story(client, expected) check_story(client, expected, __FILE__, __LINE__)

#endif
