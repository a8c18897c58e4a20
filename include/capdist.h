/**
 * @file capdist.h
 * @brief libcapdist: how much money went into a stock and out of it today, by order size.
 *
 * The library fetches a stock's capital distribution (Qot_GetCapitalDistribution, protocol 3212) from a local OpenD
 * gateway of Futu or moomoo. The header is C99 and can be included from C++.
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
 * @section words Words used here
 * - The <em>application</em> is the program that uses this library. The <em>gateway</em> is OpenD.
 * - A request is <em>accepted</em> when its call returns #CAPDIST_OK. It is <em>queued</em> until it is sent, then
 *   <em>in flight</em>. It <em>completes</em> when its callback is called (for the blocking call: when that returns).
 * - A connection <em>fails permanently</em> when the library does not try to connect again (docs/timeouts.md).
 * - The <em>quota</em> limits how many requests are sent in a time window. Each request takes one <em>slot</em> of it.
 *   Connections of one <em>quota group</em> share a quota (docs/quota.md).
 *
 * @section threads Threads and callbacks
 * - Each connection has one thread of its own, the <em>connection's thread</em>. It calls every callback of that
 *   connection, one at a time and in order, and holds no lock of the library while it does.
 * - In application-driven mode (#CAPDIST_MODE_HOST_DRIVEN) a connection has no thread. The connection's thread is then
 *   the thread of the application that is inside capdist_process(), or inside another call that drives the connection;
 *   capdist_process() lists them.
 * - Every function may be called from any thread and from inside any callback, of this connection or of another. Three
 *   functions return #CAPDIST_WOULD_DEADLOCK inside callbacks: capdist_wait_ready(),
 *   capdist_fetch_capital_distribution() and capdist_process().
 * - No callback runs inside capdist_init_connect(), a request that does not block, or capdist_cancel().
 * - Keep callbacks short. A slow callback delays everything that its thread does: other callbacks, answers, timeouts and
 *   keep-alives. OpenD drops a client that it has not heard from for 30 s. Of all calls, only capdist_release() of the same
 *   connection waits for a running callback to return.
 * - A callback must return. Do not leave it by a C++ exception or by longjmp(), which script interpreters use for errors.
 *   If a callback on a connection's own thread is left in this way, the process ends. In application-driven mode the
 *   connection fails permanently, and its accepted requests still complete. pthread_exit() in a callback makes the
 *   connection fail permanently in both modes. A little memory is lost each time (docs/embedding.md, Callbacks that do not
 *   return).
 * - A thread that is cancelled by pthread_cancel() ends only at two places in the library:
 *   1. in capdist_wait_ready() and in capdist_fetch_capital_distribution(), within a tenth of a second. The request is
 *      withdrawn.
 *   2. inside a callback on a thread of the application, if the application has enabled cancellation there. For the
 *      library, that callback has not returned, as described above.
 * - After fork() the child must not use a connection of its parent: each call on one returns #CAPDIST_FORKED. The library
 *   has closed the child's copies of the descriptors, so capdist_release() is harmless there and does nothing. New
 *   connections work in the child. They start with the quota used so far (docs/embedding.md, Fork).
 * - In a child that was forked inside a callback, blocking calls on new connections work, even before the callback
 *   returns. If the callback returns in the child, the child ends (`_exit(1)`) on a connection's own thread. In
 *   application-driven mode the call that ran the callback returns #CAPDIST_FORKED in the child.
 *
 * @section promises What an application can rely on
 * docs/promises.md has the full list.
 * - Every accepted request completes exactly once: with the gateway's answer, or with the reason why there is none. A
 *   refused call never completes.
 * - After capdist_release() has returned outside a callback, no callback runs, and no thread and no descriptor is left.
 *   One exception: a thread that looks up a name, reads certificates or waits for the dynamic loader cannot be interrupted.
 *   It may go on for a while, and uses nothing of the application.
 * - The library raises no signal, installs no signal handler, prints nothing, and reads no environment variable of its
 *   own. One exception: if the system has no memory left, and no call can return a status for it, the process ends by
 *   SIGABRT, after one line on standard error.
 *
 * @section ownership Ownership
 * - The library copies strings and structs that are passed to it before the call returns. Strings are UTF-8 and end in a
 *   NUL.
 * - What a callback receives is valid until the callback returns. capdist_reply_copy() keeps a reply for longer.
 * - The application frees what capdist_reply_copy() and capdist_fetch_capital_distribution() return, with
 *   capdist_reply_free(). It frees nothing else. Static texts are valid as long as the library is loaded.
 *
 * @section growing How the interface grows
 * docs/abi.md has the policy.
 * - Some structs begin with `struct_size`. Initialise them with their `_init` function, and pass it `sizeof` the struct. The
 *   library never touches bytes beyond that size, so a program that was built with an older header keeps working.
 * - Structs that the library hands out grow only at their end. Access them by pointer; do not copy them by assignment.
 * - A constant keeps its value. The value is never reused for another meaning.
 */
#ifndef CAPDIST_H
#define CAPDIST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks each function as exported, whatever -fvisibility a program is compiled with. If a tool that reads this header does not
 * know attributes, define the macro as empty (docs/foreign.md). */
#if !defined(CAPDIST_API)
#if defined(__GNUC__)
#define CAPDIST_API __attribute__((visibility("default")))
#else
#define CAPDIST_API
#endif
#endif

/** @name Version of this header
 *  capdist_version() returns the version of the library. Header and library work together if their major numbers are equal,
 *  whichever is newer (docs/abi.md).
 *  @{ */
/** A new major number: programs must be compiled again. */
#define CAPDIST_VERSION_MAJOR 1
/** A new minor number: something was added. */
#define CAPDIST_VERSION_MINOR 1
/** A new patch number: bugs were fixed. */
#define CAPDIST_VERSION_PATCH 0
/** @} */

/** A handle to the connection to one gateway. The library looks handles up and never dereferences them, so a released handle
 *  is safe to pass, from any thread: the call returns #CAPDIST_RELEASED. */
typedef struct capdist_conn capdist_conn;

/* ---------------------------------------------------------------------------------------------------- statuses -- */

/** The result of a call or of a request: one of the `CAPDIST_` statuses below. */
typedef int32_t capdist_status;

/** Statuses. capdist_status_name() gives the constant's name, capdist_status_text() a sentence. */
enum {
    /** Success. Of a reply: the gateway answered, and `distribution` is set. */
    CAPDIST_OK = 0,

    /* How a request completed. */
    /** The gateway answered with a retType other than 0. `ret_type`, `ret_msg` and `err_code` tell why. */
    CAPDIST_REFUSED = 1,
    /** The gateway refused because too many requests were made. The library sends no request of the quota group for
     *  `retry_after_ms`. If `was_sent` is 0, the gateway refused another request of the group. This request, with
     *  #CAPDIST_QUOTA_FAIL, was never sent. */
    CAPDIST_RATE_LIMITED = 2,
    /** The queue timeout passed before the request was sent, waiting for the quota or for a connection. Safe to repeat. */
    CAPDIST_QUEUE_TIMEOUT = 3,
    /** The request was sent, and no answer came within the reply timeout. Over WebSocket also: OpenD's WebSocket bridge
     *  reported that its own wait for the answer timed out. */
    CAPDIST_REPLY_TIMEOUT = 4,
    /** The connection was lost after the request was sent (`was_sent` is 1), or was lost permanently before that (0). */
    CAPDIST_DISCONNECTED = 5,
    /** The answer's SHA-1 is wrong, or the answer is not valid protobuf, or it lacks a required field. */
    CAPDIST_MALFORMED_REPLY = 6,
    /** capdist_cancel() ended the request. */
    CAPDIST_CANCELLED = 7,
    /** The connection was released. Every call on a released handle returns this, too. */
    CAPDIST_RELEASED = 8,

    /* Why there is no connection. capdist_wait_ready() returns these. A queued request completes with one when the connection
     * fails permanently. A request with #CAPDIST_OUTAGE_FAIL gets one during an outage. */
    /** The gateway could not be reached: the name was not found, the port refused, the network is unreachable, ... */
    CAPDIST_CONNECT_FAILED = 16,
    /** The connection, or the answer to InitConnect or InitWebSocket, did not come in time. A gateway does not answer a wrong
     *  WebSocket key at all. */
    CAPDIST_CONNECT_TIMEOUT = 17,
    /** The gateway refused InitConnect or InitWebSocket, as OpenD does while it waits for a verification code. The library tries
     *  again if `reconnect` is 1. */
    CAPDIST_CONNECT_REFUSED = 18,
    /** The peer broke the protocol (bad magic, impossible length, unknown body format, no upgrade to WebSocket). Perhaps the
     *  port is not OpenD's. */
    CAPDIST_PROTOCOL_ERROR = 19,
    /** Encryption was requested, and the gateway does not encrypt or a body could not be decrypted. */
    CAPDIST_ENCRYPTION_FAILED = 20,
    /** TLS could not be set up, or the gateway's certificate was not accepted. The latter is permanent, whatever `reconnect`
     *  is. */
    CAPDIST_TLS_FAILED = 21,

    /* Why a call was refused. It changed nothing, and no callback follows. */
    /** An argument is NULL, empty, too long, not UTF-8 or out of range. capdist_last_error() names it. */
    CAPDIST_INVALID_ARGUMENT = 32,
    /** `max_queue` requests of this connection are queued or in flight. */
    CAPDIST_QUEUE_FULL = 33,
    /** The quota mode is #CAPDIST_QUOTA_FAIL, and no slot of the quota is free. A request with
     *  capdist_request_options.max_age_ms may also complete with this status (docs/quota.md, Shared answers). */
    CAPDIST_QUOTA_EXHAUSTED = 34,
    /** The connection has failed permanently. Release it and make a new one. */
    CAPDIST_NOT_CONNECTED = 35,
    /** The call was made inside a callback, and would wait for the thread that it runs on. */
    CAPDIST_WOULD_DEADLOCK = 36,
    /** Another thread drives the connection just now. Only capdist_process() returns this. */
    CAPDIST_BUSY = 37,
    /** The connection was made before a fork, in the parent process. Only capdist_release() may be called on it. */
    CAPDIST_FORKED = 38,
    /** This library does not have the feature, or a field is set that only a newer header has. */
    CAPDIST_UNSUPPORTED = 39,
    /** `host` is a name, and application-driven mode looks up no names, since a lookup may block for seconds. Set
     *  `on_resolve`, or pass an address (over WebSocket, then pass the name as `tls_server_name`). */
    CAPDIST_NEEDS_ADDRESS = 40,
    /** An open connection of the same quota group has other values of `quota_requests` or `quota_window_ms`. */
    CAPDIST_QUOTA_CONFLICT = 41,
    /** No request with that serial number is queued or in flight: it has completed, or there was none. */
    CAPDIST_NOT_FOUND = 42,
    /** The operating system refused a thread, a descriptor or memory. capdist_last_error() says which. */
    CAPDIST_SYSTEM_ERROR = 43
};

/** @return the name of the constant, such as "CAPDIST_OK"; "CAPDIST_UNKNOWN" for a number that is not a status. Static text. */
CAPDIST_API const char *capdist_status_name(capdist_status status);

/** @return an English sentence that explains the status. Static text, never NULL. */
CAPDIST_API const char *capdist_status_text(capdist_status status);

/** Whether a failed request or call may succeed if it is repeated: values of capdist_reply.retry, capdist_proto_reply.retry
 *  and capdist_status_retry(). */
enum {
    /** Not known: the gateway's words do not tell, or the answer was damaged. Also the value after success. */
    CAPDIST_RETRY_UNKNOWN = 0,
    /** The same request cannot succeed: the stock is unknown, the account may not see the quote, the connection has ended. */
    CAPDIST_RETRY_NEVER = 1,
    /** It may succeed later: a timeout, a lost connection, a gateway that lost the vendor's servers. */
    CAPDIST_RETRY_LATER = 2,
    /** It may succeed after `retry_after_ms`. */
    CAPDIST_RETRY_AFTER = 3
};

/**
 * Tells from a status alone whether to repeat. For a reply, read its `retry` instead, which also takes the gateway's words
 * into account. For a refused call this is all that is known: for example, #CAPDIST_QUOTA_EXHAUSTED gives
 * #CAPDIST_RETRY_LATER.
 * @param status the status
 * @return one of `CAPDIST_RETRY_*`; #CAPDIST_RETRY_UNKNOWN for a number that is not a status
 */
CAPDIST_API int32_t capdist_status_retry(capdist_status status);

/**
 * Explains the last refused call of the calling thread in one line of English, and says what to do next where that is known.
 * The text is valid until the next refused call on this thread. A call that succeeds does not change it.
 * @return at most 511 bytes of UTF-8; "" if no call was refused yet; never NULL
 */
CAPDIST_API const char *capdist_last_error(void);

/** @return the library's version, such as "1.1.0". Static text. */
CAPDIST_API const char *capdist_version(void);

/* -------------------------------------------------------------------------------------------------- securities -- */

/** Markets (Qot_Common.QotMarket), each with the name that capdist_security_parse() reads before the first dot. A market that
 *  is not listed can be requested by its number, from 1 up; the gateway decides whether it exists. (docs/protocol.md,
 *  Messages) */
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

/** Bytes of capdist_security.code, including the NUL. */
#define CAPDIST_CODE_SIZE 60

/** A stock, warrant or fund: market and code. This struct is frozen: it never changes. */
typedef struct capdist_security {
    int32_t market;               /**< `CAPDIST_MARKET_*`, or another number above 0 */
    char code[CAPDIST_CODE_SIZE]; /**< such as "00700", "AAPL", "BRK.B": UTF-8, 1 to 59 bytes and a NUL, no control characters,
                                       no blank at either end */
} capdist_security;

/**
 * Reads a text such as "HK.00700": a market's name, a dot, and the code.
 * - The first dot separates. The code may contain dots: "US.BRK.B", "US..DJI".
 * - The market may be in lower case. If the whole text is in lower case, the code is converted to upper case ("us.aapl" is
 *   US.AAPL); otherwise the code is kept as it is ("HK.HSImain").
 * - "#999.X" is the code X of the market with the number 999.
 * - Blanks and line ends around the text are skipped, also no-break, zero-width and ideographic ones and a byte order mark.
 * @param text     the text
 * @param security set on success, else unchanged
 * @return #CAPDIST_OK or #CAPDIST_INVALID_ARGUMENT. capdist_last_error() then suggests what was probably meant: HK.00700 for
 *         "00700.HK", "hk00700" or "00700", SH.600519 for "600519.SS", US.AAPL for "AAPL".
 */
CAPDIST_API capdist_status capdist_security_parse(const char *text, capdist_security *security);

/**
 * Writes a security as text, such as "HK.00700", or "#999.X" if the market has no name here.
 * @param security the security
 * @param buffer   receives the text, cut to `size` bytes including its NUL; may be NULL if `size` is 0
 * @param size     the buffer's size in bytes; 0: nothing is written
 * @return the length of the whole text without its NUL, as `snprintf` does; -1 if refused (capdist_last_error())
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
 * security's currency.
 *
 * Order sizes are relative to a reference: the average turnover of a trade over the last month, for warrants over the last
 * three days. An order is small if its turnover is below the reference, mid from there, and big from ten times the reference.
 * The vendor does not publish where extra-large (super) begins.
 *
 * The super amounts, the update time and the timestamp may be missing (old gateways, some markets). A missing number is NaN, a
 * missing text is "", and its bit in `present` is 0. (docs/protocol.md, Messages)
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
    const char *update_time;  /**< the market's local time, "yyyy-MM-dd HH:mm:ss"; may be missing; never NULL */
    double update_timestamp;  /**< Unix time in seconds; may be missing */
    uint32_t present;         /**< the fields that the gateway sent: bits `CAPDIST_HAS_*` above */
} capdist_capital_distribution;

/** Bits of capdist_reply.present and capdist_proto_reply.present. The first three tell which fields the gateway sent. The last
 *  tells that this library's struct has a field that version 1.0 did not have. */
enum {
    CAPDIST_HAS_RET_TYPE = 1 << 1, /**< the gateway sent `ret_type` */
    CAPDIST_HAS_RET_MSG = 1 << 2,  /**< the gateway sent `ret_msg` */
    CAPDIST_HAS_ERR_CODE = 1 << 3, /**< the gateway sent `err_code` */
    CAPDIST_HAS_RETRY = 1 << 4,    /**< the struct has `retry`; an older library's struct ends before it */
    CAPDIST_HAS_FROM_CACHE = 1 << 5, /**< capdist_reply has `from_cache` */
    CAPDIST_HAS_AGE_MS = 1 << 6      /**< capdist_reply has `age_ms` */
};

/** How a request for a capital distribution completed. */
typedef struct capdist_reply {
    capdist_status status;     /**< #CAPDIST_OK, or why there is no `distribution` */
    uint32_t serial_no;        /**< the request's serial number */
    capdist_security security; /**< the requested security */
    int32_t was_sent;          /**< 1: sent, and its quota slot is used; 0: never sent, safe to repeat */
    int32_t retry_after_ms;    /**< #CAPDIST_RATE_LIMITED: milliseconds until the quota group sends again; else 0 */
    uint32_t present;          /**< bits #CAPDIST_HAS_RET_TYPE to #CAPDIST_HAS_AGE_MS */
    int32_t ret_type;          /**< 0 success, -1 failed, -100 timeout, -200 disconnected, -400 unknown, -500 invalid; 0 if the
                                    gateway sent none. (docs/protocol.md, Messages) */
    int32_t err_code;          /**< the gateway's error code; 0 if it sent none */
    const char *ret_msg;       /**< the gateway's message, often Chinese; "" if it sent none; never NULL */
    const char *desc;          /**< what happened, in English; "" if `status` is #CAPDIST_OK; never NULL */
    const capdist_capital_distribution *distribution; /**< NULL unless `status` is #CAPDIST_OK */
    const uint8_t *body;       /**< the answer's protobuf as it came, decrypted; NULL if none came */
    size_t body_length;        /**< length of `body` in bytes */
    int32_t retry;             /**< whether to repeat the request: one of `CAPDIST_RETRY_*`. Read it only if `present` has
                                    #CAPDIST_HAS_RETRY */
    int32_t from_cache;        /**< 1: the answer is another request's (capdist_request_options.max_age_ms), and `was_sent` is 0;
                                    else 0. Read it only if `present` has #CAPDIST_HAS_FROM_CACHE */
    int32_t age_ms;            /**< if `from_cache` is 1: whole milliseconds from the arrival of the answer to the completion of
                                    this request; else 0. Read it only if `present` has #CAPDIST_HAS_AGE_MS */
} capdist_reply;

/** How a request of capdist_send_proto() completed. */
typedef struct capdist_proto_reply {
    capdist_status status;  /**< as in capdist_reply; #CAPDIST_OK also for a body without a retType */
    uint32_t serial_no;     /**< the request's serial number */
    uint32_t proto_id;      /**< the request's protocol number */
    int32_t was_sent;       /**< 1: sent; 0: never sent, safe to repeat */
    int32_t retry_after_ms; /**< as in capdist_reply. A refusal pauses the quota group only if `proto_id` is 3212 */
    uint32_t present;       /**< #CAPDIST_HAS_RET_TYPE if the body has a retType; #CAPDIST_HAS_RETRY */
    int32_t ret_type;       /**< the body's retType; 0 if it has none */
    const char *desc;       /**< what happened, in English; "" if `status` is #CAPDIST_OK; never NULL */
    const uint8_t *body;    /**< the answer's protobuf as it came, decrypted; NULL if none came */
    size_t body_length;     /**< length of `body` in bytes */
    int32_t retry;          /**< as in capdist_reply */
} capdist_proto_reply;

/**
 * Makes a deep copy of a reply, to keep after its callback.
 * @param reply the reply, or NULL
 * @return the copy, to be freed with capdist_reply_free(); NULL for NULL or if there is no memory
 */
CAPDIST_API capdist_reply *capdist_reply_copy(const capdist_reply *reply);

/** Frees a reply that capdist_reply_copy() or capdist_fetch_capital_distribution() returned. NULL is allowed and does nothing. */
CAPDIST_API void capdist_reply_free(capdist_reply *reply);

/**
 * Writes the gateway's answer as JSON: the field names of the .proto files, two spaces of indentation, the shortest number that
 * reads back as the same double, and UTF-8 without escapes. Fields that the gateway did not send are left out.
 * @param reply  the reply
 * @param buffer receives the text, cut to `size` bytes including its NUL; may be NULL if `size` is 0
 * @param size   the buffer's size in bytes; 0: nothing is written
 * @return the length of the whole text without its NUL, as `snprintf` does; -1 if refused (capdist_last_error())
 */
CAPDIST_API int64_t capdist_reply_to_json(const capdist_reply *reply, char *buffer, size_t size);

/** Groups of order sizes for capdist_flow_of(). */
enum {
    CAPDIST_FLOW_SUPER = 1,  /**< extra-large orders */
    CAPDIST_FLOW_BIG = 2,    /**< big orders */
    CAPDIST_FLOW_MID = 3,    /**< mid orders */
    CAPDIST_FLOW_SMALL = 4,  /**< small orders */
    CAPDIST_FLOW_MAIN = 5,   /**< main money: super and big */
    CAPDIST_FLOW_RETAIL = 6, /**< retail: mid and small */
    CAPDIST_FLOW_TOTAL = 7   /**< all four */
};

/** Figures derived for one group of order sizes, in the security's currency. A missing number is NaN. This struct is frozen: it
 *  never changes. */
typedef struct capdist_flow {
    double capital_in;  /**< bought: the sum, added in the order super, big, mid, small */
    double capital_out; /**< sold: the sum, added in the same order */
    double net;         /**< `capital_in - capital_out`; above 0 if more was bought than sold */
    double out_share;   /**< `capital_out / (capital_in + capital_out)`, from 0 to 1; above 0.5 if more was sold than bought */
} capdist_flow;

/**
 * Derives the sums, the net and the share of sales for a group of order sizes. If an amount of the group is missing, the sum is
 * missing, too: without super amounts there is no main money and no total. A result that is not a finite number is missing, and
 * so is `out_share` if nothing was traded. All bindings compute the same, under the same names.
 * @param distribution the figures
 * @param group        one of `CAPDIST_FLOW_*`
 * @param flow         set on success, else unchanged
 * @return #CAPDIST_OK, #CAPDIST_INVALID_ARGUMENT
 */
CAPDIST_API capdist_status capdist_flow_of(const capdist_capital_distribution *distribution, int32_t group,
                                           capdist_flow *flow);

/* --------------------------------------------------------------------------------------------------- callbacks -- */

/* All callbacks run on the connection's thread, one at a time. Any function may be called from them, capdist_release() included.
 * (Threads and callbacks, above) */

/**
 * A request completed. Called exactly once for each accepted request, also for requests that a release completes.
 * @param conn      the connection; released already if `status` is #CAPDIST_RELEASED
 * @param serial_no the request's serial number
 * @param reply     the reply, never NULL; valid until the callback returns
 * @param user_data what was passed with the request
 */
typedef void (*capdist_reply_fn)(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data);

/** A request of capdist_send_proto() completed. Otherwise as #capdist_reply_fn. */
typedef void (*capdist_proto_fn)(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply,
                                 void *user_data);

/**
 * The connection is established, or it has failed permanently.
 * - `err_code` 0: established. Called again after each reconnect, and before any reply that comes over the new connection.
 * - `err_code` not 0: failed permanently. Called once; then the queued requests complete with that cause.
 *
 * A failed attempt that will be repeated goes to #capdist_attempt_failed_fn instead.
 * @param conn      the connection
 * @param err_code  0, or the error: see #CAPDIST_ERR_KIND and #CAPDIST_ERR_CODE
 * @param desc      what happened and what to do, in English; "" on success; valid until the callback returns
 * @param user_data capdist_options.user_data
 */
typedef void (*capdist_init_connect_fn)(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data);

/** An attempt to connect failed, and the library will try again (`reconnect` is 1). Arguments as for
 *  #capdist_init_connect_fn. */
typedef void (*capdist_attempt_failed_fn)(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data);

/**
 * The connection was lost. After this callback the requests that were in flight complete as #CAPDIST_DISCONNECTED, in the order
 * in which they were made. capdist_release() does not cause this callback. Arguments as for #capdist_init_connect_fn.
 */
typedef void (*capdist_disconnect_fn)(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data);

/**
 * The gateway pushed a message (capdist_options.recv_notify).
 * @param conn      the connection
 * @param proto_id  the protocol's number, such as 1003 for Notify (docs/protocol.md, Frames over TCP)
 * @param body      the protobuf, decrypted; valid until the callback returns; NULL if `length` is 0
 * @param length    length of `body` in bytes
 * @param user_data capdist_options.user_data
 */
typedef void (*capdist_push_fn)(capdist_conn *conn, uint32_t proto_id, const uint8_t *body, size_t length,
                                void *user_data);

/**
 * A message for the application's log.
 * @param conn      the connection
 * @param level     one of `CAPDIST_LOG_*`
 * @param message   one line of English, without a key or a body; valid until the callback returns
 * @param user_data capdist_options.user_data
 */
typedef void (*capdist_log_fn)(capdist_conn *conn, int32_t level, const char *message, void *user_data);

/**
 * The connection has ended. This is the last use of `user_data`: called once, after every completion. In thread mode the
 * connection's thread ends right after it. Calls on the handle return #CAPDIST_RELEASED by then.
 * @param user_data capdist_options.user_data
 */
typedef void (*capdist_closed_fn)(void *user_data);

/**
 * An attempt to connect begins, and `host` is a name: the library asks the application to look up its addresses. Answer with
 * capdist_resolved(), exactly once, inside this callback or later from any thread. The wait counts towards the attempt's time
 * limit. If the attempt fails first, this callback is not called again before that answer has come. A late answer serves the
 * attempt in progress. Between attempts it is dropped, and the next attempt asks again.
 * @param conn      the connection
 * @param host      the name; valid until the callback returns
 * @param user_data capdist_options.user_data
 */
typedef void (*capdist_resolve_fn)(capdist_conn *conn, const char *host, void *user_data);

/**
 * The connection's thread starts. This is the first callback on that thread. Here an application can attach the thread to its
 * runtime, name it, pin it to a processor, or unblock the signals by which a garbage collector stops threads (docs/embedding.md,
 * Garbage collectors). Thread mode only.
 * @param conn      the connection
 * @param user_data capdist_options.user_data
 */
typedef void (*capdist_thread_start_fn)(capdist_conn *conn, void *user_data);

/** Levels of #capdist_log_fn. */
enum {
    CAPDIST_LOG_ERROR = 1,   /**< the connection failed permanently: somebody must act */
    CAPDIST_LOG_WARNING = 2, /**< an attempt failed, a connection was lost, a gateway is silent, a refusal paused the quota
                                  group, or requests failed (one message a minute at most, with their number) */
    CAPDIST_LOG_INFO = 3,    /**< connecting, connected */
    CAPDIST_LOG_DEBUG = 4    /**< each failed request, and answers that no request waits for */
};

/** @name Parts of the err_code that connection callbacks receive
 *  The vendor's layout: the high 32 bits are the kind, the low 32 bits the code.
 *  @{ */
/** The kind: one of `CAPDIST_ERR_KIND_*`. */
#define CAPDIST_ERR_KIND(err_code) ((int32_t)((int64_t)(err_code) >> 32))
/** The code. Its meaning depends on the kind. */
#define CAPDIST_ERR_CODE(err_code) ((int32_t)((int64_t)(err_code) & 0x7fffffff))
/** @} */

/** Kinds: the step that failed. The code is errno, except for #CAPDIST_ERR_KIND_NAME_NOT_FOUND, and for
 *  #CAPDIST_ERR_KIND_INIT_CONNECT, where it is one of `CAPDIST_INIT_CONNECT_*`. */
enum {
    CAPDIST_ERR_KIND_CREATE = 1,         /**< the socket could not be made */
    CAPDIST_ERR_KIND_NAME_NOT_FOUND = 4, /**< the host name was not found; the code is getaddrinfo()'s, without its sign */
    CAPDIST_ERR_KIND_CONNECT = 6,        /**< connecting failed, or timed out (ETIMEDOUT) */
    CAPDIST_ERR_KIND_SELECT = 9,         /**< waiting on the socket failed */
    CAPDIST_ERR_KIND_SEND = 10,          /**< sending failed */
    CAPDIST_ERR_KIND_RECEIVE = 11,       /**< receiving failed. 0: the gateway closed the connection; ETIMEDOUT: it was silent
                                              for 33 s; EPROTO: it broke the protocol; EOVERFLOW: the connection ran out of
                                              serial numbers */
    CAPDIST_ERR_KIND_INIT_CONNECT = 100  /**< InitConnect failed */
};

/** Codes of #CAPDIST_ERR_KIND_INIT_CONNECT. */
enum {
    CAPDIST_INIT_CONNECT_UNKNOWN = 0,      /**< its answer could not be used */
    CAPDIST_INIT_CONNECT_TIMEOUT = 1,      /**< it was not answered in time */
    CAPDIST_INIT_CONNECT_DISCONNECTED = 3, /**< the connection was lost before the answer */
    CAPDIST_INIT_CONNECT_NOT_SENT = 4,     /**< it could not be sent */
    CAPDIST_INIT_CONNECT_REFUSED = 5       /**< OpenD refused it */
};

/* ----------------------------------------------------------------------------------------------------- options -- */

/** Which thread does the work of a connection. */
enum {
    CAPDIST_MODE_THREAD = 0,     /**< thread mode: the connection has a thread of its own */
    CAPDIST_MODE_HOST_DRIVEN = 1 /**< application-driven mode: the application's event loop does the work, with
                                      capdist_get_fd() and capdist_process() */
};

/** What carries the messages (docs/protocol.md). */
enum {
    CAPDIST_TRANSPORT_TCP = 0,          /**< OpenD's own protocol over TCP */
    CAPDIST_TRANSPORT_WEBSOCKET = 1,    /**< OpenD's WebSocket bridge, which has a port of its own and is off by default */
    CAPDIST_TRANSPORT_WEBSOCKET_TLS = 2 /**< the same over TLS 1.2 or newer, if OpenD has a certificate configured */
};

/** How bodies after InitConnect are encrypted if an RSA key is set (docs/protocol.md, Encryption). */
enum {
    CAPDIST_CIPHER_NONE = -1,     /**< not encrypted; InitConnect alone is */
    CAPDIST_CIPHER_FTAES_ECB = 0, /**< AES-128, ECB with the vendor's padding: the vendor's default */
    CAPDIST_CIPHER_AES_ECB = 1,   /**< AES-128, ECB */
    CAPDIST_CIPHER_AES_CBC = 2    /**< AES-128, CBC */
};

/** What a request does during an outage. An outage begins when an attempt to connect fails, and ends when one succeeds
 *  (docs/timeouts.md, While the gateway is down). */
enum {
    CAPDIST_OUTAGE_DEFAULT = 0, /**< in request options: as the connection; in capdist_options: wait */
    CAPDIST_OUTAGE_WAIT = 1,    /**< wait for the connection, at most for the queue timeout */
    CAPDIST_OUTAGE_FAIL = 2     /**< the call is refused at once, with the status and the cause of the last attempt. Before an
                                     outage begins, a request waits for the attempt in progress. If that attempt fails, the
                                     request completes with the same status */
};

/** What a request does when no slot of the quota is free. */
enum {
    CAPDIST_QUOTA_DEFAULT = 0, /**< in request options: as the connection; in capdist_options: wait */
    CAPDIST_QUOTA_WAIT = 1,    /**< wait for a slot, at most for the queue timeout */
    CAPDIST_QUOTA_FAIL = 2     /**< the call is refused at once with #CAPDIST_QUOTA_EXHAUSTED, unless a shared answer serves it
                                    (capdist_request_options.max_age_ms) */
};

/** How to connect. Fill it with capdist_options_init(), then change what you need.
 *  - Times are in milliseconds, from 1 to 3,600,000.
 *  - In fields for times and sizes, 0 means the default. In `port` 0 is refused, and in `quota_requests` it means no quota.
 *  - A boolean is 0 or 1. A text that is not NULL has 1 to 255 bytes, unless its field says otherwise.
 */
typedef struct capdist_options {
    size_t struct_size; /**< set by capdist_options_init() */

    const char *host;                 /**< the gateway: a numeric IPv4 or IPv6 address, `localhost` or a host name; NULL:
                                           "127.0.0.1" */
    int32_t port;                     /**< 1 to 65535; default 11111 for every transport */
    int32_t mode;                     /**< `CAPDIST_MODE_*`; default thread mode */
    const char *client_id;            /**< the application's name, shown to the gateway; NULL: "capdist" */
    int32_t client_version;           /**< the application's version, major * 100 + minor, not negative; default 101 */
    int32_t recv_notify;              /**< 1: ask the gateway for pushes, which go to `on_push`; default 0. Over WebSocket the
                                           gateway always pushes, and with 0 the library drops the pushes */
    const char *programming_language; /**< shown to the gateway; NULL: "C" */

    int32_t transport;                          /**< `CAPDIST_TRANSPORT_*`; default TCP */
    int32_t packet_cipher;                      /**< `CAPDIST_CIPHER_*`; only has an effect with an RSA key; default
                                                     #CAPDIST_CIPHER_FTAES_ECB */
    const char *rsa_private_key;                /**< TCP only: an RSA key of 512 to 4096 bits as PEM text, PKCS#1 or PKCS#8,
                                                     without passphrase. It turns encryption on. The text is not kept: you may wipe it
                                                     after capdist_init_connect() */
    const char *rsa_private_key_file;           /**< the same as a file: the path of a regular file of at most 64 KiB */
    const char *websocket_key;                  /**< WebSocket only: the key that is set in OpenD, not its MD5; up to 255 bytes;
                                                     NULL or "": none. The library sends its MD5 */
    const char *tls_ca_file;                    /**< TLS only: a PEM file with the certificates to trust, at most 16 MiB: those of
                                                     CAs, or the gateway's own. NULL: the system's CAs (docs/embedding.md,
                                                     Certificates). The gateway's certificate must be for `tls_server_name`
                                                     or, if that is NULL, for `host` */
    int32_t tls_insecure_accept_any_certificate; /**< TLS only. 1: accept any certificate, and warn in `on_log`; for tests only */

    int32_t reconnect;          /**< 1: repeat attempts to connect, the first one too, and reconnect after a lost connection;
                                     default 1 */
    int32_t reconnect_min_ms;   /**< the first pause between attempts; default 500 */
    int32_t reconnect_max_ms;   /**< the longest pause, not below the first; default 30,000. Pauses double, and each is shortened
                                     at random by up to half, so that clients do not return together. After a connection that
                                     lasted this long, pauses start at the first one again */
    int32_t connect_timeout_ms; /**< limit of one attempt, including name lookup and InitConnect; default 10,000 */
    int32_t queue_timeout_ms;   /**< from accepted to sent; default 120,000, so that a watch list can wait for the quota */
    int32_t reply_timeout_ms;   /**< from sent to answered; default 12,000, as the vendor's client has it */

    int32_t quota_requests;  /**< requests in a window, 0 to 100,000; 0: no quota is kept; default 30 */
    int32_t quota_window_ms; /**< the window's length; default 30,000 */
    int32_t quota_mode;      /**< `CAPDIST_QUOTA_*`; default wait */
    int32_t max_queue;       /**< most requests queued and in flight together, 1 to 1,000,000; default 4096 */
    int32_t max_body_bytes;  /**< longest body, sent or received, 1,024 to 268,435,456; default 4,194,304 */
    const char *quota_group; /**< connections of this process with the same group share a quota. NULL: one group for each `host`
                                  in lower case, whatever the port; all loopback names and addresses are one host */

    capdist_init_connect_fn on_init_connect; /**< the connection is established, or failed permanently. Each callback may be
                                                  NULL */
    capdist_disconnect_fn on_disconnect;     /**< the connection was lost */
    capdist_push_fn on_push;                 /**< the gateway pushed a message */
    capdist_log_fn on_log;                   /**< a message for the application's log */
    capdist_closed_fn on_closed;             /**< the connection has ended: the last use of `user_data` */
    void *user_data; /**< passed to every callback of this struct; the library does not use it otherwise */

    const char *tls_server_name; /**< WebSocket only: server name for the HTTP Host header, SNI and the certificate check. Use it if
                                      `host` is an address that the application looked up itself. NULL: `host` */

    capdist_resolve_fn on_resolve; /**< looks up `host` before each attempt. NULL: thread mode uses the system's resolver, and
                                        application-driven mode refuses names */

    capdist_thread_start_fn on_thread_start; /**< thread mode: the first callback on the connection's thread */
    int32_t thread_stack_bytes; /**< thread mode: stack size of the connection's thread, on which callbacks run, 131,072 to
                                     1,073,741,824, rounded up to pages; default 262,144 */
    int32_t outage_mode;        /**< `CAPDIST_OUTAGE_*`; default wait */
    capdist_attempt_failed_fn on_attempt_failed; /**< an attempt failed and will be repeated */
} capdist_options;

/**
 * Fills `options` with the defaults.
 * @param options the struct to fill
 * @param size    `sizeof *options`, as the caller was compiled
 * @return #CAPDIST_OK; #CAPDIST_INVALID_ARGUMENT for NULL or a size that no version of the header has
 */
CAPDIST_API capdist_status capdist_options_init(capdist_options *options, size_t size);

/** Options of one request. Fill it with capdist_request_options_init(). In every field, 0 means the connection's value. */
typedef struct capdist_request_options {
    size_t struct_size;       /**< set by capdist_request_options_init() */
    int32_t queue_timeout_ms; /**< milliseconds from accepted to sent, 0 to 3,600,000 */
    int32_t reply_timeout_ms; /**< milliseconds from sent to answered, 0 to 3,600,000 */
    int32_t quota_mode;       /**< `CAPDIST_QUOTA_*` */
    int32_t security_firm;    /**< QotHeader.securityFirm, not negative; 0: not sent. Gateways read it since 10.11 */
    uint32_t *serial_no;      /**< another place to store the request's serial number, or NULL. The call first stores 0. If it
                                   accepts the request, it stores the number atomically, before the request can complete. So
                                   another thread can end a blocking call with capdist_cancel(). Must stay valid until the call
                                   returns */
    int32_t outage_mode;      /**< `CAPDIST_OUTAGE_*` */
    int32_t max_age_ms;       /**< milliseconds, 0 to 3,600,000. Above 0: the request takes another one's answer if that is at most
                                   this old, and waits for the answer if another request for the same security is in flight
                                   (docs/quota.md, Shared answers). 0: it is always sent */
} capdist_request_options;

/**
 * Fills `options` with zeros, the defaults.
 * @param options the struct to fill
 * @param size    `sizeof *options`, as the caller was compiled
 * @return as capdist_options_init()
 */
CAPDIST_API capdist_status capdist_request_options_init(capdist_request_options *options, size_t size);

/* ------------------------------------------------------------------------------------------------- connections -- */

/**
 * Starts connecting, and returns at once; the result goes to `on_init_connect`. Requests may be made right away: they are queued
 * until the connection is established. End the connection with capdist_release().
 * @param options how to connect; NULL: the defaults
 * @param conn    receives the handle, before any callback can run; set to NULL if refused
 * @return #CAPDIST_OK; #CAPDIST_INVALID_ARGUMENT; #CAPDIST_UNSUPPORTED; #CAPDIST_QUOTA_CONFLICT; #CAPDIST_NEEDS_ADDRESS;
 *         #CAPDIST_SYSTEM_ERROR
 */
CAPDIST_API capdist_status capdist_init_connect(const capdist_options *options, capdist_conn **conn);

/**
 * Waits until the connection is established. If an attempt fails and another one follows, it goes on waiting. This call may
 * return before `on_init_connect` is called.
 * @param conn       the connection
 * @param timeout_ms milliseconds, 0 to 3,600,000; 0: does not wait
 * @return - #CAPDIST_OK: established
 *         - #CAPDIST_CONNECT_FAILED to #CAPDIST_TLS_FAILED, or #CAPDIST_DISCONNECTED: the cause. The connection failed
 *           permanently, or the timeout passed after an attempt that failed
 *         - #CAPDIST_CONNECT_TIMEOUT also if the timeout passed before any attempt failed
 *         - #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT; #CAPDIST_WOULD_DEADLOCK inside a callback
 */
CAPDIST_API capdist_status capdist_wait_ready(capdist_conn *conn, int32_t timeout_ms);

/**
 * Closes the connection and frees it. Each request that is queued or in flight completes as #CAPDIST_RELEASED through its
 * callback. Then `on_closed` is called; `on_disconnect` is not.
 * - Outside callbacks it returns after all that, and after the connection's thread has ended. It waits for a running callback of
 *   this connection, and for nothing else.
 * - Inside a callback it returns at once, and the rest happens after that callback.
 * - In a child after a fork it does nothing: the library closed the child's descriptors at the fork.
 * @param conn the connection
 * @return #CAPDIST_OK; #CAPDIST_RELEASED for a handle that was released before (harmless); #CAPDIST_INVALID_ARGUMENT for NULL or
 *         a value that was never a handle
 */
CAPDIST_API capdist_status capdist_release(capdist_conn *conn);

/**
 * Returns the descriptor of a connection in application-driven mode (#CAPDIST_MODE_HOST_DRIVEN). It is readable whenever
 * capdist_process() has something to do, and stays the same for the connection's life, across reconnects. Wait for it with
 * poll(), or level-triggered with epoll. Never read from it. It belongs to the library, and capdist_release() closes it: remove it
 * from your event loop before.
 * @param conn the connection
 * @return the descriptor; -1 if there is none, because the connection is NULL, in thread mode, released or from before a fork
 *         (capdist_last_error() tells)
 */
CAPDIST_API int32_t capdist_get_fd(capdist_conn *conn);

/**
 * Does the pending work of a connection in application-driven mode, and never waits: it connects, receives, sends, keeps the
 * connection alive and times requests out. Call it whenever the descriptor of capdist_get_fd() is readable; an extra call is
 * harmless. Any thread may call it, one at a time.
 *
 * Callbacks run inside it, on the calling thread. They also run inside capdist_release(), capdist_wait_ready() and
 * capdist_fetch_capital_distribution(), which drive the connection themselves while they wait, and inside no other call.
 * @param conn the connection
 * @return #CAPDIST_OK; #CAPDIST_BUSY while another thread drives this connection; #CAPDIST_WOULD_DEADLOCK inside a callback;
 *         #CAPDIST_INVALID_ARGUMENT for a connection in thread mode; #CAPDIST_RELEASED; #CAPDIST_FORKED; #CAPDIST_SYSTEM_ERROR
 *         if the application closed a descriptor of the connection: release it
 */
CAPDIST_API capdist_status capdist_process(capdist_conn *conn);

/**
 * Answers `on_resolve` with a name's addresses. The library tries them in this order, and divides the attempt's time between
 * them.
 * @param conn      the connection
 * @param addresses numeric IPv4 or IPv6 addresses, separated by a space, at most 65,535 bytes; NULL or "": the name was not found
 * @param why       if the name was not found: the reason in words, or NULL
 * @return #CAPDIST_OK; #CAPDIST_NOT_FOUND if `on_resolve` is not waiting for an answer; #CAPDIST_INVALID_ARGUMENT if something is
 *         not an address: `on_resolve` still waits for an answer then; #CAPDIST_RELEASED; #CAPDIST_FORKED
 */
CAPDIST_API capdist_status capdist_resolved(capdist_conn *conn, const char *addresses, const char *why);

/** States of a connection. */
enum {
    CAPDIST_STATE_CONNECTING = 0,   /**< connecting, or in the pause before the next attempt */
    CAPDIST_STATE_READY = 1,        /**< established */
    CAPDIST_STATE_NOT_CONNECTED = 2 /**< failed permanently */
};

/** What is known of a connection. Initialise it with capdist_connection_info_init(). */
typedef struct capdist_connection_info {
    size_t struct_size;     /**< set by capdist_connection_info_init() */
    uint64_t conn_id;       /**< the gateway's number for this connection; 0 before the first handshake */
    uint64_t login_user_id; /**< the user that the gateway is logged in as; 0 before the first handshake, and over WebSocket */
    int32_t server_version; /**< the gateway's version, major * 100 + minor; 0 before the first handshake, and over WebSocket */
    int32_t state;          /**< `CAPDIST_STATE_*` */
} capdist_connection_info;

/**
 * Initialises `info` with zeros.
 * @param info the struct to initialise
 * @param size `sizeof *info`, as the caller was compiled
 * @return as capdist_options_init()
 */
CAPDIST_API capdist_status capdist_connection_info_init(capdist_connection_info *info, size_t size);

/**
 * Fills `info` with what is known of a connection.
 * @param conn the connection
 * @param info the struct to fill
 * @return #CAPDIST_OK, #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT
 */
CAPDIST_API capdist_status capdist_get_connection_info(capdist_conn *conn, capdist_connection_info *info);

/** The state of a quota group. Initialise it with capdist_quota_init(). */
typedef struct capdist_quota {
    size_t struct_size;   /**< set by capdist_quota_init() */
    int32_t limit;        /**< requests in a window; 0: no quota is kept */
    int32_t window_ms;    /**< the window's length in milliseconds */
    int32_t used;         /**< slots in use: by requests in flight, and by those answered within the last window */
    int32_t waiting;      /**< requests of the whole group that wait for a slot */
    int32_t next_slot_ms; /**< milliseconds until a slot is free; 0: one is free now; -1: not known, because requests in flight
                               use every slot */
    int32_t reserved;     /**< 0 */
} capdist_quota;

/**
 * Initialises `quota` with zeros.
 * @param quota the struct to initialise
 * @param size  `sizeof *quota`, as the caller was compiled
 * @return as capdist_options_init()
 */
CAPDIST_API capdist_status capdist_quota_init(capdist_quota *quota, size_t size);

/**
 * Fills `quota` with the state of the connection's quota group.
 * @param conn  the connection
 * @param quota the struct to fill
 * @return #CAPDIST_OK, #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT
 */
CAPDIST_API capdist_status capdist_get_quota(capdist_conn *conn, capdist_quota *quota);

/* ---------------------------------------------------------------------------------------------------- requests -- */

/**
 * Requests a stock's capital distribution. Returns at once; the answer goes to `callback`, exactly once.
 * @param conn      the connection; it need not be established yet
 * @param security  the stock, warrant or fund
 * @param options   options of this request; NULL: the connection's
 * @param callback  receives the reply; not NULL
 * @param user_data passed to `callback`; the library does not use it otherwise
 * @param serial_no receives the request's serial number, before the callback can run: never 0, and the same that `callback`
 *                  gets; set to 0 if refused; may be NULL
 * @return #CAPDIST_OK: accepted. Otherwise refused, and the callback is never called: #CAPDIST_INVALID_ARGUMENT,
 *         #CAPDIST_QUEUE_FULL, #CAPDIST_QUOTA_EXHAUSTED, #CAPDIST_NOT_CONNECTED, #CAPDIST_RELEASED, #CAPDIST_FORKED,
 *         #CAPDIST_UNSUPPORTED, #CAPDIST_SYSTEM_ERROR. With #CAPDIST_OUTAGE_FAIL during an outage also the status of the last
 *         attempt (#CAPDIST_CONNECT_FAILED to #CAPDIST_TLS_FAILED, or #CAPDIST_DISCONNECTED)
 */
CAPDIST_API capdist_status capdist_get_capital_distribution(capdist_conn *conn, const capdist_security *security,
                                                            const capdist_request_options *options,
                                                            capdist_reply_fn callback, void *user_data,
                                                            uint32_t *serial_no);

/**
 * The same as a blocking call. It takes at most the queue timeout plus the reply timeout.
 * @param conn     the connection; it need not be established yet
 * @param security the stock, warrant or fund
 * @param options  options of this request; NULL: the connection's
 * @param reply    receives the reply if the request was accepted, else NULL; free it with capdist_reply_free()
 * @return the reply's status; or why the request was refused, as capdist_get_capital_distribution() does;
 *         #CAPDIST_WOULD_DEADLOCK inside a callback
 */
CAPDIST_API capdist_status capdist_fetch_capital_distribution(capdist_conn *conn, const capdist_security *security,
                                                              const capdist_request_options *options,
                                                              capdist_reply **reply);

/**
 * Ends a request that is queued or in flight. It completes as #CAPDIST_CANCELLED through its callback, soon after this call. A
 * request that was sent keeps its quota slot, because the gateway counts it.
 * @param conn      the connection
 * @param serial_no the request's serial number
 * @return #CAPDIST_OK, #CAPDIST_NOT_FOUND, #CAPDIST_RELEASED, #CAPDIST_FORKED, #CAPDIST_INVALID_ARGUMENT
 */
CAPDIST_API capdist_status capdist_cancel(capdist_conn *conn, uint32_t serial_no);

/**
 * Sends any other request as raw protobuf. The raw answer goes to `callback`, exactly once. Only protocol 3212 uses the quota.
 * The library's own protocols are refused: 1001 (InitConnect) and 1004 (KeepAlive), and over WebSocket also 1 and 2, the
 * bridge's.
 * @param conn      the connection; it need not be established yet
 * @param proto_id  the protocol's number, not 0
 * @param body      the request's protobuf, which is copied; may be NULL if `length` is 0
 * @param length    length of `body` in bytes, at most the connection's `max_body_bytes`
 * @param options   options of this request; NULL: the connection's. `security_firm` must be 0
 * @param callback  receives the reply; not NULL
 * @param user_data passed to `callback`; the library does not use it otherwise
 * @param serial_no as for capdist_get_capital_distribution()
 * @return as capdist_get_capital_distribution()
 */
CAPDIST_API capdist_status capdist_send_proto(capdist_conn *conn, uint32_t proto_id, const void *body, size_t length,
                                              const capdist_request_options *options, capdist_proto_fn callback,
                                              void *user_data, uint32_t *serial_no);

#ifdef __cplusplus
}
#endif

#endif /* CAPDIST_H */
