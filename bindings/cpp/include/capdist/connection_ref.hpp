/// @file
/// A connection that somebody owns: requests, and what is known of it.
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

/// What is known of a connection; the numbers are 0 before the first handshake.
struct connection_info {
    std::uint64_t conn_id = 0;       ///< the gateway's number for this connection
    std::uint64_t login_user_id = 0; ///< the user the gateway is logged in as
    std::int32_t server_version = 0; ///< the gateway's version
    capdist::state state = capdist::state::connecting;
};

/// The quota of a connection's group.
struct quota {
    std::int32_t limit = 0;             ///< requests in a window; 0: no quota is kept
    std::chrono::milliseconds window{}; ///< the window
    std::int32_t used = 0;              ///< slots in use: requests in flight, and those of the last window
    std::int32_t waiting = 0;           ///< requests of the whole group that wait for a slot
    /// Until the next slot is free; 0: one is; none: every slot is held by a request that is still in flight.
    std::optional<std::chrono::milliseconds> next_slot;
};

/// The library's version, such as "1.1.0".
inline std::string_view version() noexcept {
    return capdist_version();
}

namespace detail {

/// Whether the library that was loaded has the major number of the headers this is compiled with.
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

/// The application's callbacks. The library's from init_connect until on_closed, its last use, and deleted there.
struct callbacks {
    options given;

    explicit callbacks(options from) : given(std::move(from)) {}

    /// Runs what the application gave. Nothing that it throws may reach the C frames that called.
    template <class F> void run(capdist_conn *conn, F &&body) noexcept;
#if CAPDIST_EXCEPTIONS
    void report(capdist_conn *conn, std::exception_ptr thrown) noexcept;
#endif
};

/// A reply's callback on its way, and who is told of what it throws; deleted after its one call.
template <class F> struct pending {
    F body;
    callbacks *owner; // lives until on_closed, which comes after the last reply
};

} // namespace detail

#if CAPDIST_EXCEPTIONS && defined(__cpp_impl_coroutine)
class capital_distribution_awaitable;
#endif

/// A connection that someone else owns. Copies freely, and may outlive the connection: calls are refused then with
/// status::released. Every function may be called from any thread and, but for those that wait, in any callback.
///
/// Each call that may fail throws error, or takes a std::error_code and throws nothing: only copying your callback may.
/// Compiled without exceptions (-fno-exceptions), the latter are all there are.
class connection_ref {
public:
    /// No connection: calls are refused as invalid_argument.
    connection_ref() noexcept = default;

#if CAPDIST_EXCEPTIONS
    /// Waits until the connection is established. Throws error: at the time limit (0 only looks), or when it failed permanently.
    void wait_ready(std::chrono::milliseconds timeout) const {
        detail::check(capdist_wait_ready(conn_, detail::to_ms(timeout)));
    }
#endif
    bool wait_ready(std::chrono::milliseconds timeout, std::error_code &ec) const noexcept {
        return detail::check(capdist_wait_ready(conn_, detail::to_ms(timeout)), ec);
    }

#if CAPDIST_EXCEPTIONS
    /// Asks for a stock's capital distribution. Returns at once with the serial number, never 0; `callback` gets a
    /// `const reply_view &` exactly once, on the connection's thread. What it throws goes to options::on_exception.
    template <class F>
    std::uint32_t get_capital_distribution(const security &security, F &&callback,
                                           const request_options &options = {}) const {
        std::uint32_t serial_no = 0;
        detail::check(ask(security.raw(), boxed(std::forward<F>(callback)), options, serial_no));
        return serial_no;
    }
#endif
    /// The same; 0 when refused.
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
    /// The figures, waited for at most the queue timeout plus the reply timeout. Throws error if refused (inside a
    /// callback as status::would_deadlock), request_error if it ended without figures.
    capital_distribution fetch_capital_distribution(const security &security,
                                                    const request_options &options = {}) const {
        const capdist_request_options raw = detail::raw_options(options);
        capdist_reply *owned = nullptr;
        const capdist_status result = capdist_fetch_capital_distribution(conn_, &security.raw(), &raw, &owned);
        if (!owned) throw error(static_cast<status>(result), capdist_last_error());
        return reply(owned).value();
    }
#endif
    /// The reply, whatever it tells; none if the request was refused. `ec` is why there are no figures.
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
    /// The figures in a future, which throws request_error from get() if there are none. Throws error if refused. To
    /// wait for it in a callback holds up the connection that is to answer.
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
    /// For co_await: the figures; throws as fetch_capital_distribution(). The coroutine goes on on the connection's
    /// thread, and must outlive the request.
    capital_distribution_awaitable await_capital_distribution(const security &security,
                                                              const request_options &options = {}) const;
#endif

    /// Ends a request that is queued or in flight; it completes as status::cancelled. Throws error, also if there is no
    /// such request (status::not_found).
#if CAPDIST_EXCEPTIONS
    void cancel(std::uint32_t serial_no) const { detail::check(capdist_cancel(conn_, serial_no)); }
#endif
    bool cancel(std::uint32_t serial_no, std::error_code &ec) const noexcept {
        return detail::check(capdist_cancel(conn_, serial_no), ec);
    }

    /// Sends any other request as raw protobuf; `callback` gets a `const proto_reply_view &` exactly once.
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

    /// The one descriptor of a connection in mode::application_driven, the same for its whole life. Wait until it is readable, then
    /// call process(); never read from it, and take it out of the loop before the connection is closed (event-loop.md).
    /// Throws error for a connection with a thread (status::invalid_argument).
#if CAPDIST_EXCEPTIONS
    int descriptor() const {
        const int found = capdist_get_fd(conn_);
        if (found < 0) throw error(static_cast<status>(why_no_descriptor()), capdist_last_error());
        return found;
    }
#endif
    /// The same; -1 when refused.
    int descriptor(std::error_code &ec) const noexcept {
        const int found = capdist_get_fd(conn_);
        detail::check(found < 0 ? why_no_descriptor() : CAPDIST_OK, ec);
        return found;
    }

    /// Does what there is to do on a connection in mode::application_driven, and waits for nothing; callbacks run inside it. One thread
    /// at a time: another is told status::busy. Throws error.
#if CAPDIST_EXCEPTIONS
    void process() const { detail::check(capdist_process(conn_)); }
#endif
    bool process(std::error_code &ec) const noexcept { return detail::check(capdist_process(conn_), ec); }

    /// Tells a name's addresses, which options::on_resolve asked for: numeric, separated by a space; none, and `why`, if it was not found.
    /// Throws error: nothing was asked (status::not_found), or one is no address (status::invalid_argument).
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

    /// The quota of the connection's group. Throws error.
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

    /// The handle of the C interface; nullptr: none.
    capdist_conn *raw() const noexcept { return conn_; }

    friend bool operator==(const connection_ref &a, const connection_ref &b) noexcept { return a.conn_ == b.conn_; }
    friend bool operator!=(const connection_ref &a, const connection_ref &b) noexcept { return a.conn_ != b.conn_; }

protected:
    connection_ref(capdist_conn *conn, detail::callbacks *owner) noexcept : conn_(conn), owner_(owner) {}
    friend struct detail::callbacks;
    friend class connection;

    capdist_conn *conn_ = nullptr;

private:
    detail::callbacks *owner_ = nullptr; // used by accepted requests only, and it outlives these

    template <class F> using boxed_callback = std::unique_ptr<detail::pending<std::decay_t<F>>>;
    /// Whether a callback is taken over without throwing.
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
        capdist_connection_info_init(&raw, sizeof raw); // which refuses no header's size
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

    /// An older library asks for no addresses.
    capdist_status tell(const std::string &addresses, const std::string &why) const noexcept {
        return capdist_resolved ? capdist_resolved(conn_, addresses.c_str(), why.c_str()) : CAPDIST_UNSUPPORTED;
    }

    /// The C interface only tells it in words.
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
        if (result == CAPDIST_OK) (void)box.release(); // it may be gone by now
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
