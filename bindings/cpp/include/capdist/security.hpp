/// @file
/// Securities: market and code.
#ifndef CAPDIST_SECURITY_HPP
#define CAPDIST_SECURITY_HPP

#include <cstring>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>

#include "capdist/error.hpp"

CAPDIST_NAMESPACE_BEGIN

namespace detail {

inline capdist_status read(std::string_view text, capdist_security &raw) noexcept {
    // The text is longer than any valid one, or a NUL would cut it. The library refuses what is passed instead.
    char copy[sizeof raw.code + 64] = {};
    if (text.size() < sizeof copy && text.find('\0') == text.npos) std::memcpy(copy, text.data(), text.size());
    return capdist_security_parse(copy, &raw);
}

} // namespace detail

/// A stock, warrant or fund. Can be copied, compared, ordered and hashed.
class security {
public:
#if CAPDIST_EXCEPTIONS
    /// Reads a text such as "HK.00700", as capdist_security_parse() does. Implicit, so that functions also accept texts. Throws
    /// error (status::invalid_argument), which suggests what was probably meant.
    security(std::string_view text) { detail::check(detail::read(text, raw_)); }
    security(const char *text) : security(std::string_view(text ? text : "")) {}
    security(const std::string &text) : security(std::string_view(text)) {}

    /// Throws error (status::invalid_argument) if the code is too long. Requests check the rest.
    security(capdist::market market, std::string_view code) {
        if (code.size() >= sizeof raw_.code || code.find('\0') != code.npos)
            throw error(status::invalid_argument, "the code is too long, or has a NUL in it");
        raw_.market = static_cast<std::int32_t>(market);
        std::memcpy(raw_.code, code.data(), code.size());
    }
#endif

    explicit security(const capdist_security &raw) noexcept : raw_(raw) {}

    /// Reads a text without exceptions. If refused, `ec` is set, and the result must not be used.
    static security parse(std::string_view text, std::error_code &ec) noexcept {
        security result{capdist_security{}};
        detail::check(detail::read(text, result.raw_), ec);
        return result;
    }

    capdist::market market() const noexcept { return static_cast<capdist::market>(raw_.market); }
    std::string_view code() const noexcept { return {raw_.code, ::strnlen(raw_.code, sizeof raw_.code)}; }
    const capdist_security &raw() const noexcept { return raw_; }

    /// The text, such as "HK.00700"; "" if it is not valid.
    std::string to_string() const {
        char text[sizeof raw_.code + 16];
        return capdist_security_format(&raw_, text, sizeof text) < 0 ? std::string() : std::string(text);
    }

    friend bool operator==(const security &a, const security &b) noexcept { return a.key() == b.key(); }
    friend bool operator!=(const security &a, const security &b) noexcept { return a.key() != b.key(); }
    friend bool operator<(const security &a, const security &b) noexcept { return a.key() < b.key(); }
    friend std::ostream &operator<<(std::ostream &out, const security &s) { return out << s.to_string(); }

private:
    std::tuple<std::int32_t, std::string_view> key() const noexcept { return {raw_.market, code()}; }

    capdist_security raw_ = {};
};

/// A security, or a text that may not be valid: the argument of calls with std::error_code. Nothing throws.
class security_like {
public:
    security_like(const security &security) noexcept : raw_(security.raw()) {}
    security_like(std::string_view text) noexcept : result_(detail::read(text, raw_)) {}
    security_like(const char *text) noexcept : security_like(std::string_view(text ? text : "")) {}
    security_like(const std::string &text) noexcept : security_like(std::string_view(text)) {}

    /// #CAPDIST_OK, or why the text is not valid.
    capdist_status result() const noexcept { return result_; }
    const capdist_security &raw() const noexcept { return raw_; }

private:
    capdist_security raw_ = {};
    capdist_status result_ = CAPDIST_OK;
};

CAPDIST_NAMESPACE_END

template <> struct std::hash<capdist::security> {
    std::size_t operator()(const capdist::security &s) const noexcept {
        return std::hash<std::string_view>()(s.code()) * 31 + static_cast<std::size_t>(s.market());
    }
};

#endif
