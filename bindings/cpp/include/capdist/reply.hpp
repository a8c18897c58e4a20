/// @file
/// Replies, their figures, and the exception that carries a reply.
#ifndef CAPDIST_REPLY_HPP
#define CAPDIST_REPLY_HPP

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "capdist/security.hpp"

CAPDIST_NAMESPACE_BEGIN

/// Figures derived for one group of order sizes (capdist.h, capdist_flow).
struct flow {
    std::optional<double> capital_in;
    std::optional<double> capital_out;
    std::optional<double> net;       ///< capital_in - capital_out; above 0 if more was bought than sold
    std::optional<double> out_share; ///< from 0 to 1; above 0.5 if more was sold than bought
};

/// Money that went into a stock and out of it during today's regular trading hours, by order size, in the security's currency
/// (capdist.h, capdist_capital_distribution). A figure that the gateway did not send is empty.
struct capital_distribution {
    std::optional<double> capital_in_super;
    double capital_in_big = 0;
    double capital_in_mid = 0;
    double capital_in_small = 0;
    std::optional<double> capital_out_super;
    double capital_out_big = 0;
    double capital_out_mid = 0;
    double capital_out_small = 0;
    std::optional<std::string> update_time; ///< the market's local time, "yyyy-MM-dd HH:mm:ss", as the gateway wrote it
    std::optional<double> update_timestamp; ///< Unix time in seconds

    capital_distribution() = default;
    explicit capital_distribution(const capdist_capital_distribution &raw)
        : capital_in_super(given(raw, CAPDIST_HAS_CAPITAL_IN_SUPER, raw.capital_in_super)),
          capital_in_big(raw.capital_in_big), capital_in_mid(raw.capital_in_mid), capital_in_small(raw.capital_in_small),
          capital_out_super(given(raw, CAPDIST_HAS_CAPITAL_OUT_SUPER, raw.capital_out_super)),
          capital_out_big(raw.capital_out_big), capital_out_mid(raw.capital_out_mid),
          capital_out_small(raw.capital_out_small),
          update_timestamp(given(raw, CAPDIST_HAS_UPDATE_TIMESTAMP, raw.update_timestamp)) {
        if (raw.present & CAPDIST_HAS_UPDATE_TIME) update_time.emplace(raw.update_time);
    }

    flow flow_super() const noexcept { return derived(CAPDIST_FLOW_SUPER); }
    flow flow_big() const noexcept { return derived(CAPDIST_FLOW_BIG); }
    flow flow_mid() const noexcept { return derived(CAPDIST_FLOW_MID); }
    flow flow_small() const noexcept { return derived(CAPDIST_FLOW_SMALL); }
    flow flow_main() const noexcept { return derived(CAPDIST_FLOW_MAIN); }     ///< super and big
    flow flow_retail() const noexcept { return derived(CAPDIST_FLOW_RETAIL); } ///< mid and small
    flow flow_total() const noexcept { return derived(CAPDIST_FLOW_TOTAL); }   ///< all four

    /// `update_timestamp` as a time; none if it is out of range.
    std::optional<std::chrono::system_clock::time_point> updated_at() const noexcept {
        using seconds = std::chrono::duration<double>;
        // A clock with 64-bit nanoseconds ends in the year 2262.
        using clock = std::chrono::system_clock;
        const double most = std::chrono::duration_cast<seconds>(clock::duration::max()).count() * 0.999;
        if (!update_timestamp || !(*update_timestamp > -most && *update_timestamp < most)) return std::nullopt;
        return clock::time_point(std::chrono::duration_cast<clock::duration>(seconds(*update_timestamp)));
    }

    /// The update time as a date and time of day in the market's time zone, with the day of the week and of the year;
    /// `tm_isdst` is -1. Texts without seconds are read, too, and a fraction of a second is cut off. None if the text is not a
    /// valid time.
    std::optional<std::tm> update_wall_clock() const noexcept {
        return update_time ? read_wall_clock(*update_time) : std::nullopt;
    }

private:
    flow derived(std::int32_t group) const noexcept {
        const double nothing = std::numeric_limits<double>::quiet_NaN();
        capdist_capital_distribution raw{};
        raw.capital_in_super = capital_in_super.value_or(nothing);
        raw.capital_in_big = capital_in_big;
        raw.capital_in_mid = capital_in_mid;
        raw.capital_in_small = capital_in_small;
        raw.capital_out_super = capital_out_super.value_or(nothing);
        raw.capital_out_big = capital_out_big;
        raw.capital_out_mid = capital_out_mid;
        raw.capital_out_small = capital_out_small;
        capdist_flow told{nothing, nothing, nothing, nothing};
        // An older library lacks the function.
        if (detail::is_linked() && capdist_flow_of) capdist_flow_of(&raw, group, &told);
        const auto known = [](double number) {
            return std::isnan(number) ? std::nullopt : std::optional<double>(number);
        };
        return {known(told.capital_in), known(told.capital_out), known(told.net), known(told.out_share)};
    }

    /// The number of exactly `digits` digits at `at`, if it is between `low` and `high`; else -1.
    static int number(std::string_view text, std::size_t at, std::size_t digits, int low, int high) noexcept {
        int value = 0;
        for (std::size_t end = at + digits; at < end; ++at) {
            if (at >= text.size() || text[at] < '0' || text[at] > '9') return -1;
            value = value * 10 + (text[at] - '0');
        }
        return value >= low && value <= high ? value : -1;
    }

    static bool is_fraction(std::string_view text) noexcept {
        return text.size() >= 2 && text.size() <= 10 && text[0] == '.' &&
               text.find_first_not_of("0123456789", 1) == std::string_view::npos;
    }

    static std::optional<std::tm> read_wall_clock(std::string_view text) noexcept {
        static constexpr int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
        const bool has_seconds = text.size() > 16;
        const int year = number(text, 0, 4, 1, 9999), month = number(text, 5, 2, 1, 12), day = number(text, 8, 2, 1, 31),
                  hour = number(text, 11, 2, 0, 23), minute = number(text, 14, 2, 0, 59),
                  second = has_seconds ? number(text, 17, 2, 0, 59) : 0;
        if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
        if (text[4] != '-' || text[7] != '-' || text[10] != ' ' || text[13] != ':') return std::nullopt;
        if (has_seconds && (text[16] != ':' || (text.size() > 19 && !is_fraction(text.substr(19))))) return std::nullopt;
        const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const auto before = [leap](int months) { return days_before[months] + (months > 1 ? leap : 0); };
        if (day > before(month) - before(month - 1)) return std::nullopt;
        std::tm time{};
        time.tm_year = year - 1900;
        time.tm_mon = month - 1;
        time.tm_mday = day;
        time.tm_hour = hour;
        time.tm_min = minute;
        time.tm_sec = second;
        time.tm_yday = before(month - 1) + day - 1;
        const int past = year - 1; // 0001-01-01 was a Monday
        time.tm_wday = (past * 365 + past / 4 - past / 100 + past / 400 + time.tm_yday + 1) % 7;
        time.tm_isdst = -1;
        return time;
    }

    static std::optional<double> given(const capdist_capital_distribution &raw, std::uint32_t bit, double value) {
        return raw.present & bit ? std::optional<double>(value) : std::nullopt;
    }
};

/// A reply that a callback receives, valid until it returns. Make a `reply` from it to keep it.
class reply_view {
public:
    explicit reply_view(const capdist_reply *raw) noexcept : raw_(raw) {}

    capdist::status status() const noexcept { return static_cast<capdist::status>(raw_->status); }
    bool ok() const noexcept { return raw_->status == CAPDIST_OK; }
    explicit operator bool() const noexcept { return ok(); }

    std::uint32_t serial_no() const noexcept { return raw_->serial_no; }
    capdist::security security() const noexcept { return capdist::security(raw_->security); }
    /// True: sent, and its quota slot is used; false: never sent, safe to repeat.
    bool was_sent() const noexcept { return raw_->was_sent != 0; }
    /// status::rate_limited: the time until the quota group sends again; else 0.
    std::chrono::milliseconds retry_after() const noexcept { return std::chrono::milliseconds(raw_->retry_after_ms); }
    /// Whether to repeat the request; unknown if the library is older.
    capdist::retry retry() const noexcept {
        return static_cast<capdist::retry>(detail::retry_in(*raw_, CAPDIST_RETRY_UNKNOWN));
    }
    /// Whether the answer is another request's (request_options::max_age); then it was not sent.
    bool from_cache() const noexcept { return detail::from_cache_in(*raw_, 0) != 0; }
    /// If from_cache(): from the arrival of the answer to the completion of this request; else 0.
    std::chrono::milliseconds age() const noexcept { return std::chrono::milliseconds(detail::age_ms_in(*raw_, 0)); }

    /// The gateway's result, if it sent one. `ret_msg` is often Chinese.
    std::optional<std::int32_t> ret_type() const noexcept { return given(CAPDIST_HAS_RET_TYPE, raw_->ret_type); }
    std::optional<std::int32_t> err_code() const noexcept { return given(CAPDIST_HAS_ERR_CODE, raw_->err_code); }
    std::optional<std::string_view> ret_msg() const noexcept {
        return given(CAPDIST_HAS_RET_MSG, std::string_view(raw_->ret_msg));
    }
    /// What happened, in English; "" if the status is ok.
    std::string_view desc() const noexcept { return raw_->desc; }
    /// The answer's protobuf as it came, decrypted; empty if none came.
    std::string_view body() const noexcept {
        return {reinterpret_cast<const char *>(raw_->body), raw_->body_length};
    }

#if CAPDIST_EXCEPTIONS
    /// The figures. Throws request_error unless ok().
    inline capital_distribution value() const;

    /// The gateway's answer as JSON (capdist_reply_to_json). Throws error.
    std::string to_json() const {
        const std::int64_t length = capdist_reply_to_json(raw_, nullptr, 0);
        if (length < 0) throw error(status::invalid_argument, capdist_last_error());
        return json(length);
    }
#endif
    /// The same without exceptions: none unless ok(), and `ec` tells why.
    std::optional<capital_distribution> value(std::error_code &ec) const noexcept {
        if (!detail::check(raw_->distribution ? CAPDIST_OK : raw_->status, ec)) return std::nullopt;
        return detail::with_memory([this] { return capital_distribution(*raw_->distribution); }, ec);
    }
    std::optional<std::string> to_json(std::error_code &ec) const noexcept {
        const std::int64_t length = capdist_reply_to_json(raw_, nullptr, 0);
        if (!detail::check(length < 0 ? CAPDIST_INVALID_ARGUMENT : CAPDIST_OK, ec)) return std::nullopt;
        return detail::with_memory([this, length] { return json(length); }, ec);
    }

    const capdist_reply *raw() const noexcept { return raw_; }

protected:
    const capdist_reply *raw_;

private:
    std::string json(std::int64_t length) const {
        std::string text(static_cast<std::size_t>(length), '\0');
        capdist_reply_to_json(raw_, text.data(), text.size() + 1);
        return text;
    }

    template <class T> std::optional<T> given(std::uint32_t bit, T value) const noexcept {
        return raw_->present & bit ? std::optional<T>(value) : std::nullopt;
    }
};

/// A reply that can be kept. Copies share it, since a reply never changes.
class reply : public reply_view {
public:
    /// Makes a deep copy.
    explicit reply(const reply_view &view) : reply(capdist_reply_copy(view.raw())) {}

    /// Takes ownership of what capdist_reply_copy() or capdist_fetch_capital_distribution() returned.
    explicit reply(capdist_reply *owned) : reply_view(owned), owner_(owned, capdist_reply_free) {}

private:
    std::shared_ptr<const capdist_reply> owner_;
};

/// An accepted request completed without figures. `reply()` tells how, and `what()` is its desc.
class request_error : public error {
public:
    explicit request_error(const reply_view &view)
        : error(view.status(), view.retry(), std::string(view.desc())), reply_(capdist::reply(view)) {}

    const capdist::reply &reply() const noexcept { return reply_; }

private:
    capdist::reply reply_;
};

#if CAPDIST_EXCEPTIONS
inline capital_distribution reply_view::value() const {
    if (!raw_->distribution) throw request_error(*this);
    return capital_distribution(*raw_->distribution);
}
#endif

/// How a request of send_proto() completed; valid until the callback returns.
class proto_reply_view {
public:
    explicit proto_reply_view(const capdist_proto_reply *raw) noexcept : raw_(raw) {}

    capdist::status status() const noexcept { return static_cast<capdist::status>(raw_->status); }
    bool ok() const noexcept { return raw_->status == CAPDIST_OK; }
    explicit operator bool() const noexcept { return ok(); }
    std::uint32_t serial_no() const noexcept { return raw_->serial_no; }
    std::uint32_t proto_id() const noexcept { return raw_->proto_id; }
    bool was_sent() const noexcept { return raw_->was_sent != 0; }
    std::chrono::milliseconds retry_after() const noexcept { return std::chrono::milliseconds(raw_->retry_after_ms); }
    capdist::retry retry() const noexcept {
        return static_cast<capdist::retry>(detail::retry_in(*raw_, CAPDIST_RETRY_UNKNOWN));
    }
    std::optional<std::int32_t> ret_type() const noexcept {
        return raw_->present & CAPDIST_HAS_RET_TYPE ? std::optional<std::int32_t>(raw_->ret_type) : std::nullopt;
    }
    std::string_view desc() const noexcept { return raw_->desc; }
    std::string_view body() const noexcept {
        return {reinterpret_cast<const char *>(raw_->body), raw_->body_length};
    }
    const capdist_proto_reply *raw() const noexcept { return raw_; }

private:
    const capdist_proto_reply *raw_;
};

CAPDIST_NAMESPACE_END

#endif
