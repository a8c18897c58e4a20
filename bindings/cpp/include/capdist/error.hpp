/// @file
/// Statuses as std::error_code, and the exceptions.
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
/// Always true. A linker leaves a library out of a program that asks it for weak names only; this name is not weak.
inline bool is_linked() noexcept { return capdist_version() != nullptr; }
} // namespace detail

/// Whether it is of use to ask again, as far as a status alone tells; unknown from a library that is older than that.
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

/// The category of statuses. Those that the standard has a condition for compare equal to it: std::errc::timed_out,
/// operation_canceled, invalid_argument, not_connected, resource_deadlock_would_occur, not_supported.
inline const std::error_category &category() noexcept {
    static const detail::error_category instance;
    return instance;
}

inline std::error_code make_error_code(status value) noexcept {
    return {static_cast<int>(value), category()};
}

/// A call was refused (then nothing was changed), or there is no connection. `what()` says why, and what to do next
/// where that is known. A request_error (reply.hpp) tells of a request that was accepted.
class error : public std::system_error {
public:
    error(status code, const std::string &words) : error(code, retry_of(code), words) {}

    const char *what() const noexcept override { return words_.what(); }

    /// Why, as a status.
    status why() const noexcept { return static_cast<status>(code().value()); }

    /// Whether it is of use to ask again.
    capdist::retry retry() const noexcept { return retry_; }

protected:
    error(status code, capdist::retry again, const std::string &words)
        : std::system_error(make_error_code(code)), retry_(again), words_(words) {}

private:
    capdist::retry retry_;
    std::runtime_error words_; // a text that copies without throwing, as an exception's must
};

namespace detail {

#if CAPDIST_EXCEPTIONS
/// Throws for a call that was refused; its words are this thread's last error.
inline void check(capdist_status result) {
    if (result != CAPDIST_OK) throw error(static_cast<status>(result), capdist_last_error());
}
#endif

/// The same without throwing. Whether the call was done.
inline bool check(capdist_status result, std::error_code &ec) noexcept {
    ec = result == CAPDIST_OK ? std::error_code() : make_error_code(static_cast<status>(result));
    return !ec;
}

/// What `make` makes; none if there is no memory for it, and `ec` says so.
template <class F> auto with_memory(F &&make, std::error_code &ec) noexcept -> std::optional<decltype(make())> {
#if CAPDIST_EXCEPTIONS
    try {
        return make();
    } catch (...) { // nothing but std::bad_alloc
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
