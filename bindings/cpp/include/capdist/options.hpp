/// @file
/// How to connect, and what one request may set for itself.
#ifndef CAPDIST_OPTIONS_HPP
#define CAPDIST_OPTIONS_HPP

#include <cstddef>
#include <exception>
#include <functional>
#include <limits>

#include "capdist/reply.hpp"

CAPDIST_NAMESPACE_BEGIN

class connection_ref;

namespace detail {

/// For the C ABI, which refuses what is out of range; a time it could not even hold must not come back into range.
inline std::int32_t to_ms(std::chrono::milliseconds time) noexcept {
    using limits = std::numeric_limits<std::int32_t>;
    if (time.count() > limits::max()) return limits::max();
    return time.count() < limits::min() ? limits::min() : static_cast<std::int32_t>(time.count());
}

inline const char *text_or_null(const std::string &text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

/// For what must not be taken for left out when it is empty.
inline const char *text_or_null(const std::optional<std::string> &text) noexcept {
    return text ? text->c_str() : nullptr;
}

} // namespace detail

/// Who drives a connection.
enum class mode : std::int32_t {
    thread = CAPDIST_MODE_THREAD,                   ///< a thread of its own
    application_driven = CAPDIST_MODE_HOST_DRIVEN ///< the application's own loop: descriptor() and process()
};

/// How to connect: the fields of capdist_options with its defaults (capdist.h tells units and ranges). An empty text,
/// and a time of 0, take the default.
///
/// The callbacks are called on the connection's thread (the one inside process() where the application drives), one at a time, and may call anything, close() included. They are
/// owned until on_closed has returned, and destroyed then. What one of them throws goes to on_exception.
struct options {
    std::string host;
    std::int32_t port = 0;
    capdist::mode mode = capdist::mode::thread;
    std::string client_id;
    std::int32_t client_version = 0;
    bool recv_notify = false;
    std::string programming_language = "C++";

    capdist::transport transport = capdist::transport::tcp;
    cipher packet_cipher = cipher::ftaes_ecb;
    std::optional<std::string> rsa_private_key; ///< PEM text; or, below, a file's path; an empty one is refused
    std::optional<std::string> rsa_private_key_file;
    std::string websocket_key;
    std::optional<std::string> tls_ca_file;
    std::optional<std::string> tls_server_name; ///< where `host` is an address that the program resolved itself
    bool tls_insecure_accept_any_certificate = false;

    bool reconnect; ///< the library's default: true
    std::chrono::milliseconds reconnect_min{};
    std::chrono::milliseconds reconnect_max{};
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds queue_timeout{};
    std::chrono::milliseconds reply_timeout{};
    capdist::outage_mode outage_mode = capdist::outage_mode::standard;

    std::int32_t quota_requests = 0; ///< 0: no quota is kept; the default is 30
    std::chrono::milliseconds quota_window{};
    capdist::quota_mode quota_mode = capdist::quota_mode::standard;
    std::string quota_group;
    std::int32_t max_queue = 0;
    std::int32_t max_body_bytes = 0;
    std::int32_t thread_stack_bytes = 0; ///< of the connection's thread, on which callbacks run

    /// `err_code` is laid out as CAPDIST_ERR_KIND and CAPDIST_ERR_CODE take it apart; the text lives until they return.
    std::function<void(connection_ref, std::int64_t err_code, std::string_view desc)> on_init_connect;
    std::function<void(connection_ref, std::int64_t err_code, std::string_view desc)> on_disconnect;
    /// An attempt to connect failed, and another one follows.
    std::function<void(connection_ref, std::int64_t err_code, std::string_view desc)> on_attempt_failed;
    std::function<void(connection_ref, std::uint32_t proto_id, std::string_view body)> on_push;
    std::function<void(connection_ref, log_level, std::string_view message)> on_log;
    /// An attempt begins, and `host` is a name: look it up, and tell connection_ref::resolved() once, here or later. Without it the library
    /// does; with mode::application_driven a name is then refused with status::needs_address.
    std::function<void(connection_ref, std::string_view host)> on_resolve;
    /// The very last of the connection's callbacks, also after every reply's.
    std::function<void()> on_closed;
    /// Gets what any callback of the connection threw, replies' included. Without it the exception is only told to
    /// on_log (log_level::error). What this one throws itself is dropped: no exception ever crosses the C ABI. Without exceptions
    /// (-fno-exceptions) it is never called.
    std::function<void(std::exception_ptr)> on_exception;

    /// The defaults.
    options() {
        capdist_options raw;
        capdist_options_init(&raw, sizeof raw); // which refuses no header's size
        port = raw.port;
        client_version = raw.client_version;
        reconnect = raw.reconnect != 0;
        quota_requests = raw.quota_requests;
    }

    /// For a gateway elsewhere than at the default place.
    options(std::string gateway_host, std::int32_t gateway_port) : options() {
        host = std::move(gateway_host);
        port = gateway_port;
    }
};

/// What one request may set for itself; what is left alone is as the connection's options say.
struct request_options {
    std::chrono::milliseconds queue_timeout{};
    std::chrono::milliseconds reply_timeout{};
    capdist::quota_mode quota_mode = capdist::quota_mode::standard;
    std::int32_t security_firm = 0;
    /// Where a blocking call tells its number while it waits (capdist.h), so that another thread can cancel it; or nullptr.
    std::uint32_t *serial_no = nullptr;
    capdist::outage_mode outage_mode = capdist::outage_mode::standard;
};

namespace detail {

/// The C struct; it points into `from`, and has no callbacks yet.
inline capdist_options raw_options(const options &from) noexcept {
    capdist_options raw;
    capdist_options_init(&raw, sizeof raw);
    raw.host = text_or_null(from.host);
    raw.port = from.port;
    raw.mode = static_cast<std::int32_t>(from.mode);
    raw.client_id = text_or_null(from.client_id);
    raw.client_version = from.client_version;
    raw.recv_notify = from.recv_notify;
    raw.programming_language = text_or_null(from.programming_language);
    raw.transport = static_cast<std::int32_t>(from.transport);
    raw.packet_cipher = static_cast<std::int32_t>(from.packet_cipher);
    raw.rsa_private_key = text_or_null(from.rsa_private_key);
    raw.rsa_private_key_file = text_or_null(from.rsa_private_key_file);
    raw.websocket_key = text_or_null(from.websocket_key);
    raw.tls_ca_file = text_or_null(from.tls_ca_file);
    raw.tls_server_name = text_or_null(from.tls_server_name);
    raw.tls_insecure_accept_any_certificate = from.tls_insecure_accept_any_certificate;
    raw.reconnect = from.reconnect;
    raw.reconnect_min_ms = to_ms(from.reconnect_min);
    raw.reconnect_max_ms = to_ms(from.reconnect_max);
    raw.connect_timeout_ms = to_ms(from.connect_timeout);
    raw.queue_timeout_ms = to_ms(from.queue_timeout);
    raw.reply_timeout_ms = to_ms(from.reply_timeout);
    raw.quota_requests = from.quota_requests;
    raw.quota_window_ms = to_ms(from.quota_window);
    raw.quota_mode = static_cast<std::int32_t>(from.quota_mode);
    raw.max_queue = from.max_queue;
    raw.max_body_bytes = from.max_body_bytes;
    raw.quota_group = text_or_null(from.quota_group);
    raw.thread_stack_bytes = from.thread_stack_bytes;
    raw.outage_mode = static_cast<std::int32_t>(from.outage_mode);
    return raw;
}

inline capdist_request_options raw_options(const request_options &from) noexcept {
    capdist_request_options raw;
    capdist_request_options_init(&raw, sizeof raw);
    raw.queue_timeout_ms = to_ms(from.queue_timeout);
    raw.reply_timeout_ms = to_ms(from.reply_timeout);
    raw.quota_mode = static_cast<std::int32_t>(from.quota_mode);
    raw.security_firm = from.security_firm;
    raw.serial_no = from.serial_no;
    raw.outage_mode = static_cast<std::int32_t>(from.outage_mode);
    return raw;
}

} // namespace detail
CAPDIST_NAMESPACE_END

#endif
