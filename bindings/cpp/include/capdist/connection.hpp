/// @file
/// Connections: opening and closing.
#ifndef CAPDIST_CONNECTION_HPP
#define CAPDIST_CONNECTION_HPP

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "capdist/connection_ref.hpp"

CAPDIST_NAMESPACE_BEGIN

/// An open connection. It is closed when this object is destroyed. Can be moved, not copied.
///
/// Closing waits until every request has completed (status::released), a running callback has returned, and the connection's
/// thread has ended. Inside a callback it does not wait: all that happens after the callback. A connection may be moved or
/// closed while callbacks run: they hold no pointer to this object.
class connection : public connection_ref {
public:
    /// No connection.
    connection() noexcept = default;

#if CAPDIST_EXCEPTIONS
    /// Starts to connect, and returns at once. Throws error if the options are refused, and if the library's major version is
    /// not that of this header (status::unsupported).
    explicit connection(options options) {
        detail::check_library();
        detail::check(open(std::make_unique<detail::callbacks>(std::move(options)), *this));
    }
#endif
    /// The same without exceptions: if refused, it is no connection.
    connection(options options, std::error_code &ec) noexcept {
        if (!detail::check(detail::library_fits() ? CAPDIST_OK : CAPDIST_UNSUPPORTED, ec)) return;
        std::unique_ptr<detail::callbacks> owner(new (std::nothrow) detail::callbacks(std::move(options)));
        if (owner) detail::check(open(std::move(owner), *this), ec);
        else ec = std::make_error_code(std::errc::not_enough_memory);
    }

    connection(connection &&other) noexcept : connection_ref(std::exchange(other.ref(), connection_ref())) {}
    connection &operator=(connection &&other) noexcept {
        if (this != &other) {
            close();
            ref() = std::exchange(other.ref(), connection_ref());
        }
        return *this;
    }
    ~connection() { close(); }

    /// Closes the connection. Calling it again is harmless.
    void close() noexcept { (void)capdist_release(std::exchange(ref(), connection_ref()).raw()); }

    explicit operator bool() const noexcept { return conn_ != nullptr; }

private:
    connection_ref &ref() noexcept { return *this; }

    static capdist_status open(std::unique_ptr<detail::callbacks> owner, connection &into) noexcept;
};

namespace detail {

#if !CAPDIST_EXCEPTIONS

template <class F> void callbacks::run(capdist_conn *, F &&body) noexcept {
    body();
}

#else

template <class F> void callbacks::run(capdist_conn *conn, F &&body) noexcept {
    try {
        body();
    } catch (...) {
        report(conn, std::current_exception());
    }
}

inline void callbacks::report(capdist_conn *conn, std::exception_ptr thrown) noexcept {
    try {
        if (given.on_exception) {
            given.on_exception(std::move(thrown));
        } else if (given.on_log) {
            std::string words = "a callback threw";
            try {
                std::rethrow_exception(std::move(thrown));
            } catch (const std::exception &exception) {
                words.append(": ").append(exception.what());
            } catch (...) {
            }
            given.on_log(connection_ref(conn, this), log_level::error, words);
        }
    } catch (...) { // the exception handler threw, too: dropped
    }
}

#endif

} // namespace detail

inline capdist_status connection::open(std::unique_ptr<detail::callbacks> owner, connection &into) noexcept {
    capdist_options raw = detail::raw_options(owner->given);
    raw.user_data = owner.get();
    if (owner->given.on_init_connect) {
        raw.on_init_connect = [](capdist_conn *conn, std::int64_t err_code, const char *desc, void *user_data) {
            auto *mine = static_cast<detail::callbacks *>(user_data);
            mine->run(conn, [&] { mine->given.on_init_connect(connection_ref(conn, mine), err_code, desc); });
        };
    }
    if (owner->given.on_disconnect) {
        raw.on_disconnect = [](capdist_conn *conn, std::int64_t err_code, const char *desc, void *user_data) {
            auto *mine = static_cast<detail::callbacks *>(user_data);
            mine->run(conn, [&] { mine->given.on_disconnect(connection_ref(conn, mine), err_code, desc); });
        };
    }
    if (owner->given.on_attempt_failed) {
        raw.on_attempt_failed = [](capdist_conn *conn, std::int64_t err_code, const char *desc, void *user_data) {
            auto *mine = static_cast<detail::callbacks *>(user_data);
            mine->run(conn, [&] { mine->given.on_attempt_failed(connection_ref(conn, mine), err_code, desc); });
        };
    }
    if (owner->given.on_push) {
        raw.on_push = [](capdist_conn *conn, std::uint32_t proto_id, const std::uint8_t *body, std::size_t length,
                         void *user_data) {
            auto *mine = static_cast<detail::callbacks *>(user_data);
            const std::string_view bytes(reinterpret_cast<const char *>(body), length);
            mine->run(conn, [&] { mine->given.on_push(connection_ref(conn, mine), proto_id, bytes); });
        };
    }
    if (owner->given.on_log) {
        raw.on_log = [](capdist_conn *conn, std::int32_t level, const char *message, void *user_data) {
            auto *mine = static_cast<detail::callbacks *>(user_data);
            mine->run(conn, [&] {
                mine->given.on_log(connection_ref(conn, mine), static_cast<log_level>(level), message);
            });
        };
    }
    if (owner->given.on_resolve) {
        raw.on_resolve = [](capdist_conn *conn, const char *host, void *user_data) {
            auto *mine = static_cast<detail::callbacks *>(user_data);
            mine->run(conn, [&] { mine->given.on_resolve(connection_ref(conn, mine), host); });
        };
    }
    raw.on_closed = [](void *user_data) {
        std::unique_ptr<detail::callbacks> mine(static_cast<detail::callbacks *>(user_data));
        mine->run(nullptr, [&] {
            if (mine->given.on_closed) mine->given.on_closed();
        });
    };
    capdist_conn *conn = nullptr;
    const capdist_status result = capdist_init_connect(&raw, &conn);
    if (result == CAPDIST_OK) into.ref() = connection_ref(conn, owner.release());
    return result;
}

#if CAPDIST_EXCEPTIONS && defined(__cpp_impl_coroutine)
/// The awaitable that connection_ref::await_capital_distribution() returns.
class capital_distribution_awaitable {
public:
    capital_distribution_awaitable(const connection_ref &conn, const security &security, const request_options &options)
        : conn_(conn), security_(security), options_(options) {}

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> waiting) {
        // If refused, this throws in the coroutine. Once accepted, the coroutine may already run on the connection's thread,
        // and this object may be gone.
        conn_.get_capital_distribution(
            security_,
            [this, waiting](const reply_view &reply) {
                try {
                    result_.set_value(reply.value());
                } catch (...) {
                    result_.set_exception(std::current_exception());
                }
                waiting.resume();
            },
            options_);
    }

    capital_distribution await_resume() { return result_.get_future().get(); }

private:
    connection_ref conn_;
    security security_;
    request_options options_;
    std::promise<capital_distribution> result_;
};

inline capital_distribution_awaitable
connection_ref::await_capital_distribution(const security &security, const request_options &options) const {
    return {*this, security, options};
}
#endif

CAPDIST_NAMESPACE_END

#endif
