/// @file
/// Enums of capdist.h, and functions that read newer fields.
// Generated from include/capdist.h: do not edit. `make abi` writes it.
#ifndef CAPDIST_ABI_HPP
#define CAPDIST_ABI_HPP

#include <cstdint>

#include "capdist.h"
#include "capdist/namespace.hpp"

// Weak: a program also runs with an older library, and then these are null.
extern "C" {
extern __typeof__(capdist_status_retry) capdist_status_retry __attribute__((weak));
extern __typeof__(capdist_flow_of) capdist_flow_of __attribute__((weak));
extern __typeof__(capdist_resolved) capdist_resolved __attribute__((weak));
}

CAPDIST_NAMESPACE_BEGIN

/// The result of a call or of a request.
enum class status : std::int32_t {
    /// Done.
    ok = CAPDIST_OK,
    /// The gateway refused the request.
    refused = CAPDIST_REFUSED,
    /// The gateway refused because too many requests were made. Try again after the time given.
    rate_limited = CAPDIST_RATE_LIMITED,
    /// The request timed out before it was sent. It is safe to repeat.
    queue_timeout = CAPDIST_QUEUE_TIMEOUT,
    /// The request was sent, and no answer came in time.
    reply_timeout = CAPDIST_REPLY_TIMEOUT,
    /// The connection to the gateway was lost.
    disconnected = CAPDIST_DISCONNECTED,
    /// The gateway's answer is damaged.
    malformed_reply = CAPDIST_MALFORMED_REPLY,
    /// The request was cancelled.
    cancelled = CAPDIST_CANCELLED,
    /// The connection was released.
    released = CAPDIST_RELEASED,
    /// The gateway could not be reached.
    connect_failed = CAPDIST_CONNECT_FAILED,
    /// The gateway did not answer in time.
    connect_timeout = CAPDIST_CONNECT_TIMEOUT,
    /// The gateway refused the connection's InitConnect.
    connect_refused = CAPDIST_CONNECT_REFUSED,
    /// The peer does not speak OpenD's protocol.
    protocol_error = CAPDIST_PROTOCOL_ERROR,
    /// The requested encryption failed.
    encryption_failed = CAPDIST_ENCRYPTION_FAILED,
    /// The TLS connection could not be made.
    tls_failed = CAPDIST_TLS_FAILED,
    /// An argument is not valid.
    invalid_argument = CAPDIST_INVALID_ARGUMENT,
    /// Too many requests are waiting.
    queue_full = CAPDIST_QUEUE_FULL,
    /// The quota is used up for now.
    quota_exhausted = CAPDIST_QUOTA_EXHAUSTED,
    /// The connection has failed permanently. Release it and make a new one.
    not_connected = CAPDIST_NOT_CONNECTED,
    /// The call would wait for the thread that it runs on.
    would_deadlock = CAPDIST_WOULD_DEADLOCK,
    /// Another thread drives this connection.
    busy = CAPDIST_BUSY,
    /// The connection belongs to the parent process.
    forked = CAPDIST_FORKED,
    /// This version of the library cannot do that.
    unsupported = CAPDIST_UNSUPPORTED,
    /// A numeric address is needed here.
    needs_address = CAPDIST_NEEDS_ADDRESS,
    /// Another connection of this quota group has another limit or window.
    quota_conflict = CAPDIST_QUOTA_CONFLICT,
    /// There is no such request. It may have completed already.
    not_found = CAPDIST_NOT_FOUND,
    /// The operating system refused a thread, a descriptor or memory.
    system_error = CAPDIST_SYSTEM_ERROR
};

/// Whether a failed request or call may succeed if it is repeated.
enum class retry : std::int32_t {
    /// Not known: the gateway's words do not tell, or the answer was damaged. Also the value after success.
    unknown = CAPDIST_RETRY_UNKNOWN,
    /// The same request cannot succeed: the stock is unknown, the account may not see the quote, the connection has
    /// ended.
    never = CAPDIST_RETRY_NEVER,
    /// It may succeed later: a timeout, a lost connection, a gateway that lost the vendor's servers.
    later = CAPDIST_RETRY_LATER,
    /// It may succeed after retry_after_ms.
    after = CAPDIST_RETRY_AFTER
};

/// Markets (Qot_Common.QotMarket), each with the name that capdist_security_parse() reads before the first dot. A
/// market that is not listed can be requested by its number, from 1 up.
enum class market : std::int32_t {
    /// HK: Hong Kong.
    hk = CAPDIST_MARKET_HK,
    /// HK_FUTURE: Hong Kong futures.
    hk_future = CAPDIST_MARKET_HK_FUTURE,
    /// US: United States.
    us = CAPDIST_MARKET_US,
    /// SH: Shanghai.
    sh = CAPDIST_MARKET_SH,
    /// SZ: Shenzhen.
    sz = CAPDIST_MARKET_SZ,
    /// SG: Singapore.
    sg = CAPDIST_MARKET_SG,
    /// JP: Japan.
    jp = CAPDIST_MARKET_JP,
    /// AU: Australia.
    au = CAPDIST_MARKET_AU,
    /// MY: Malaysia.
    my = CAPDIST_MARKET_MY,
    /// CA: Canada.
    ca = CAPDIST_MARKET_CA,
    /// FX: foreign exchange.
    fx = CAPDIST_MARKET_FX,
    /// CC: crypto currencies.
    cc = CAPDIST_MARKET_CC,
    /// EC: event contracts.
    ec = CAPDIST_MARKET_EC
};

/// Levels of #capdist_log_fn.
enum class log_level : std::int32_t {
    /// The connection failed permanently: somebody must act.
    error = CAPDIST_LOG_ERROR,
    /// An attempt failed, a connection was lost, a gateway is silent, a refusal paused the quota group, or requests
    /// failed (one message a minute at most, with their number).
    warning = CAPDIST_LOG_WARNING,
    /// Connecting, connected.
    info = CAPDIST_LOG_INFO,
    /// Each failed request, and answers that no request waits for.
    debug = CAPDIST_LOG_DEBUG
};

/// What carries the messages (docs/protocol.md).
enum class transport : std::int32_t {
    /// OpenD's own protocol over TCP.
    tcp = CAPDIST_TRANSPORT_TCP,
    /// OpenD's WebSocket bridge, which has a port of its own and is off by default.
    websocket = CAPDIST_TRANSPORT_WEBSOCKET,
    /// The same over TLS 1.2 or newer, if OpenD has a certificate configured.
    websocket_tls = CAPDIST_TRANSPORT_WEBSOCKET_TLS
};

/// How bodies after InitConnect are encrypted if an RSA key is set (docs/protocol.md, Encryption).
enum class cipher : std::int32_t {
    /// Not encrypted; InitConnect alone is.
    none = CAPDIST_CIPHER_NONE,
    /// AES-128, ECB with the vendor's padding: the vendor's default.
    ftaes_ecb = CAPDIST_CIPHER_FTAES_ECB,
    /// AES-128, ECB.
    aes_ecb = CAPDIST_CIPHER_AES_ECB,
    /// AES-128, CBC.
    aes_cbc = CAPDIST_CIPHER_AES_CBC
};

/// What a request does during an outage. An outage begins when an attempt to connect fails, and ends when one
/// succeeds (docs/timeouts.md, While the gateway is down).
enum class outage_mode : std::int32_t {
    /// In request options: as the connection; in capdist_options: wait.
    standard = CAPDIST_OUTAGE_DEFAULT,
    /// Wait for the connection, at most for the queue timeout.
    wait = CAPDIST_OUTAGE_WAIT,
    /// The call is refused at once, with the status and the cause of the last attempt. Before an outage begins, a
    /// request waits for the attempt in progress. If that attempt fails, the request completes with the same status.
    fail = CAPDIST_OUTAGE_FAIL
};

/// What a request does when no slot of the quota is free.
enum class quota_mode : std::int32_t {
    /// In request options: as the connection; in capdist_options: wait.
    standard = CAPDIST_QUOTA_DEFAULT,
    /// Wait for a slot, at most for the queue timeout.
    wait = CAPDIST_QUOTA_WAIT,
    /// The call is refused at once with quota_exhausted, unless a shared answer serves it
    /// (capdist_request_options.max_age_ms).
    fail = CAPDIST_QUOTA_FAIL
};

/// States of a connection.
enum class state : std::int32_t {
    /// Connecting, or in the pause before the next attempt.
    connecting = CAPDIST_STATE_CONNECTING,
    /// Established.
    ready = CAPDIST_STATE_READY,
    /// Failed permanently.
    not_connected = CAPDIST_STATE_NOT_CONNECTED
};

namespace detail {

/// Whether to repeat the request: one of CAPDIST_RETRY_*. Read it only if present has has_retry. Since 1.1; otherwise
/// if the library is older, and its struct lacks the field.
inline std::int32_t retry_in(const capdist_reply &from, std::int32_t otherwise) noexcept {
    return from.present & CAPDIST_HAS_RETRY ? from.retry : otherwise;
}

/// 1: the answer is another request's (capdist_request_options.max_age_ms), and was_sent is 0; else 0. Read it only
/// if present has has_from_cache. Since 1.1; otherwise if the library is older, and its struct lacks the field.
inline std::int32_t from_cache_in(const capdist_reply &from, std::int32_t otherwise) noexcept {
    return from.present & CAPDIST_HAS_FROM_CACHE ? from.from_cache : otherwise;
}

/// If from_cache is 1: whole milliseconds from the arrival of the answer to the completion of this request; else 0.
/// Read it only if present has has_age_ms. Since 1.1; otherwise if the library is older, and its struct lacks the
/// field.
inline std::int32_t age_ms_in(const capdist_reply &from, std::int32_t otherwise) noexcept {
    return from.present & CAPDIST_HAS_AGE_MS ? from.age_ms : otherwise;
}

/// As in capdist_reply. Since 1.1; otherwise if the library is older, and its struct lacks the field.
inline std::int32_t retry_in(const capdist_proto_reply &from, std::int32_t otherwise) noexcept {
    return from.present & CAPDIST_HAS_RETRY ? from.retry : otherwise;
}

} // namespace detail
CAPDIST_NAMESPACE_END

#endif
