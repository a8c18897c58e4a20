/// @file
/// A reference to a connection: requests, and information.
#ifndef CAPDIST_CONNECTION_REF_HPP
#define CAPDIST_CONNECTION_REF_HPP

#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif

#include "capdist/options.hpp"

CAPDIST_NAMESPACE_BEGIN

/// What is known of a connection. The numbers are 0 before the first handshake.
struct connection_info {
    std::uint64_t conn_id = 0;       ///< the gateway's number for this connection
    std::uint64_t login_user_id = 0; ///< the user that the gateway is logged in as; 0 over WebSocket
    std::int32_t server_version = 0; ///< the gateway's version, major * 100 + minor; 0 over WebSocket
    capdist::state state = capdist::state::connecting;
};

/// The state of a quota group.
struct quota {
    std::int32_t limit = 0;             ///< requests in a window; 0: no quota is kept
    std::chrono::milliseconds window{}; ///< the window's length
    std::int32_t used = 0;              ///< slots in use: by requests in flight, and by those answered within the last window
    std::int32_t waiting = 0;           ///< requests of the whole group that wait for a slot
    /// Time until a slot is free; 0: one is free now; none: not known, because requests in flight use every slot.
    std::optional<std::chrono::milliseconds> next_slot;
};

/// The library's version, such as "1.1.0".
inline std::string_view version() noexcept {
    return capdist_version();
}

namespace detail {

/// Whether the loaded library has the major version of these headers.
inline bool library_fits() noexcept {
    return std::strtol(capdist_version(), nullptr, 10) == CAPDIST_VERSION_MAJOR;
}

#if CAPDIST_EXCEPTIONS
inline void check_library() {
    if (library_fits()) return;
    throw error(status::unsupported, "this program was compiled with the headers of libcapdist " +
                                         std::to_string(CAPDIST_VERSION_MAJOR) + ", and the library is version " +
                                         capdist_version() + ": both need the same major number");
}
#endif

/// The application's callbacks. The library holds them from init_connect until on_closed, where they are deleted.
struct callbacks {
    options given;

    explicit callbacks(options from) : given(std::move(from)) {}

    /// Calls a function of the application. No exception may reach the C frames below.
    template <class F> void run(capdist_conn *conn, F &&body) noexcept;
#if CAPDIST_EXCEPTIONS
    void report(capdist_conn *conn, std::exception_ptr thrown) noexcept;
#endif
};

/// A callback for a reply, and the connection's callbacks, which receive its exceptions. Deleted after its one call.
template <class F> struct pending {
    F body;
    callbacks *owner; // lives until on_closed, which comes after the last reply
};

} // namespace detail

#if CAPDIST_EXCEPTIONS && defined(__cpp_impl_coroutine)
class capital_distribution_awaitable;
#endif

/// A reference to a connection, which does not own it. It can be copied, and may outlive the connection: then calls are refused
/// with status::released. Every function may be called from any thread, and from inside callbacks, except those that wait.
///
/// Each call that may fail throws error, or takes a std::error_code and does not throw. Only copying your callback may throw
/// then. Without exceptions (-fno-exceptions) there are only the calls with std::error_code.
class connection_ref {
public:
    /// No connection: calls are refused as invalid_argument.
    connection_ref() noexcept = default;

#if CAPDIST_EXCEPTIONS
    /// Waits until the connection is established. If an attempt fails and another one follows, it goes on waiting. Throws error
    /// if the timeout passes (0: does not wait), or the connection fails permanently.
    void wait_ready(std::chrono::milliseconds timeout) const {
        detail::check(capdist_wait_ready(conn_, detail::to_ms(timeout)));
    }
#endif
    bool wait_ready(std::chrono::milliseconds timeout, std::error_code &ec) const noexcept {
        return detail::check(capdist_wait_ready(conn_, detail::to_ms(timeout)), ec);
    }

#if CAPDIST_EXCEPTIONS
    /// Requests a stock's capital distribution. Returns the serial number at once, never 0. `callback` receives a
    /// `const reply_view &` exactly once, on the connection's thread. What it throws goes to options::on_exception.
    template <class F>
    std::uint32_t get_capital_distribution(const security &security, F &&callback,
                                           const request_options &options = {}) const {
        std::uint32_t serial_no = 0;
        detail::check(ask(security.raw(), boxed(std::forward<F>(callback)), options, serial_no));
        return serial_no;
    }
#endif
    /// The same without exceptions; 0 if refused.
    template <class F>
    std::uint32_t get_capital_distribution(const security_like &security, F &&callback, std::error_code &ec,
                                           const request_options &options = {}) const noexcept(can_take<F>) {
        std::uint32_t serial_no = 0;
        if (!detail::check(security.result(), ec)) return serial_no;
        if (auto box = boxed(std::forward<F>(callback), ec))
            detail::check(ask(security.raw(), std::move(box), options, serial_no), ec);
        return serial_no;
    }

#if CAPDIST_EXCEPTIONS
    /// Requests a stock's capital distribution, and waits for it: at most the queue timeout plus the reply timeout. Throws
    /// error if refused (inside a callback with status::would_deadlock), request_error if the request completes without
    /// figures.
    capital_distribution fetch_capital_distribution(const security &security,
                                                    const request_options &options = {}) const {
        const capdist_request_options raw = detail::raw_options(options);
        capdist_reply *owned = nullptr;
        const capdist_status result = capdist_fetch_capital_distribution(conn_, &security.raw(), &raw, &owned);
        if (!owned) throw error(static_cast<status>(result), capdist_last_error());
        return reply(owned).value();
    }
#endif
    /// The reply, whatever its status; none if the request was refused. `ec` tells why there are no figures.
    std::optional<reply> fetch_capital_distribution(const security_like &security, std::error_code &ec,
                                                    const request_options &options = {}) const noexcept {
        if (!detail::check(security.result(), ec)) return std::nullopt;
        const capdist_request_options raw = detail::raw_options(options);
        capdist_reply *owned = nullptr;
        detail::check(capdist_fetch_capital_distribution(conn_, &security.raw(), &raw, &owned), ec);
        if (!owned) return std::nullopt;
        return detail::with_memory([owned] { return reply(owned); }, ec);
    }

#if CAPDIST_EXCEPTIONS
    /// Requests a stock's capital distribution as a future. Its get() throws request_error if the request completes without
    /// figures. Throws error if refused. Do not wait for it inside a callback: the answer comes on that same thread.
    std::future<capital_distribution> async_capital_distribution(const security &security,
                                                                 const request_options &options = {}) const {
        std::promise<capital_distribution> promise;
        std::future<capital_distribution> future = promise.get_future();
        get_capital_distribution(
            security,
            [promise = std::move(promise)](const reply_view &reply) mutable {
                try {
                    promise.set_value(reply.value());
                } catch (...) {
                    promise.set_exception(std::current_exception());
                }
            },
            options);
        return future;
    }
#endif

#if CAPDIST_EXCEPTIONS && defined(__cpp_impl_coroutine)
    /// Requests a stock's capital distribution for co_await. Throws as fetch_capital_distribution() does. The coroutine
    /// continues on the connection's thread, and must outlive the request.
    capital_distribution_awaitable await_capital_distribution(const security &security,
                                                              const request_options &options = {}) const;
#endif

    /// Ends a request that is queued or in flight. It completes as status::cancelled. Throws error; status::not_found if no
    /// such request is queued or in flight.
#if CAPDIST_EXCEPTIONS
    void cancel(std::uint32_t serial_no) const { detail::check(capdist_cancel(conn_, serial_no)); }
#endif
    bool cancel(std::uint32_t serial_no, std::error_code &ec) const noexcept {
        return detail::check(capdist_cancel(conn_, serial_no), ec);
    }

    /// Sends any other request as raw protobuf. `callback` receives a `const proto_reply_view &` exactly once.
#if CAPDIST_EXCEPTIONS
    template <class F>
    std::uint32_t send_proto(std::uint32_t proto_id, std::string_view body, F &&callback,
                             const request_options &options = {}) const {
        std::uint32_t serial_no = 0;
        detail::check(send(proto_id, body, boxed(std::forward<F>(callback)), options, serial_no));
        return serial_no;
    }
#endif
    template <class F>
    std::uint32_t send_proto(std::uint32_t proto_id, std::string_view body, F &&callback, std::error_code &ec,
                             const request_options &options = {}) const noexcept(can_take<F>) {
        std::uint32_t serial_no = 0;
        if (auto box = boxed(std::forward<F>(callback), ec))
            detail::check(send(proto_id, body, std::move(box), options, serial_no), ec);
        return serial_no;
    }

    /// The descriptor of a connection in mode::application_driven. It stays the same for the connection's life. Wait until it
    /// is readable, then call process(). Never read from it, and remove it from the event loop before the connection is closed
    /// (event-loop.md). Throws error for a connection with a thread (status::invalid_argument).
#if CAPDIST_EXCEPTIONS
    int descriptor() const {
        const int found = capdist_get_fd(conn_);
        if (found < 0) throw error(static_cast<status>(why_no_descriptor()), capdist_last_error());
        return found;
    }
#endif
    /// The same without exceptions; -1 if refused.
    int descriptor(std::error_code &ec) const noexcept {
        const int found = capdist_get_fd(conn_);
        detail::check(found < 0 ? why_no_descriptor() : CAPDIST_OK, ec);
        return found;
    }

    /// Does the pending work of a connection in mode::application_driven, and never waits. Callbacks run inside it. Any thread
    /// may call it, one at a time (status::busy). Throws error.
#if CAPDIST_EXCEPTIONS
    void process() const { detail::check(capdist_process(conn_)); }
#endif
    bool process(std::error_code &ec) const noexcept { return detail::check(capdist_process(conn_), ec); }

    /// Answers options::on_resolve with a name's addresses: numeric, separated by a space; or none, and `why`, if it was not
    /// found. Throws error: on_resolve is not waiting for an answer (status::not_found), or something is not an address
    /// (status::invalid_argument).
#if CAPDIST_EXCEPTIONS
    void resolved(const std::string &addresses, const std::string &why = {}) const {
        detail::check(tell(addresses, why));
    }
#endif
    bool resolved(const std::string &addresses, std::error_code &ec, const std::string &why = {}) const noexcept {
        return detail::check(tell(addresses, why), ec);
    }

    /// What is known of the connection. Throws error.
#if CAPDIST_EXCEPTIONS
    connection_info info() const {
        connection_info result;
        detail::check(look(result));
        return result;
    }
#endif
    connection_info info(std::error_code &ec) const noexcept {
        connection_info result;
        detail::check(look(result), ec);
        return result;
    }

    /// The state of the connection's quota group. Throws error.
#if CAPDIST_EXCEPTIONS
    capdist::quota quota() const {
        capdist::quota result;
        detail::check(look(result));
        return result;
    }
#endif
    capdist::quota quota(std::error_code &ec) const noexcept {
        capdist::quota result;
        detail::check(look(result), ec);
        return result;
    }

    /// The handle of the C interface; nullptr if there is no connection.
    capdist_conn *raw() const noexcept { return conn_; }

    friend bool operator==(const connection_ref &a, const connection_ref &b) noexcept { return a.conn_ == b.conn_; }
    friend bool operator!=(const connection_ref &a, const connection_ref &b) noexcept { return a.conn_ != b.conn_; }

protected:
    connection_ref(capdist_conn *conn, detail::callbacks *owner) noexcept : conn_(conn), owner_(owner) {}
    friend struct detail::callbacks;
    friend class connection;

    capdist_conn *conn_ = nullptr;

private:
    detail::callbacks *owner_ = nullptr; // used by accepted requests only, and outlives them

    template <class F> using boxed_callback = std::unique_ptr<detail::pending<std::decay_t<F>>>;
    /// Whether a callback can be stored without throwing.
    template <class F> static constexpr bool can_take = std::is_nothrow_constructible_v<std::decay_t<F>, F>;

#if CAPDIST_EXCEPTIONS
    template <class F> boxed_callback<F> boxed(F &&callback) const {
        return boxed_callback<F>(new detail::pending<std::decay_t<F>>{std::forward<F>(callback), owner_});
    }
#endif
    template <class F> boxed_callback<F> boxed(F &&callback, std::error_code &ec) const noexcept(can_take<F>) {
        boxed_callback<F> made(new (std::nothrow) detail::pending<std::decay_t<F>>{std::forward<F>(callback), owner_});
        if (!made) ec = std::make_error_code(std::errc::not_enough_memory);
        return made;
    }

    capdist_status look(connection_info &into) const noexcept {
        capdist_connection_info raw;
        capdist_connection_info_init(&raw, sizeof raw); // never refused: the size is a header's
        const capdist_status result = capdist_get_connection_info(conn_, &raw);
        if (result == CAPDIST_OK) into = {raw.conn_id, raw.login_user_id, raw.server_version, static_cast<state>(raw.state)};
        return result;
    }

    capdist_status look(capdist::quota &into) const noexcept {
        capdist_quota raw;
        capdist_quota_init(&raw, sizeof raw);
        const capdist_status result = capdist_get_quota(conn_, &raw);
        if (result != CAPDIST_OK) return result;
        into = {raw.limit, std::chrono::milliseconds(raw.window_ms), raw.used, raw.waiting, std::nullopt};
        if (raw.next_slot_ms >= 0) into.next_slot = std::chrono::milliseconds(raw.next_slot_ms);
        return result;
    }

    /// An older library does not ask for addresses.
    capdist_status tell(const std::string &addresses, const std::string &why) const noexcept {
        return capdist_resolved ? capdist_resolved(conn_, addresses.c_str(), why.c_str()) : CAPDIST_UNSUPPORTED;
    }

    /// The C function returns -1 and a text. This is the status for it.
    capdist_status why_no_descriptor() const noexcept {
        connection_info unused;
        const capdist_status result = look(unused);
        return result == CAPDIST_OK ? CAPDIST_INVALID_ARGUMENT : result;
    }

    template <class body>
    capdist_status ask(const capdist_security &security, std::unique_ptr<detail::pending<body>> box,
                       const request_options &options, std::uint32_t &serial_no) const noexcept {
        static_assert(std::is_invocable_v<body &, const reply_view &>, "the callback takes a const reply_view &");
        const capdist_request_options raw = detail::raw_options(options);
        const capdist_status result = capdist_get_capital_distribution(
            conn_, &security, &raw,
            [](capdist_conn *conn, std::uint32_t, const capdist_reply *reply, void *user_data) {
                std::unique_ptr<detail::pending<body>> mine(static_cast<detail::pending<body> *>(user_data));
                mine->owner->run(conn, [&] { mine->body(reply_view(reply)); });
            },
            box.get(), &serial_no);
        if (result == CAPDIST_OK) (void)box.release(); // the callback may have deleted it by now
        return result;
    }

    template <class body>
    capdist_status send(std::uint32_t proto_id, std::string_view bytes, std::unique_ptr<detail::pending<body>> box,
                        const request_options &options, std::uint32_t &serial_no) const noexcept {
        static_assert(std::is_invocable_v<body &, const proto_reply_view &>,
                      "the callback takes a const proto_reply_view &");
        const capdist_request_options raw = detail::raw_options(options);
        const capdist_status result = capdist_send_proto(
            conn_, proto_id, bytes.data(), bytes.size(), &raw,
            [](capdist_conn *conn, std::uint32_t, const capdist_proto_reply *reply, void *user_data) {
                std::unique_ptr<detail::pending<body>> mine(static_cast<detail::pending<body> *>(user_data));
                mine->owner->run(conn, [&] { mine->body(proto_reply_view(reply)); });
            },
            box.get(), &serial_no);
        if (result == CAPDIST_OK) (void)box.release();
        return result;
    }
};

CAPDIST_NAMESPACE_END

#endif
