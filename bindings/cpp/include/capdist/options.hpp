/// @file
/// Options of a connection and of a request.
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

/// For the C interface. A time that an int32_t cannot hold stays out of range, and the library refuses it.
inline std::int32_t to_ms(std::chrono::milliseconds time) noexcept {
    using limits = std::numeric_limits<std::int32_t>;
    if (time.count() > limits::max()) return limits::max();
    return time.count() < limits::min() ? limits::min() : static_cast<std::int32_t>(time.count());
}

inline const char *text_or_null(const std::string &text) noexcept {
    return text.empty() ? nullptr : text.c_str();
}

/// NULL if there is no text. An empty text is not NULL, and the library refuses it.
inline const char *text_or_null(const std::optional<std::string> &text) noexcept {
    return text ? text->c_str() : nullptr;
}

} // namespace detail

/// Which thread does the work of a connection.
enum class mode : std::int32_t {
    thread = CAPDIST_MODE_THREAD,                   ///< the connection has a thread of its own
    application_driven = CAPDIST_MODE_HOST_DRIVEN ///< the application's event loop: descriptor() and process()
};

/// How to connect: the fields of capdist_options, with its defaults (capdist.h has units and ranges). An empty text and a time
/// of 0 mean the default.
///
/// Callbacks run on the connection's thread, one at a time. With mode::application_driven that is the thread inside process().
/// They may call everything except what waits, also close(). They are destroyed after on_closed has returned. What they throw
/// goes to on_exception.
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
    std::optional<std::string> rsa_private_key; ///< PEM text; an empty text is refused
    std::optional<std::string> rsa_private_key_file;
    std::string websocket_key;
    std::optional<std::string> tls_ca_file;
    std::optional<std::string> tls_server_name; ///< use it if `host` is an address that the application looked up itself
    bool tls_insecure_accept_any_certificate = false;

    bool reconnect; ///< default true
    std::chrono::milliseconds reconnect_min{};
    std::chrono::milliseconds reconnect_max{};
    std::chrono::milliseconds connect_timeout{};
    std::chrono::milliseconds queue_timeout{};
    std::chrono::milliseconds reply_timeout{};
    capdist::outage_mode outage_mode = capdist::outage_mode::standard;

    std::int32_t quota_requests = 0; ///< 0: no quota is kept; default 30
    std::chrono::milliseconds quota_window{};
    capdist::quota_mode quota_mode = capdist::quota_mode::standard;
    std::string quota_group;
    std::int32_t max_queue = 0;
    std::int32_t max_body_bytes = 0;
    std::int32_t thread_stack_bytes = 0; ///< stack size of the connection's thread, on which callbacks run

    /// The connection is established (`err_code` 0), or failed permanently. CAPDIST_ERR_KIND and CAPDIST_ERR_CODE split
    /// `err_code`. The text is valid until the callback returns.
    std::function<void(connection_ref, std::int64_t err_code, std::string_view desc)> on_init_connect;
    std::function<void(connection_ref, std::int64_t err_code, std::string_view desc)> on_disconnect;
    /// An attempt to connect failed, and the library will try again.
    std::function<void(connection_ref, std::int64_t err_code, std::string_view desc)> on_attempt_failed;
    std::function<void(connection_ref, std::uint32_t proto_id, std::string_view body)> on_push;
    std::function<void(connection_ref, log_level, std::string_view message)> on_log;
    /// An attempt begins, and `host` is a name: look it up, and answer with connection_ref::resolved() once, here or later. If
    /// this is not set, the library looks names up; with mode::application_driven it refuses them (status::needs_address).
    std::function<void(connection_ref, std::string_view host)> on_resolve;
    /// The connection has ended. This is the last callback, after every completion.
    std::function<void()> on_closed;
    /// Receives what any callback of the connection threw, those of replies included. If it is not set, on_log gets a message
    /// (log_level::error). What it throws itself is dropped: no exception crosses the C interface. Never called without
    /// exceptions (-fno-exceptions).
    std::function<void(std::exception_ptr)> on_exception;

    /// The defaults.
    options() {
        capdist_options raw;
        capdist_options_init(&raw, sizeof raw); // never refused: the size is a header's
        port = raw.port;
        client_version = raw.client_version;
        reconnect = raw.reconnect != 0;
        quota_requests = raw.quota_requests;
    }

    /// The defaults, with that address.
    options(std::string gateway_host, std::int32_t gateway_port) : options() {
        host = std::move(gateway_host);
        port = gateway_port;
    }
};

/// Options of one request. What is not set is the connection's value.
struct request_options {
    std::chrono::milliseconds queue_timeout{};
    std::chrono::milliseconds reply_timeout{};
    capdist::quota_mode quota_mode = capdist::quota_mode::standard;
    std::int32_t security_firm = 0;
    /// Receives the serial number of a blocking call while it waits (capdist.h), so that another thread can cancel it; or
    /// nullptr.
    std::uint32_t *serial_no = nullptr;
    capdist::outage_mode outage_mode = capdist::outage_mode::standard;
    /// Above 0: take another request's answer if it is at most this old, and wait for it if one is in flight (docs/quota.md,
    /// Shared answers). 0: the request is always sent. Not for send_proto().
    std::chrono::milliseconds max_age{};
};

namespace detail {

/// The C struct, without callbacks. It points into `from`.
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
    raw.max_age_ms = to_ms(from.max_age);
    return raw;
}

} // namespace detail
CAPDIST_NAMESPACE_END

#endif
