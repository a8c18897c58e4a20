/// @file
/// Statuses as std::error_code, and exceptions.
#ifndef CAPDIST_ERROR_HPP
#define CAPDIST_ERROR_HPP

#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "capdist/abi.hpp"

CAPDIST_NAMESPACE_BEGIN

/// The constant's name in capdist.h, such as "CAPDIST_REFUSED". Static text.
inline const char *name(status value) noexcept {
    return capdist_status_name(static_cast<capdist_status>(value));
}

namespace detail {
/// Always true. It refers to a symbol that is not weak: with weak ones only, a linker would leave the library out.
inline bool is_linked() noexcept { return capdist_version() != nullptr; }
} // namespace detail

/// Whether to repeat, from the status alone; unknown if the library is older.
inline retry retry_of(status value) noexcept {
    if (!detail::is_linked() || !capdist_status_retry) return retry::unknown;
    return static_cast<retry>(capdist_status_retry(static_cast<capdist_status>(value)));
}

namespace detail {

class error_category final : public std::error_category {
public:
    const char *name() const noexcept override { return "capdist"; }

    std::string message(int value) const override { return capdist_status_text(value); }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (value) {
        case CAPDIST_QUEUE_TIMEOUT:
        case CAPDIST_REPLY_TIMEOUT:
        case CAPDIST_CONNECT_TIMEOUT: return std::errc::timed_out;
        case CAPDIST_CANCELLED: return std::errc::operation_canceled;
        case CAPDIST_INVALID_ARGUMENT: return std::errc::invalid_argument;
        case CAPDIST_NOT_CONNECTED: return std::errc::not_connected;
        case CAPDIST_WOULD_DEADLOCK: return std::errc::resource_deadlock_would_occur;
        case CAPDIST_UNSUPPORTED: return std::errc::not_supported;
        default: return {value, *this};
        }
    }
};

} // namespace detail

/// The category of statuses. They compare equal to a standard condition if there is one: std::errc::timed_out,
/// operation_canceled, invalid_argument, not_connected, resource_deadlock_would_occur, not_supported.
inline const std::error_category &category() noexcept {
    static const detail::error_category instance;
    return instance;
}

inline std::error_code make_error_code(status value) noexcept {
    return {static_cast<int>(value), category()};
}

/// A call was refused: it changed nothing. Or there is no connection. `what()` says why, and what to do next where that is
/// known. For accepted requests there is request_error (reply.hpp).
class error : public std::system_error {
public:
    error(status code, const std::string &words) : error(code, retry_of(code), words) {}

    const char *what() const noexcept override { return words_.what(); }

    /// The status: why the call was refused, or how the request completed.
    status why() const noexcept { return static_cast<status>(code().value()); }

    /// Whether the call or request may succeed if it is repeated.
    capdist::retry retry() const noexcept { return retry_; }

protected:
    error(status code, capdist::retry again, const std::string &words)
        : std::system_error(make_error_code(code)), retry_(again), words_(words) {}

private:
    capdist::retry retry_;
    std::runtime_error words_; // copies without throwing, as an exception must
};

namespace detail {

#if CAPDIST_EXCEPTIONS
/// Throws if the status is not success, with this thread's last error.
inline void check(capdist_status result) {
    if (result != CAPDIST_OK) throw error(static_cast<status>(result), capdist_last_error());
}
#endif

/// The same without exceptions. Returns whether the status is success.
inline bool check(capdist_status result, std::error_code &ec) noexcept {
    ec = result == CAPDIST_OK ? std::error_code() : make_error_code(static_cast<status>(result));
    return !ec;
}

/// The result of `make`; none if there is no memory, and then `ec` is set.
template <class F> auto with_memory(F &&make, std::error_code &ec) noexcept -> std::optional<decltype(make())> {
#if CAPDIST_EXCEPTIONS
    try {
        return make();
    } catch (...) { // only std::bad_alloc is possible
        ec = std::make_error_code(std::errc::not_enough_memory);
        return std::nullopt;
    }
#else
    (void)ec;
    return make();
#endif
}

} // namespace detail
CAPDIST_NAMESPACE_END

template <> struct std::is_error_code_enum<capdist::status> : std::true_type {};

#endif
