/**
 * @file capdist.h
 * @brief libcapdist: who put money into a stock today and who took it out.
 *
 * Fetches a stock's capital distribution (Qot_GetCapitalDistribution, protocol 3212) from a local
 * OpenD gateway of Futu or moomoo. C99, usable from C++.
 *
 * @section first The shortest program
 * @code
 * capdist_options options;
 * capdist_options_init(&options, sizeof options);
 * capdist_conn *conn;
 * if (capdist_init_connect(&options, &conn) != CAPDIST_OK) { puts(capdist_last_error()); return 1; }
 * if (capdist_wait_ready(conn, 5000) != CAPDIST_OK) puts(capdist_last_error());
 * capdist_security security;
 * capdist_security_parse("HK.00700", &security);
 * capdist_reply *reply;
 * capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
 * if (reply && reply->distribution) printf("%.0f\n", reply->distribution->capital_in_big);
 * capdist_reply_free(reply);
 * capdist_release(conn);
 * @endcode
 *
 * @section threads Threads and callbacks
 * - Each connection has one thread of its own, the <em>connection's thread</em>. It makes every callback of that
 *   connection, one at a time, in order, while no lock of the library is held. In host-driven mode
 *   (#CAPDIST_MODE_HOST_DRIVEN) there is none: the connection's thread is then whichever of the host's is inside
 *   capdist_process(), or another of the calls named there.
 * - Every function here may be called from any thread and from inside any callback, of this connection or of
 *   another. The two that would wait for the thread they are on (capdist_wait_ready() and
 *   capdist_fetch_capital_distribution()) answer #CAPDIST_WOULD_DEADLOCK inside any callback.
 * - No callback runs inside capdist_init_connect(), a request or capdist_cancel().
 * - A callback that does not return holds up its connection: other callbacks, answers, time-outs, keep-alives (OpenD
 *   drops a client it has not heard from for 30 s). It holds up no other connection, and no call but a
 *   capdist_release() of the same connection. Keep callbacks short.
 * - Exceptions (C++) and jumps (longjmp, a runtime's error) must not leave a callback. On a connection's own thread they end
 *   the process; where the thread itself is ended there (pthread_exit), that connection fails for good, and another thread
 *   takes its place and completes what was accepted. In host-driven mode that connection fails for good, since the call it
 *   was in never came to its end; it is told so and ended by capdist_release(), on that thread or once that thread has
 *   called again or ended. The thread's other connections go on working. A little memory is lost each time.
 * - A thread can be cancelled (pthread_cancel): inside a callback, as the application has it there, which leaves that callback;
 *   in capdist_wait_ready() and capdist_fetch_capital_distribution(), which clean up, withdraw the request, and end within a
 *   tenth of a second; in no other call. A connection's own thread is never cancelled.
 * - After fork, the child may use no connection of its parent's: every call on one answers #CAPDIST_FORKED. The
 *   child's copies of its descriptors are closed at the fork, so that capdist_release() has nothing left to do and is harmless.
 *   New connections work, and start with the quota's history.
 *   A child that was forked inside a callback is inside none, and may wait; it must not return from the callback: it is
 *   ended there (`_exit(1)`), since to go on would take its parent's answers away. In host-driven mode it may return:
 *   the call that made the callback answers #CAPDIST_FORKED.
 *
 * @section promises What a host can build on
 * - Every request that was accepted (the call returned #CAPDIST_OK) completes exactly once: with the gateway's
 *   answer or with the reason there is none.
 * - After capdist_release() has returned outside a callback, no callback runs and no thread or descriptor is left
 *   (but for a look-up of a name or a reading of certificates still under way, which nobody can hurry and which touches
 *   nothing of the host's).
 * - The library raises no signal, installs no handler, prints nothing, and reads no variable of the environment.
 *
 * @section ownership Ownership
 * Strings and structs passed in are copied before the call returns; strings are UTF-8 and NUL-terminated. What a
 * callback is handed lives until the callback returns: capdist_reply_copy() keeps a reply longer. Only replies from
 * capdist_reply_copy() and capdist_fetch_capital_distribution() are to be freed, with capdist_reply_free().
 *
 * @section growing Growing without breaking
 * Structs that begin with `struct_size` are initialised with their `_init` function, called with `sizeof`; the library
 * never touches bytes beyond that size, so a program built with an older header goes on working. Structs that the
 * library hands out grow only at their end: reach them by pointer and never copy them by assignment. Enumerators have
 * fixed values that are never used again for another meaning.
 */
#ifndef CAPDIST_H
#define CAPDIST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each function is marked with it: exported, whatever a program's own -fvisibility is. An includer may define it, empty for
 * readers of C that know no attributes (docs/foreign.md). */
#if !defined(CAPDIST_API)
#if defined(__GNUC__)
#define CAPDIST_API __attribute__((visibility("default")))
#else
#define CAPDIST_API
#endif
#endif

/** @name Version of this header
 *  capdist_version() tells the library's own. Same major number: compatible, whichever is older.
 *  @{ */
/** Another number: programs must be compiled again (docs/abi.md). */
#define CAPDIST_VERSION_MAJOR 1
/** A higher number: there is more. */
#define CAPDIST_VERSION_MINOR 0
/** A higher number: something was mended. */
#define CAPDIST_VERSION_PATCH 0
/** @} */

/** A connection to one gateway. Opaque: a handle that is looked up and never dereferenced, so a handle that was
 *  released is safe to pass, from any thread: the call answers #CAPDIST_RELEASED. */
typedef struct capdist_conn capdist_conn;

/* ---------------------------------------------------------------------------------------------------- statuses -- */

/** What became of a request or a call; one of the `CAPDIST_` statuses below. */
typedef int32_t capdist_status;

/** Statuses. capdist_status_name() gives the constant's name, capdist_status_text() a sentence. */
enum {
    /** Done; for a reply: the gateway answered and `distribution` is there. */
    CAPDIST_OK = 0,

    /* How a request completed. */
    /** The gateway answered with a retType other than 0: `ret_type`, `ret_msg` and `err_code` tell why. */
    CAPDIST_REFUSED = 1,
    /** The gateway refused for frequency; nothing of the quota group is sent for `retry_after_ms`. With `was_sent` 0 it
     *  refused another request, before this one, asked in fail mode, had a connection to be sent on. */
    CAPDIST_RATE_LIMITED = 2,
    /** Timed out before it was sent (waiting for the quota or for a connection): safe to repeat. */
    CAPDIST_QUEUE_TIMEOUT = 3,
    /** Sent, and no answer came within the reply timeout, or to the WebSocket relay in its own time. */
    CAPDIST_REPLY_TIMEOUT = 4,
    /** The connection was lost after the request was sent, or for good before it was (`was_sent` tells). */
    CAPDIST_DISCONNECTED = 5,
    /** The answer's SHA-1 is wrong, or it is no valid protobuf, or it lacks a required field. */
    CAPDIST_MALFORMED_REPLY = 6,
    /** Ended by capdist_cancel(). */
    CAPDIST_CANCELLED = 7,
    /** The connection was released; also what every call on a released handle returns. */
    CAPDIST_RELEASED = 8,

    /* Why there is no connection: from capdist_wait_ready(), for requests that were queued when an attempt failed for good,
     * and for those that do not wait for an outage to pass (#CAPDIST_OUTAGE_FAIL). */
    /** The gateway could not be reached: name not found, port refused, network unreachable, ... */
    CAPDIST_CONNECT_FAILED = 16,
    /** No connection, or no answer to InitConnect or InitWebSocket, in time; a WebSocket key that is not the gateway's is met
     *  with silence, too. */
    CAPDIST_CONNECT_TIMEOUT = 17,
    /** The gateway refused InitConnect or InitWebSocket, as OpenD does while it waits for a code: tried again by itself while
     *  `reconnect` is 1. */
    CAPDIST_CONNECT_REFUSED = 18,
    /** The peer broke the protocol (bad magic, impossible length, unknown body format, no upgrade to WebSocket): is that port
     *  OpenD's? */
    CAPDIST_PROTOCOL_ERROR = 19,
    /** Encryption was asked for and is not happening, or a body could not be decrypted. */
    CAPDIST_ENCRYPTION_FAILED = 20,
    /** TLS could not be set up, or the gateway's certificate was not accepted; the latter is final, whatever `reconnect` is. */
    CAPDIST_TLS_FAILED = 21,

    /* Why a call was refused. Nothing was changed and no callback will come of it. */
    /** An argument is NULL, empty, too long, not UTF-8 or out of range; capdist_last_error() names it. */
    CAPDIST_INVALID_ARGUMENT = 32,
    /** `max_queue` requests of this connection are waiting or in flight. */
    CAPDIST_QUEUE_FULL = 33,
    /** Fail mode, and no slot of the quota is free. */
    CAPDIST_QUOTA_EXHAUSTED = 34,
    /** The connection has failed for good: release it and make a new one. */
    CAPDIST_NOT_CONNECTED = 35,
    /** The call would wait for the thread it is on. */
    CAPDIST_WOULD_DEADLOCK = 36,
    /** Another thread is in a call that only one may be in (capdist_process). */
    CAPDIST_BUSY = 37,
    /** The handle comes from before a fork: only capdist_release() is of use. */
    CAPDIST_FORKED = 38,
    /** Not built into this library, or asked for by a newer header than this library knows. */
    CAPDIST_UNSUPPORTED = 39,
    /** Host-driven mode looks up no name, which may take seconds: give `on_resolve`, or an address (over WebSocket the name is then
     *  the `tls_server_name`). */
    CAPDIST_NEEDS_ADDRESS = 40,
    /** An open connection of the same quota group was given other figures. */
    CAPDIST_QUOTA_CONFLICT = 41,
    /** No request with that serial number is queued or in flight: it has completed, or never was. */
    CAPDIST_NOT_FOUND = 42,
    /** The operating system refused (threads, descriptors, memory); capdist_last_error() says what. */
    CAPDIST_SYSTEM_ERROR = 43
};

/** The constant's name, such as "CAPDIST_OK"; "CAPDIST_UNKNOWN" for a number that is no status. Static text. */
CAPDIST_API const char *capdist_status_name(capdist_status status);

/** The status as one English sentence for people. Static text. */
CAPDIST_API const char *capdist_status_text(capdist_status status);

/** Whether it is of use to ask again: capdist_reply.retry, capdist_proto_reply.retry, capdist_status_retry(). */
enum {
    /** Not known: the gateway's words tell nothing, or the answer was damaged. Also where nothing failed. */
    CAPDIST_RETRY_UNKNOWN = 0,
    /** The same request can not succeed: an unknown stock, no right to the quote, a connection that is over. */
    CAPDIST_RETRY_NEVER = 1,
    /** It may succeed later: a timeout, a lost line, a gateway that lost the vendor's servers. */
    CAPDIST_RETRY_LATER = 2,
    /** It may succeed after `retry_after_ms`. */
    CAPDIST_RETRY_AFTER = 3
};

/**
 * What a status alone tells of asking again. For a reply, read its `retry`, which also knows the gateway's words. For a
 * call that was refused it is all there is: a call refused as #CAPDIST_QUOTA_EXHAUSTED may be made again later.
 * @return one of `CAPDIST_RETRY_*`; #CAPDIST_RETRY_UNKNOWN for a number that is no status
 */
CAPDIST_API int32_t capdist_status_retry(capdist_status status);

/** The calling thread's last refused call in words, with what to do next where that is known; cut after 511 bytes.
 *  Never NULL; "" if no call was refused yet. Lives until the next refused call on this thread; a call that succeeds does not change it. */
CAPDIST_API const char *capdist_last_error(void);

/** The library's version as text, such as "1.0.0". Static text. */
CAPDIST_API const char *capdist_version(void);

/* -------------------------------------------------------------------------------------------------- securities -- */

/** Markets (Qot_Common.QotMarket), with what capdist_security_parse() knows each by, before the first dot. A market
 *  that is not listed can be asked for by its number, from 1 up; whether there is such a market the gateway decides. */
enum {
    CAPDIST_MARKET_HK = 1,        /**< `HK`: Hong Kong */
    CAPDIST_MARKET_HK_FUTURE = 2, /**< `HK_FUTURE`: Hong Kong futures */
    CAPDIST_MARKET_US = 11,       /**< `US`: United States */
    CAPDIST_MARKET_SH = 21,       /**< `SH`: Shanghai */
    CAPDIST_MARKET_SZ = 22,       /**< `SZ`: Shenzhen */
    CAPDIST_MARKET_SG = 31,       /**< `SG`: Singapore */
    CAPDIST_MARKET_JP = 41,       /**< `JP`: Japan */
    CAPDIST_MARKET_AU = 51,       /**< `AU`: Australia */
    CAPDIST_MARKET_MY = 61,       /**< `MY`: Malaysia */
    CAPDIST_MARKET_CA = 71,       /**< `CA`: Canada */
    CAPDIST_MARKET_FX = 81,       /**< `FX`: foreign exchange */
    CAPDIST_MARKET_CC = 91,       /**< `CC`: crypto currencies */
    CAPDIST_MARKET_EC = 101       /**< `EC`: event contracts */
};

/** Bytes of capdist_security.code, the NUL included. */
#define CAPDIST_CODE_SIZE 60

/** A stock, warrant or fund: market and code. Frozen: never changes. */
typedef struct capdist_security {
    int32_t market;               /**< `CAPDIST_MARKET_*`, or another number above 0 */
    char code[CAPDIST_CODE_SIZE]; /**< "00700", "AAPL", "BRK.B": printable UTF-8, NUL-terminated, not empty */
} capdist_security;

/**
 * Reads "HK.00700". The first dot separates; the code may hold dots ("US.BRK.B", "US..DJI"). Blanks and line ends around
 * the text are skipped (no-break, zero-width and ideographic ones and a byte order mark, too), and the market may be written
 * in lower case. A text that is all in lower case is read as upper
 * case ("us.aapl" is US.AAPL); else the code's case counts ("HK.HSImain"). "#999.X" is the code X of the market with the
 * number 999.
 * @return #CAPDIST_OK, or #CAPDIST_INVALID_ARGUMENT and `*security` is unchanged. capdist_last_error() then names what was
 *         probably meant: HK.00700 for "00700.HK", "hk00700" or "00700", SH.600519 for "600519.SS", US.AAPL for "AAPL".
 */
CAPDIST_API capdist_status capdist_security_parse(const char *text, capdist_security *security);

/**
 * Writes "HK.00700", or "#999.X" for a market that has no name here, into `buffer`, cut to `size` bytes with a NUL (`size` 0: nothing is written, `buffer` may be NULL).
 * @return the length of the whole text without its NUL, as `snprintf` does; -1 when refused (capdist_last_error()).
 */
CAPDIST_API int64_t capdist_security_format(const capdist_security *security, char *buffer, size_t size);

/* ----------------------------------------------------------------------------------------------------- replies -- */

/** Bits of capdist_capital_distribution.present. Each is 1 << the field's number in the .proto file. */
enum {
    CAPDIST_HAS_CAPITAL_IN_BIG = 1 << 1,
    CAPDIST_HAS_CAPITAL_IN_MID = 1 << 2,
    CAPDIST_HAS_CAPITAL_IN_SMALL = 1 << 3,
    CAPDIST_HAS_CAPITAL_OUT_BIG = 1 << 4,
    CAPDIST_HAS_CAPITAL_OUT_MID = 1 << 5,
    CAPDIST_HAS_CAPITAL_OUT_SMALL = 1 << 6,
    CAPDIST_HAS_UPDATE_TIME = 1 << 7,
    CAPDIST_HAS_UPDATE_TIMESTAMP = 1 << 8,
    CAPDIST_HAS_CAPITAL_IN_SUPER = 1 << 9,
    CAPDIST_HAS_CAPITAL_OUT_SUPER = 1 << 10
};

/**
 * Money that went into a stock and out of it during today's regular trading hours, by order size. Amounts are in the
 * security's currency. An order is small when its turnover is below the reference (the average turnover of a trade over
 * the last month; three days for warrants), big from ten times the reference, mid between; where extra-large begins is
 * not published. The super figures, the time and the timestamp may be missing (old gateways, some markets): a missing
 * number is NaN, a missing text "", and its bit in `present` is 0. (docs/protocol.md, Messages)
 */
typedef struct capdist_capital_distribution {
    double capital_in_super;  /**< bought with extra-large orders; may be missing */
    double capital_in_big;    /**< bought with big orders */
    double capital_in_mid;    /**< bought with mid orders */
    double capital_in_small;  /**< bought with small orders */
    double capital_out_super; /**< sold with extra-large orders; may be missing */
    double capital_out_big;   /**< sold with big orders */
    double capital_out_mid;   /**< sold with mid orders */
    double capital_out_small; /**< sold with small orders */
    const char *update_time;  /**< the market's local wall clock, "yyyy-MM-dd HH:mm:ss"; may be missing; never NULL */
    double update_timestamp;  /**< Unix time in seconds; may be missing */
    uint32_t present;         /**< bits `CAPDIST_HAS_*` above */
} capdist_capital_distribution;

/** Bits of capdist_reply.present and capdist_proto_reply.present: which of these the gateway sent, and which fields that
 *  the first release had not are there at all. */
enum {
    CAPDIST_HAS_RET_TYPE = 1 << 1,
    CAPDIST_HAS_RET_MSG = 1 << 2,
    CAPDIST_HAS_ERR_CODE = 1 << 3,
    CAPDIST_HAS_RETRY = 1 << 4 /**< this library fills `retry`: an older one's struct ends before it */
};

/** How one request for a capital distribution completed. */
typedef struct capdist_reply {
    capdist_status status;     /**< #CAPDIST_OK and there is a `distribution`, or why not */
    uint32_t serial_no;        /**< the number that the request was given */
    capdist_security security; /**< the security that was asked for */
    int32_t was_sent;          /**< 1: handed to the network, and its quota slot is used; 0: never left, safe to repeat */
    int32_t retry_after_ms;    /**< #CAPDIST_RATE_LIMITED: milliseconds until the quota group sends again; else 0 */
    uint32_t present;          /**< which of the next three the gateway sent: `CAPDIST_HAS_RET_TYPE`, ...; and
                                    `CAPDIST_HAS_RETRY` */
    int32_t ret_type;          /**< 0 succeed, -1 failed, -100 timeout, -200 disconnected, -400 unknown, -500 invalid */
    int32_t err_code;          /**< the gateway's error code; 0 if it sent none */
    const char *ret_msg;       /**< the gateway's words, often Chinese; "" if it sent none; never NULL */
    const char *desc;          /**< what happened, in English; "" when `status` is #CAPDIST_OK; never NULL */
    const capdist_capital_distribution *distribution; /**< NULL unless `status` is #CAPDIST_OK */
    const uint8_t *body;       /**< the answer's protobuf as it came (decrypted); NULL if none came */
    size_t body_length;        /**< its length in bytes */
    int32_t retry;             /**< whether to ask again, one of `CAPDIST_RETRY_*`; only there, and only to be read, if
                                    `present` has #CAPDIST_HAS_RETRY */
} capdist_reply;

/** How one request of capdist_send_proto() completed. */
typedef struct capdist_proto_reply {
    capdist_status status;  /**< as in capdist_reply; #CAPDIST_OK also for a body that has no retType */
    uint32_t serial_no;     /**< the number that the request was given */
    uint32_t proto_id;      /**< the protocol id that was asked */
    int32_t was_sent;       /**< 1: handed to the network; 0: never left, safe to repeat */
    int32_t retry_after_ms; /**< as in capdist_reply */
    uint32_t present;       /**< `CAPDIST_HAS_RET_TYPE` if the body has one; `CAPDIST_HAS_RETRY` */
    int32_t ret_type;       /**< the body's retType, else 0 */
    const char *desc;       /**< what happened, in English; "" when `status` is #CAPDIST_OK; never NULL */
    const uint8_t *body;    /**< the answer's protobuf as it came (decrypted); NULL if none came */
    size_t body_length;     /**< its length in bytes */
    int32_t retry;          /**< as in capdist_reply */
} capdist_proto_reply;

/** A deep copy of `reply`, to be kept as long as wanted; free it with capdist_reply_free(). NULL for NULL. */
CAPDIST_API capdist_reply *capdist_reply_copy(const capdist_reply *reply);

/** Frees what capdist_reply_copy() or capdist_fetch_capital_distribution() gave. NULL is harmless. */
CAPDIST_API void capdist_reply_free(capdist_reply *reply);

/**
 * Writes what the gateway said as JSON into `buffer`, cut to `size` bytes with a NUL (`size` 0: nothing is written,
 * `buffer` may be NULL): the .proto files' field names, two spaces of indentation, the shortest number that reads back
 * as the same double, UTF-8 unescaped, absent fields left out.
 * @return the length of the whole text without its NUL, as `snprintf` does; -1 when refused (capdist_last_error()).
 */
CAPDIST_API int64_t capdist_reply_to_json(const capdist_reply *reply, char *buffer, size_t size);

/** Whose money capdist_flow_of() tells: one order size, or several together. */
enum {
    CAPDIST_FLOW_SUPER = 1,  /**< extra-large orders */
    CAPDIST_FLOW_BIG = 2,    /**< big orders */
    CAPDIST_FLOW_MID = 3,    /**< mid orders */
    CAPDIST_FLOW_SMALL = 4,  /**< small orders */
    CAPDIST_FLOW_MAIN = 5,   /**< main money: super and big */
    CAPDIST_FLOW_RETAIL = 6, /**< retail: mid and small */
    CAPDIST_FLOW_TOTAL = 7   /**< all four */
};

/** What follows from the figures of one order size, or of several together. A missing number is NaN. Frozen: never changes. */
typedef struct capdist_flow {
    double capital_in;  /**< bought; the sum, in the order super, big, mid, small */
    double capital_out; /**< sold; summed in the same order */
    double net;         /**< `capital_in - capital_out`: above 0, money stayed */
    double out_share;   /**< `capital_out / (capital_in + capital_out)`, from 0 to 1: above a half, money left */
} capdist_flow;

/**
 * Derives the net, main money, retail, the total and the share of out. Missing stays missing: a sum with a missing part is
 * missing, never smaller, so that a gateway that tells no super figures has no main money and no total either. What is
 * no finite number (figures that are infinite, too) is missing; `out_share` is, too, when nothing was traded. Every binding
 * tells the same, by the same names.
 * @param distribution the figures
 * @param group        one of `CAPDIST_FLOW_*`
 * @param flow         set when it returns #CAPDIST_OK, else unchanged
 * @return #CAPDIST_OK, #CAPDIST_INVALID_ARGUMENT
 */
CAPDIST_API capdist_status capdist_flow_of(const capdist_capital_distribution *distribution, int32_t group,
                                           capdist_flow *flow);

/* --------------------------------------------------------------------------------------------------- callbacks -- */

/**
 * A request completed. Called exactly once for every accepted request, on the connection's thread (for what a release
 * completes, too). Any function may be called from it, capdist_release() included. `reply` lives until it returns.
 */
typedef void (*capdist_reply_fn)(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data);

/** A request of capdist_send_proto() completed; all else as for #capdist_reply_fn. */
typedef void (*capdist_proto_fn)(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply,
                                 void *user_data);

/**
 * A connection stands (`err_code` 0; also after each reconnect, and before any reply that comes over it), or it has
 * failed for good (`err_code` not 0; called once, then the requests that were queued complete with that cause). A failed
 * attempt that will be repeated is told to #capdist_attempt_failed_fn. On the connection's thread; any function may be called.
 * @param conn      the connection
 * @param err_code  0, or what #CAPDIST_ERR_KIND and #CAPDIST_ERR_CODE take apart
 * @param desc      what happened and what to do; "" on success; lives until the callback returns
 * @param user_data the options'
 */
typedef void (*capdist_init_connect_fn)(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data);

/**
 * An attempt to connect failed, and another one follows by itself (`reconnect` 1). Arguments as for #capdist_init_connect_fn. On
 * the connection's thread; any function may be called.
 */
typedef void (*capdist_attempt_failed_fn)(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data);

/**
 * The connection was lost. Called before the requests that were in flight complete as #CAPDIST_DISCONNECTED, in the
 * order asked. Never called because of capdist_release(). On the connection's thread; any function may be called.
 */
typedef void (*capdist_disconnect_fn)(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data);

/**
 * The gateway pushed a message (`recv_notify`); protocol 1003 is Notify. `body` is the protobuf, decrypted, and lives
 * until the callback returns; NULL when `length` is 0. On the connection's thread; any function may be called.
 */
typedef void (*capdist_push_fn)(capdist_conn *conn, uint32_t proto_id, const uint8_t *body, size_t length,
                                void *user_data);

/** A line for the host's log; `level` is one of `CAPDIST_LOG_*`. Holds no key and no body. On the connection's thread;
 *  any function may be called. */
typedef void (*capdist_log_fn)(capdist_conn *conn, int32_t level, const char *message, void *user_data);

/**
 * The connection is gone: the very last use of `user_data`, called once, after every completion. On the connection's
 * thread, which ends right after. Calls on the handle return #CAPDIST_RELEASED by then.
 */
typedef void (*capdist_closed_fn)(void *user_data);

/**
 * An attempt to connect begins, and `host` is a name: its addresses are wanted, from the application's own resolver. Answer with
 * capdist_resolved(), exactly once: in this callback, or later, from any thread. The attempt's time limit runs meanwhile; an answer
 * that comes after it serves the next attempt, which does not ask again before.
 */
typedef void (*capdist_resolve_fn)(capdist_conn *conn, const char *host, void *user_data);

/**
 * The connection's thread begins: the first that runs on it, before any other callback. Here an application attaches the
 * thread to its runtime, names it, pins it to a processor, or unblocks the signals that its garbage collector stops threads
 * with (docs/embedding.md). Thread mode only; any function may be called.
 */
typedef void (*capdist_thread_start_fn)(capdist_conn *conn, void *user_data);

/** Levels of #capdist_log_fn. */
enum {
    CAPDIST_LOG_ERROR = 1,   /**< failed for good: somebody must act */
    CAPDIST_LOG_WARNING = 2, /**< went wrong: an attempt that failed, a lost line, a gateway that is silent, the quota's gate
                                  closed by a refusal for frequency; and, at most once a minute, how many requests failed */
    CAPDIST_LOG_INFO = 3,    /**< connecting, connected */
    CAPDIST_LOG_DEBUG = 4    /**< each request that failed, answers nobody waits for, and the like */
};

/** @name err_code of the connection callbacks, as the vendor lays it out
 *  The high 32 bits are the kind, the low 32 bits the code.
 *  @{ */
/** One of `CAPDIST_ERR_KIND_*`. */
#define CAPDIST_ERR_KIND(err_code) ((int32_t)((int64_t)(err_code) >> 32))
/** What the kind says it is. */
#define CAPDIST_ERR_CODE(err_code) ((int32_t)((int64_t)(err_code) & 0x7fffffff))
/** @} */

/** Kinds: InitConnect (codes `CAPDIST_INIT_CONNECT_*`), else the socket step that failed (the code is errno). */
enum {
    CAPDIST_ERR_KIND_CREATE = 1,         /**< the socket could not be made */
    CAPDIST_ERR_KIND_NAME_NOT_FOUND = 4, /**< the host's name did not resolve (the code is getaddrinfo's, without sign) */
    CAPDIST_ERR_KIND_CONNECT = 6,        /**< connecting failed or took too long (ETIMEDOUT) */
    CAPDIST_ERR_KIND_SELECT = 9,         /**< waiting on the socket failed */
    CAPDIST_ERR_KIND_SEND = 10,          /**< sending failed */
    CAPDIST_ERR_KIND_RECEIVE = 11,       /**< receiving failed; 0: closed by the gateway; ETIMEDOUT: silent for 33 s;
                                              EPROTO: its bytes break the protocol; EOVERFLOW: out of serial numbers */
    CAPDIST_ERR_KIND_INIT_CONNECT = 100  /**< InitConnect failed */
};

/** Codes of #CAPDIST_ERR_KIND_INIT_CONNECT. */
enum {
    CAPDIST_INIT_CONNECT_UNKNOWN = 0,      /**< its answer could not be used */
    CAPDIST_INIT_CONNECT_TIMEOUT = 1,      /**< not answered in time */
    CAPDIST_INIT_CONNECT_DISCONNECTED = 3, /**< the line was lost before the answer */
    CAPDIST_INIT_CONNECT_NOT_SENT = 4,     /**< it could not be sent */
    CAPDIST_INIT_CONNECT_REFUSED = 5       /**< refused by OpenD */
};

/* ----------------------------------------------------------------------------------------------------- options -- */

/** How the connection is driven. */
enum {
    CAPDIST_MODE_THREAD = 0,     /**< by a thread of its own */
    CAPDIST_MODE_HOST_DRIVEN = 1 /**< by the host's event loop: capdist_get_fd(), capdist_process() */
};

/** What carries the messages. */
enum {
    CAPDIST_TRANSPORT_TCP = 0,          /**< OpenD's own protocol over TCP */
    CAPDIST_TRANSPORT_WEBSOCKET = 1,    /**< OpenD's WebSocket, a port of its own, off by default */
    CAPDIST_TRANSPORT_WEBSOCKET_TLS = 2 /**< the same with a certificate configured: TLS 1.2 or later */
};

/** The cipher of bodies after InitConnect, once an RSA key is configured (docs/protocol.md, Encryption). */
enum {
    CAPDIST_CIPHER_NONE = -1,     /**< only InitConnect is encrypted */
    CAPDIST_CIPHER_FTAES_ECB = 0, /**< the vendor's default */
    CAPDIST_CIPHER_AES_ECB = 1,   /**< AES-128, ECB */
    CAPDIST_CIPHER_AES_CBC = 2    /**< AES-128, CBC */
};

/** What a request does during an outage: from an attempt to connect that failed until one succeeds. */
enum {
    CAPDIST_OUTAGE_DEFAULT = 0, /**< in request options: as the connection's; in options: wait */
    CAPDIST_OUTAGE_WAIT = 1,    /**< wait for the connection, at most the queue timeout */
    CAPDIST_OUTAGE_FAIL = 2     /**< be refused at once with the last attempt's status and cause; one that waits for an attempt
                                     when it fails completes with the same. A connection that was lost just now is no outage yet:
                                     the first attempt to make it again is waited for */
};

/** What a request does when no slot of the quota is free. */
enum {
    CAPDIST_QUOTA_DEFAULT = 0, /**< in request options: as the connection's; in options: wait */
    CAPDIST_QUOTA_WAIT = 1,    /**< wait its turn, at most the queue timeout */
    CAPDIST_QUOTA_FAIL = 2     /**< be refused at once with #CAPDIST_QUOTA_EXHAUSTED */
};

/** How to connect. Fill it with capdist_options_init(), then change what you need. Times are in milliseconds, from 1 to
 *  3,600,000; a time or size of 0 takes the default. A boolean is 0 or 1. */
typedef struct capdist_options {
    size_t struct_size; /**< set by capdist_options_init() */

    const char *host;                 /**< numeric IPv4 or IPv6 address, `localhost` or a name; NULL: "127.0.0.1" */
    int32_t port;                     /**< 1 to 65535; default 11111, whatever the transport */
    int32_t mode;                     /**< `CAPDIST_MODE_*` */
    const char *client_id;            /**< names the program to the gateway, 1 to 255 bytes; NULL: "capdist" */
    int32_t client_version;           /**< major * 100 + minor, not negative; default 101 */
    int32_t recv_notify;              /**< 1: ask the gateway for pushes, delivered to `on_push`; default 0. Over
                                           WebSocket they come unasked, and are kept from `on_push` if it is 0 */
    const char *programming_language; /**< told to the gateway, 1 to 255 bytes; NULL: "C" */

    int32_t transport;                          /**< `CAPDIST_TRANSPORT_*` */
    int32_t packet_cipher;                      /**< `CAPDIST_CIPHER_*`; of meaning with an RSA key only */
    const char *rsa_private_key;                /**< over TCP: PEM text, PKCS#1 or PKCS#8, 512 to 4096 bits, no
                                                     passphrase; turns encryption on. Not kept: its text may be wiped after the call */
    const char *rsa_private_key_file;           /**< or the path of a PEM file: a regular one, of at most 64 KiB */
    const char *websocket_key;                  /**< over WebSocket: the key set in OpenD, as the user knows it, at most 255
                                                     bytes; NULL or "": none. Its MD5 is sent, and wiped with the connection */
    const char *tls_ca_file;                    /**< over TLS: PEM file of the certificates to trust, at most 16 MiB: CAs', or
                                                     the gateway's own; NULL: the system's CAs (docs/embedding.md). The
                                                     certificate must be for `host`, name or address, or `tls_server_name` */
    int32_t tls_insecure_accept_any_certificate; /**< 1: whoever answers is trusted; for tests only, and told to `on_log` */

    int32_t reconnect;          /**< 1: reconnect by itself, the first attempt included; default 1 */
    int32_t reconnect_min_ms;   /**< first pause of the exponential backoff; default 500 */
    int32_t reconnect_max_ms;   /**< longest pause, not below the first; default 30,000. Each pause is shortened at
                                     random by up to half, so that clients do not return in step; a connection that
                                     stood this long lets the next begin with the first again */
    int32_t connect_timeout_ms; /**< for one attempt, name look-up and InitConnect included; default 10,000 */
    int32_t queue_timeout_ms;   /**< from accepted to sent; default 120,000: a watch list waits for the quota */
    int32_t reply_timeout_ms;   /**< from sent to answered; default 12,000, the vendor's */

    int32_t quota_requests;  /**< requests a window, 0 to 100,000; 0: no quota is kept; default 30 */
    int32_t quota_window_ms; /**< the window; default 30,000 */
    int32_t quota_mode;      /**< `CAPDIST_QUOTA_*`; default wait */
    int32_t max_queue;       /**< requests accepted and not completed at a time, 1 to 1,000,000; default 4096 */
    int32_t max_body_bytes;  /**< longest body accepted from the gateway, 1,024 to 268,435,456; default 4 MiB */
    const char *quota_group; /**< who shares a quota in this process, 1 to 255 bytes; NULL: `host:` and the host in
                                  lower case, `localhost` and all loopback addresses being one, whatever the port */

    capdist_init_connect_fn on_init_connect; /**< connected, or failed for good; each callback may be NULL */
    capdist_disconnect_fn on_disconnect;     /**< the connection was lost */
    capdist_push_fn on_push;                 /**< the gateway pushed a message */
    capdist_log_fn on_log;                   /**< a line for the host's log */
    capdist_closed_fn on_closed;             /**< the connection is gone: the last use of `user_data` */
    void *user_data; /**< handed to these and `on_attempt_failed`; the library never looks at it */

    const char *tls_server_name; /**< over WebSocket: whom the gateway is asked for and, over TLS, whom the certificate must be for,
                                      where `host` is an address that the program resolved itself (host-driven mode); 1 to 255
                                      bytes; NULL: `host` */

    capdist_resolve_fn on_resolve; /**< the application looks names up, before each attempt; NULL: the library does in thread mode,
                                        and in host-driven mode there are none. Gets `user_data`, too */

    capdist_thread_start_fn on_thread_start; /**< thread mode: the first that runs on the connection's thread; handed `user_data` */
    int32_t thread_stack_bytes; /**< thread mode: the stack of the connection's thread, callbacks included, 131,072 to
                                     1,073,741,824, rounded up to pages; default 262,144 */
    int32_t outage_mode;        /**< `CAPDIST_OUTAGE_*`; default wait */
    capdist_attempt_failed_fn on_attempt_failed; /**< an attempt failed and is repeated; NULL: only `on_log` is told */
} capdist_options;

/**
 * Fills `options` with the defaults.
 * @param options what to fill
 * @param size `sizeof *options`, as the caller was compiled
 * @return #CAPDIST_OK, or #CAPDIST_INVALID_ARGUMENT for NULL or a size that no header had
 */
CAPDIST_API capdist_status capdist_options_init(capdist_options *options, size_t size);

/** What one request may set for itself. Fill it with capdist_request_options_init(). In all fields 0 takes the
 *  connection's default. */
typedef struct capdist_request_options {
    size_t struct_size;       /**< set by capdist_request_options_init() */
    int32_t queue_timeout_ms; /**< from accepted to sent, 0 to 3,600,000 */
    int32_t reply_timeout_ms; /**< from sent to answered, 0 to 3,600,000 */
    int32_t quota_mode;       /**< `CAPDIST_QUOTA_*` */
    int32_t security_firm;    /**< QotHeader.securityFirm, sent only if not 0 (gateways since 10.11); not negative */
    uint32_t *serial_no;      /**< where else to store the request's number, or NULL: atomically, before the request can
                                   complete; 0 when the call begins and when it is refused. Of use in a blocking call, which another
                                   thread can then end by capdist_cancel(). Must live until the call returns */
    int32_t outage_mode;      /**< `CAPDIST_OUTAGE_*` */
    int32_t reserved;         /**< 0 */
} capdist_request_options;

/** Fills `options` with zeroes, the defaults; `size` and return as for capdist_options_init(). */
CAPDIST_API capdist_status capdist_request_options_init(capdist_request_options *options, size_t size);

/* ------------------------------------------------------------------------------------------------- connections -- */

/**
 * Starts connecting, and returns at once; how it went comes to `on_init_connect`. Requests may be made right away: they
 * queue until the connection stands.
 * @param options NULL: the defaults
 * @param conn    where to store the handle; it is stored before any callback can run, and set to NULL when refused
 * @return #CAPDIST_OK; #CAPDIST_INVALID_ARGUMENT; #CAPDIST_UNSUPPORTED (a feature this version lacks, or fields set
 *         that only a newer header has); #CAPDIST_QUOTA_CONFLICT; #CAPDIST_NEEDS_ADDRESS; #CAPDIST_SYSTEM_ERROR
 */
CAPDIST_API capdist_status capdist_init_connect(const capdist_options *options, capdist_conn **conn);

/**
 * Waits until the connection stands, through attempts that fail; `on_init_connect` may still be on its way then.
 * @param conn       the connection
 * @param timeout_ms 0 to 3,600,000; 0 only looks
 * @return #CAPDIST_OK; when it failed for good, or at the time limit if an attempt has failed: why (#CAPDIST_CONNECT_FAILED,
 *         #CAPDIST_CONNECT_REFUSED, ..., #CAPDIST_DISCONNECTED); at the time limit else #CAPDIST_CONNECT_TIMEOUT;
 *         #CAPDIST_RELEASED; #CAPDIST_WOULD_DEADLOCK inside a callback; #CAPDIST_INVALID_ARGUMENT; #CAPDIST_FORKED
 */
CAPDIST_API capdist_status capdist_wait_ready(capdist_conn *conn, int32_t timeout_ms);

/**
 * Closes the connection and frees it. Every request still queued or in flight completes as #CAPDIST_RELEASED through
 * its callback, then comes `on_closed`; `on_disconnect` does not. Outside callbacks it returns when all that is over and
 * the thread has ended: it waits for a callback of this connection that is running, and for nothing else. Inside any
 * callback it returns at once, and the rest happens after that callback. In a child after fork it closes nothing: the
 * copies were closed at the fork.
 * @return #CAPDIST_OK; #CAPDIST_RELEASED for a handle released before (harmless); #CAPDIST_INVALID_ARGUMENT for NULL or
 *         what never was a handle
 */
CAPDIST_API capdist_status capdist_release(capdist_conn *conn);

/**
 * The one descriptor of a connection in host-driven mode (#CAPDIST_MODE_HOST_DRIVEN): the same for its whole life, also across
 * reconnects, and readable whenever capdist_process() has something to do. For poll(), epoll (level-triggered) and the like;
 * it is the library's, which closes it in the release: take it out of your loop before that, and never read from it.
 * @return the descriptor; -1 if there is none: NULL, a connection in thread mode, released, or from before a fork
 *         (capdist_last_error() tells)
 */
CAPDIST_API int32_t capdist_get_fd(capdist_conn *conn);

/**
 * Does what there is to do on a connection in host-driven mode, and waits for nothing: connects, receives, sends, keeps the
 * connection alive, ends requests at their time. To be called whenever capdist_get_fd() is readable; a call too many is
 * harmless. Callbacks run inside it, on the calling thread, and in capdist_release(), capdist_wait_ready() and
 * capdist_fetch_capital_distribution(), which drive the connection themselves while they wait; never in any other call.
 * Any thread may call it, one at a time.
 * @return #CAPDIST_OK; #CAPDIST_BUSY while another thread drives this connection; #CAPDIST_WOULD_DEADLOCK inside a callback;
 *         #CAPDIST_INVALID_ARGUMENT for a connection in thread mode; #CAPDIST_RELEASED; #CAPDIST_FORKED; #CAPDIST_SYSTEM_ERROR if
 *         the application closed the connection's descriptors: release it
 */
CAPDIST_API capdist_status capdist_process(capdist_conn *conn);

/**
 * Tells a name's addresses, which `on_resolve` asked for. They are tried one after the other, in this order, each with its share of
 * the attempt's time.
 * @param conn      the connection
 * @param addresses numeric addresses, IPv4 or IPv6, separated by a space; NULL or "": the name was not found
 * @param why       for a name that was not found: the reason in words, or NULL
 * @return #CAPDIST_OK; #CAPDIST_NOT_FOUND if none were asked for; #CAPDIST_INVALID_ARGUMENT for what is no address: the question stays
 *         open; #CAPDIST_RELEASED; #CAPDIST_FORKED
 */
CAPDIST_API capdist_status capdist_resolved(capdist_conn *conn, const char *addresses, const char *why);

/** State of a connection. */
enum {
    CAPDIST_STATE_CONNECTING = 0,   /**< connecting, or pausing before the next attempt */
    CAPDIST_STATE_READY = 1,        /**< the connection stands */
    CAPDIST_STATE_NOT_CONNECTED = 2 /**< failed for good */
};

/** What is known of a connection. Initialise it with capdist_connection_info_init(). */
typedef struct capdist_connection_info {
    size_t struct_size;     /**< set by capdist_connection_info_init() */
    uint64_t conn_id;       /**< the gateway's number for this connection; 0 before the first handshake */
    uint64_t login_user_id; /**< the user the gateway is logged in as; 0 before the first handshake, and over WebSocket */
    int32_t server_version; /**< the gateway's version; 0 before the first handshake, and over WebSocket */
    int32_t state;          /**< `CAPDIST_STATE_*` */
} capdist_connection_info;

/** Clears `info`; `size` and return as for capdist_options_init(). */
CAPDIST_API capdist_status capdist_connection_info_init(capdist_connection_info *info, size_t size);

/** Fills `info`. @return #CAPDIST_OK, #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT */
CAPDIST_API capdist_status capdist_get_connection_info(capdist_conn *conn, capdist_connection_info *info);

/** The quota of a connection's group. Initialise it with capdist_quota_init(). */
typedef struct capdist_quota {
    size_t struct_size;   /**< set by capdist_quota_init() */
    int32_t limit;        /**< requests a window; 0: no quota is kept */
    int32_t window_ms;    /**< the window in milliseconds */
    int32_t used;         /**< slots in use: requests in flight, and those of the last window */
    int32_t waiting;      /**< requests of the whole group that wait for a slot */
    int32_t next_slot_ms; /**< milliseconds until the next slot is free; 0: one is; -1: not known, since every slot
                               is held by a request that is still in flight */
    int32_t reserved;     /**< 0 */
} capdist_quota;

/** Clears `quota`; `size` and return as for capdist_options_init(). */
CAPDIST_API capdist_status capdist_quota_init(capdist_quota *quota, size_t size);

/** Fills `quota`. @return #CAPDIST_OK, #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT */
CAPDIST_API capdist_status capdist_get_quota(capdist_conn *conn, capdist_quota *quota);

/* ---------------------------------------------------------------------------------------------------- requests -- */

/**
 * Asks for a stock's capital distribution. Returns at once; the answer comes to `callback`, exactly once.
 * @param conn      the connection; it need not stand yet
 * @param security  what to ask for
 * @param options   NULL: the connection's defaults
 * @param callback  not NULL
 * @param user_data handed to `callback`; the library never looks at it
 * @param serial_no where to store the request's number, never 0, the same that `callback` gets, or NULL; it is stored
 *                  before the callback can run, and set to 0 when refused
 * @return #CAPDIST_OK: accepted. Otherwise refused and no callback comes: #CAPDIST_INVALID_ARGUMENT,
 *         #CAPDIST_QUEUE_FULL, #CAPDIST_QUOTA_EXHAUSTED, #CAPDIST_NOT_CONNECTED, #CAPDIST_RELEASED, #CAPDIST_FORKED,
 *         #CAPDIST_UNSUPPORTED; with #CAPDIST_OUTAGE_FAIL during an outage: the last attempt's status (#CAPDIST_CONNECT_FAILED,
 *         #CAPDIST_CONNECT_TIMEOUT, ...), and its cause in capdist_last_error()
 */
CAPDIST_API capdist_status capdist_get_capital_distribution(capdist_conn *conn, const capdist_security *security,
                                                            const capdist_request_options *options,
                                                            capdist_reply_fn callback, void *user_data,
                                                            uint32_t *serial_no);

/**
 * The same, blocking, for at most the queue timeout plus the reply timeout.
 * @param conn     the connection; it need not stand yet
 * @param security what to ask for
 * @param options  NULL: the connection's defaults
 * @param reply set whenever the request was accepted, else NULL; free it with capdist_reply_free()
 * @return the reply's status, or why the request was refused: as above, and #CAPDIST_WOULD_DEADLOCK inside a callback
 */
CAPDIST_API capdist_status capdist_fetch_capital_distribution(capdist_conn *conn, const capdist_security *security,
                                                              const capdist_request_options *options,
                                                              capdist_reply **reply);

/**
 * Ends a request that is queued or in flight: it completes as #CAPDIST_CANCELLED through its callback, soon after this
 * call. One that was sent keeps its quota slot, since the gateway counts it.
 * @return #CAPDIST_OK, #CAPDIST_NOT_FOUND, #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT
 */
CAPDIST_API capdist_status capdist_cancel(capdist_conn *conn, uint32_t serial_no);

/**
 * Sends any other request as raw protobuf; the answer comes raw to `callback`, exactly once. Protocol 3212 sent this way
 * passes the quota too. 1001 (InitConnect) and 1004 (KeepAlive) are the library's own and refused,
 * and over WebSocket 1 and 2, the relay's.
 * @param conn      the connection; it need not stand yet
 * @param proto_id  the protocol's number
 * @param body      the request's protobuf, copied; NULL only when `length` is 0
 * @param length    at most the connection's `max_body_bytes`
 * @param options   as above; `security_firm` must be 0
 * @param callback  not NULL
 * @param user_data handed to `callback`; the library never looks at it
 * @param serial_no as above
 * @return as capdist_get_capital_distribution()
 */
CAPDIST_API capdist_status capdist_send_proto(capdist_conn *conn, uint32_t proto_id, const void *body, size_t length,
                                              const capdist_request_options *options, capdist_proto_fn callback,
                                              void *user_data, uint32_t *serial_no);

#ifdef __cplusplus
}
#endif

#endif /* CAPDIST_H */
