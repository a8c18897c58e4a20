// The modern interface with the shipped library and the simulator. Doctest's assertions must run on the main thread: callbacks
// record, and the main thread waits with a limit.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <capdist.hpp>

#include "second_unit.hpp"

using namespace std::chrono_literals;
using namespace capdist;

namespace {

constexpr auto patience = 20s;

int port() {
    const char *text = std::getenv("CAPDIST_PORT");
    REQUIRE_MESSAGE(text != nullptr, "CAPDIST_PORT tells where the simulator listens");
    return std::atoi(text);
}

/// Options for a connection without a quota.
options here() {
    options result("127.0.0.1", port());
    result.quota_requests = 0;
    return result;
}

/// Waits until the condition holds, or the limit passes.
template <class F> bool soon(F holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    return holds();
}

template <class F> status status_of(F call) {
    try {
        call();
    } catch (const error &thrown) {
        return thrown.why();
    }
    return status::ok;
}

} // namespace

TEST_CASE("the figures, blocking") {
    connection conn(here());
    const capital_distribution figures = conn.fetch_capital_distribution("HK.00700");
    CHECK(figures.capital_in_big == 859479380);
    CHECK(figures.capital_out_small == 807438760);
    CHECK(figures.capital_in_super.value() == 824967660);
    CHECK(figures.update_time.value() == "2022-06-08 10:44:21");
    CHECK(figures.updated_at().value() == std::chrono::system_clock::from_time_t(1654656261));
}

TEST_CASE("a refusal, as an exception and as an error code") {
    connection conn(here());
    try {
        conn.fetch_capital_distribution("HK.99999");
        FAIL("it has figures");
    } catch (const request_error &thrown) {
        CHECK(thrown.code() == status::refused);
        CHECK(thrown.reply().ret_type().value() == -1);
        CHECK(thrown.reply().ret_msg().value() == "未知股票 HK.99999");
        CHECK(thrown.reply().was_sent());
        CHECK(std::string(thrown.what()) == thrown.reply().desc());
    }
    std::error_code ec;
    const std::optional<reply> answer = conn.fetch_capital_distribution("HK.99999", ec);
    CHECK(ec == status::refused);
    CHECK(answer.value().security() == "HK.99999");
    CHECK_THROWS_AS(answer->value(), request_error);
    CHECK(conn.fetch_capital_distribution("HK.00700", ec).value().value().capital_in_big == 859479380);
    CHECK_FALSE(ec);
}

TEST_CASE("futures") {
    connection conn(here());
    std::vector<std::future<capital_distribution>> futures;
    for (int i = 0; i < 100; i++) futures.push_back(conn.async_capital_distribution("HK.00700"));
    for (auto &future : futures) {
        REQUIRE(future.wait_for(patience) == std::future_status::ready);
        CHECK(future.get().capital_in_mid == 763181580);
    }
    auto refused = conn.async_capital_distribution("HK.99999");
    CHECK_THROWS_AS(refused.get(), request_error);
}

TEST_CASE("callbacks come once, also for what a close completes; what they hold is freed") {
    const auto held = std::make_shared<int>(0);
    std::atomic<int> completed{0}, closed{0}, after_closed{0};
    int accepted = 0;
    {
        options given = here();
        given.on_closed = [&, held] { closed++; };
        connection conn(std::move(given));
        for (int i = 0; i < 500; i++) {
            const auto serial_no = conn.get_capital_distribution("HK.00700", [&, held](const reply_view &reply) {
                if (closed > 0) after_closed++;
                CHECK_NOTHROW((void)reply.desc());
                completed++;
            });
            if (serial_no != 0) accepted++;
        }
    }
    CHECK(accepted == 500);
    CHECK(completed == 500);
    CHECK(closed == 1);
    CHECK(after_closed == 0);
    CHECK(held.use_count() == 1);
}

TEST_CASE("a refused request frees its callback and tells why") {
    const auto held = std::make_shared<int>(0);
    connection conn(here());
    conn.close();
    conn.close();
    CHECK_FALSE(conn);
    std::error_code ec;
    CHECK(conn.get_capital_distribution("HK.00700", [held](const reply_view &) {}, ec) == 0);
    CHECK(ec == std::errc::invalid_argument);
    CHECK(held.use_count() == 1);
    connection other(here());
    const connection_ref stale = other;
    other.close();
    CHECK(stale.get_capital_distribution("HK.00700", [held](const reply_view &) {}, ec) == 0);
    CHECK(ec == status::released);
    CHECK(status_of([&] { stale.info(); }) == status::released);
    CHECK(held.use_count() == 1);
}

TEST_CASE("what a callback throws goes to on_exception, or to the log, and harms nothing") {
    std::atomic<int> thrown{0}, logged{0};
    const auto throwing = [](const reply_view &) { throw std::runtime_error("no figures wanted"); };
    {
        options given = here();
        given.on_exception = [&](std::exception_ptr exception) {
            try {
                std::rethrow_exception(exception);
            } catch (const std::runtime_error &error) {
                thrown += std::string(error.what()) == "no figures wanted";
            }
            throw 1; // dropped
        };
        given.on_init_connect = [](connection_ref, std::int64_t, std::string_view) {
            throw std::runtime_error("no figures wanted");
        };
        connection conn(std::move(given));
        conn.get_capital_distribution("HK.00700", throwing);
        conn.fetch_capital_distribution("HK.00700");
    }
    CHECK(thrown == 2);
    {
        options given = here();
        given.on_log = [&](connection_ref, log_level level, std::string_view message) {
            logged += level == log_level::error && message == "a callback threw: no figures wanted";
        };
        connection conn(std::move(given));
        conn.get_capital_distribution("HK.00700", throwing);
        conn.fetch_capital_distribution("HK.00700");
    }
    CHECK(logged == 1);
}

TEST_CASE("a connection may be moved while callbacks run, and closed inside one") {
    std::atomic<int> completed{0}, closed{0};
    options given = here();
    given.on_closed = [&] { closed++; };
    connection conn(std::move(given));
    for (int i = 0; i < 200; i++) conn.get_capital_distribution("HK.00700", [&](const reply_view &) { completed++; });
    connection moved(std::move(conn));
    CHECK_FALSE(conn); // NOLINT: a moved-from connection is none
    connection last;
    last = std::move(moved);
    last.fetch_capital_distribution("HK.00700");
    const auto shared = std::make_shared<connection>(std::move(last));
    shared->get_capital_distribution("HK.00700", [&, shared](const reply_view &) {
        completed++;
        shared->close();
    });
    CHECK(soon([&] { return closed == 1; }));
    CHECK(completed == 201);
}

TEST_CASE("the last owner may go inside a callback") {
    std::atomic<int> closed{0};
    options given = here();
    given.on_closed = [&] { closed++; };
    auto owner = std::make_shared<connection>(std::move(given));
    connection *conn = owner.get();
    conn->get_capital_distribution("HK.00700", [owner = std::move(owner)](const reply_view &) mutable { owner.reset(); });
    CHECK(soon([&] { return closed == 1; }));
}

TEST_CASE("waiting inside a callback is refused") {
    connection conn(here());
    std::atomic<int> found{-1};
    conn.get_capital_distribution("HK.00700", [&, ref = connection_ref(conn)](const reply_view &) {
        found = static_cast<int>(status_of([&] { ref.fetch_capital_distribution("HK.00700"); }));
    });
    CHECK(soon([&] { return found == static_cast<int>(status::would_deadlock); }));
}

TEST_CASE("cancel, raw requests, information, quota") {
    options given = here();
    given.quota_requests = 5;
    given.quota_group = "modern";
    connection conn(std::move(given));
    conn.wait_ready(patience);
    CHECK(status_of([&] { conn.cancel(12345); }) == status::not_found);
    std::atomic<int> raw{-1};
    std::atomic<std::size_t> length{0};
    conn.send_proto(1002, std::string_view("\x0a\x02\x08\x00", 4), [&](const proto_reply_view &reply) {
        length = reply.body().size();
        raw = static_cast<int>(reply.status());
    });
    CHECK(soon([&] { return raw == 0; }));
    CHECK(length > 0);
    CHECK(conn.info().conn_id != 0);
    CHECK(conn.info().state == state::ready);
    conn.fetch_capital_distribution("HK.00700");
    const quota now = conn.quota();
    CHECK(now.limit == 5);
    CHECK(now.used == 1);
    CHECK(now.window == 30s);
    CHECK(now.next_slot.value() == 0ms);
    request_options at_once;
    at_once.quota_mode = quota_mode::fail;
    for (int i = 0; i < 4; i++) conn.fetch_capital_distribution("HK.00700", at_once);
    CHECK(status_of([&] { conn.fetch_capital_distribution("HK.00700", at_once); }) == status::quota_exhausted);
    std::atomic<int> cancelled{-1};
    const auto waiting = conn.get_capital_distribution(
        "HK.00700", [&](const reply_view &reply) { cancelled = static_cast<int>(reply.status()); });
    conn.cancel(waiting);
    CHECK(soon([&] { return cancelled == static_cast<int>(status::cancelled); }));
}

TEST_CASE("options that are refused") {
    options given = here();
    given.websocket_key = "7522027ccf5a06b1";
    std::error_code ec;
    connection none(given, ec);
    CHECK_FALSE(none);
    CHECK(ec == status::invalid_argument);
    CHECK(ec == std::errc::invalid_argument);
    given = here();
    given.rsa_private_key = "not a key";
    CHECK(status_of([&] { connection refused(given); }) == status::invalid_argument);
    // A missing key is an error: encryption is not left out.
    given = here();
    given.rsa_private_key = "";
    CHECK(status_of([&] { connection refused(given); }) == status::invalid_argument);
    given = here();
    given.rsa_private_key_file = "";
    CHECK(status_of([&] { connection refused(given); }) == status::invalid_argument);
    given = here();
    given.connect_timeout = 24h;
    CHECK(status_of([&] { connection refused(given); }) == status::invalid_argument);
}

TEST_CASE("securities are values") {
    const security one("HK.00700"), same(market::hk, "00700"), other("US.AAPL");
    CHECK(one == same);
    CHECK(one != other);
    CHECK(one.to_string() == "HK.00700");
    CHECK(std::unordered_set<security>{one, same, other}.size() == 2);
    const std::string too_long = "HK." + std::string(CAPDIST_CODE_SIZE, '1'), with_nul("HK.1\0002", 7);
    for (const std::string &text : std::vector<std::string>{"", "00700", "HK.", "XX.1", too_long, with_nul}) {
        CAPTURE(text);
        std::error_code ec;
        security::parse(text, ec);
        CHECK(ec == status::invalid_argument);
        CHECK(status_of([&] { security made(text); }) == status::invalid_argument);
    }
    CHECK(second_unit_name(status::refused) == "CAPDIST_REFUSED");
    CHECK(&second_unit_category() == &category());
}

#if defined(__cpp_impl_coroutine)
#include <coroutine>

namespace {

/// A coroutine that nothing waits for.
struct detached {
    struct promise_type {
        detached get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
};

detached ask_twice(connection_ref conn, std::atomic<double> &sum, std::atomic<int> &refused, std::atomic<bool> &done) {
    const auto first = co_await conn.await_capital_distribution("HK.00700");
    const auto second = co_await conn.await_capital_distribution("HK.00700");
    sum = first.capital_in_big + second.capital_in_big;
    try {
        co_await conn.await_capital_distribution("HK.99999");
    } catch (const request_error &) {
        refused++;
    }
    try {
        co_await connection_ref().await_capital_distribution("HK.00700");
    } catch (const error &thrown) {
        refused += thrown.why() == status::invalid_argument;
    }
    done = true;
}

} // namespace

TEST_CASE("coroutines") {
    connection conn(here());
    std::atomic<double> sum{0};
    std::atomic<int> refused{0};
    std::atomic<bool> done{false};
    ask_twice(conn, sum, refused, done);
    CHECK(soon([&] { return done.load(); }));
    CHECK(sum == 2 * 859479380.0);
    CHECK(refused == 2);
}
#endif

TEST_CASE("update times: the table that all languages have") {
    std::ifstream lines("../../Tests/cases/times.tsv"); // relative to the binding's folder, where the tests run
    int cases = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
        REQUIRE(second != std::string::npos);
        CAPTURE(line.substr(0, first));
        capdist::capital_distribution figures;
        figures.update_time = line.substr(first + 1, second - first - 1);
        const std::optional<std::tm> told = figures.update_wall_clock();
        char text[80] = "-";
        if (told) {
            std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d", told->tm_year + 1900, told->tm_mon + 1,
                          told->tm_mday, told->tm_hour, told->tm_min, told->tm_sec);
            std::tm again = *told;
            CHECK(timegm(&again) != -1);
            CHECK(again.tm_wday == told->tm_wday);
            CHECK(again.tm_yday == told->tm_yday);
        }
        CHECK(line.substr(second + 1).substr(0, 19) == text);
        ++cases;
    }
    CHECK(cases > 0);
    CHECK(!capdist::capital_distribution().update_wall_clock());
}

TEST_CASE("an error tells whether to ask again") {
    connection conn(here());
    try {
        conn.fetch_capital_distribution("HK.99999");
        FAIL("there is no such stock");
    } catch (const request_error &thrown) {
        CHECK(thrown.retry() == retry::never);
        CHECK(thrown.reply().retry() == retry::never);
    }
    try {
        conn.fetch_capital_distribution("nonsense");
        FAIL("that is no security");
    } catch (const error &thrown) {
        CHECK(thrown.retry() == retry::never);
    }
    CHECK(retry_of(status::reply_timeout) == retry::later);
    CHECK(retry_of(status::rate_limited) == retry::after);
    CHECK(retry_of(status::refused) == retry::unknown);
}

TEST_CASE("an older library's struct is not read beyond its end") {
    capdist_reply raw = {};
    raw.retry = CAPDIST_RETRY_NEVER; // the place of the field
    CHECK(reply_view(&raw).retry() == retry::unknown);
    raw.present = CAPDIST_HAS_RETRY;
    CHECK(reply_view(&raw).retry() == retry::never);
    capdist_proto_reply proto = {};
    proto.retry = CAPDIST_RETRY_NEVER;
    CHECK(proto_reply_view(&proto).retry() == retry::unknown);
}

TEST_CASE("securities are read as people write them") {
    std::ifstream lines("../../Tests/cases/securities.tsv"); // relative to the binding's folder, where the tests run
    int read = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.compare(0, 2, "# ") == 0) continue;
        const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
        REQUIRE(second != line.npos);
        std::string text = line.substr(0, first);
        const std::string as = line.substr(first + 1, second - first - 1), meant = line.substr(second + 1);
        for (const auto &[escape, character] : {std::pair("\\n", "\n"), std::pair("\\r", "\r"), std::pair("\\t", "\t")}) {
            for (std::size_t at; (at = text.find(escape)) != text.npos;) text.replace(at, 2, character);
        }
        CAPTURE(text);
        if (as != "-") {
            CHECK(security(text).to_string() == as);
            read++;
            continue;
        }
        try {
            security given(text);
            FAIL("it is not refused");
        } catch (const error &thrown) {
            const std::string words = thrown.what(), named = "was " + meant + " meant?";
            CHECK((meant == "-" ? words.find("meant") == words.npos : words.find(named) != words.npos));
        }
    }
    CHECK(read > 15);
}
