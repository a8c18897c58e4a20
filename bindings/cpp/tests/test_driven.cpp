// The modern interface in application-driven mode, and its calls with std::error_code, which do not throw.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <thread>

#include <poll.h>

#include <capdist.hpp>

using namespace std::chrono_literals;
using namespace capdist;

namespace {

options driven() {
    options result("127.0.0.1", std::atoi(std::getenv("CAPDIST_PORT")));
    result.mode = mode::application_driven;
    result.quota_requests = 0;
    return result;
}

/// Drives the connection until the condition holds, at most eight seconds.
template <class F> bool drive(const connection_ref &conn, F holds) {
    pollfd wait{conn.descriptor(), POLLIN, 0};
    const auto end = std::chrono::steady_clock::now() + 8s;
    while (!holds() && std::chrono::steady_clock::now() < end && poll(&wait, 1, 100) >= 0) conn.process();
    return holds();
}

const auto ignore = [](const reply_view &) {};

// The binding does not throw. Copying the callback may.
static_assert(noexcept(connection_ref().get_capital_distribution("HK.00700", ignore, std::declval<std::error_code &>())));
static_assert(noexcept(connection_ref().fetch_capital_distribution("HK.00700", std::declval<std::error_code &>())));
static_assert(noexcept(connection_ref().info(std::declval<std::error_code &>())));
static_assert(noexcept(connection_ref().quota(std::declval<std::error_code &>())));
static_assert(noexcept(connection_ref().process(std::declval<std::error_code &>())));
static_assert(noexcept(connection_ref().descriptor(std::declval<std::error_code &>())));

} // namespace

TEST_CASE("an application drives: answers come inside process, on its thread") {
    connection conn(driven());
    double amount = 0;
    bool on_this_thread = false;
    const auto here = std::this_thread::get_id();
    CHECK(conn.get_capital_distribution("HK.00700", [&](const reply_view &reply) {
        amount = reply.value().capital_in_big;
        on_this_thread = std::this_thread::get_id() == here;
    }) != 0);
    CHECK(amount == 0);
    CHECK(drive(conn, [&] { return amount != 0; }));
    CHECK(amount == 859479380);
    CHECK(on_this_thread);
    CHECK(conn.fetch_capital_distribution("HK.00005").capital_in_big > 0); // drives the connection itself
}

TEST_CASE("descriptor and process refuse what no application drives") {
    options with_thread = driven();
    with_thread.mode = mode::thread;
    connection conn(with_thread);
    std::error_code ec;
    CHECK(conn.descriptor(ec) == -1);
    CHECK(ec == status::invalid_argument);
    CHECK_FALSE(conn.process(ec));
    CHECK(ec == status::invalid_argument);
    CHECK_THROWS_AS(conn.descriptor(), error);
    CHECK_THROWS_AS(conn.process(), error);
    const connection_ref gone = conn;
    conn.close();
    CHECK(gone.descriptor(ec) == -1);
    CHECK(ec == status::released);
    options named = driven();
    named.host = "gateway.test";
    const connection refused(named, ec);
    CHECK(ec == status::needs_address);
    CHECK_FALSE(bool(refused));
}

TEST_CASE("a name is looked up by the application, before each attempt") {
    options named = driven();
    named.host = "gateway.test";
    named.reconnect_min = 10ms;
    int asked = 0;
    named.on_resolve = [&](connection_ref conn, std::string_view host) {
        CHECK(host == "gateway.test");
        std::error_code ec;
        CHECK_FALSE(conn.resolved("gateway.test", ec));
        CHECK(ec == status::invalid_argument);
        // Nothing listens at the first address; then the name is not found; then it has two addresses.
        if (++asked == 1) conn.resolved("127.0.0.2");
        else if (asked == 2) conn.resolved("", ec, "gone");
        else conn.resolved("127.0.0.3 127.0.0.1", ec);
    };
    connection conn(named);
    CHECK(conn.fetch_capital_distribution("HK.00700").capital_in_big == 859479380);
    CHECK(asked == 3);
    CHECK_THROWS_AS(conn.resolved("127.0.0.1"), error);
}

TEST_CASE("with an error_code text that is no security is refused, and nothing is thrown") {
    connection conn(driven());
    const std::string long_text(200, 'x');
    for (const char *text : {"nonsense", "", "HK.", static_cast<const char *>(nullptr), long_text.c_str()}) {
        std::error_code ec;
        CHECK(conn.get_capital_distribution(text, ignore, ec) == 0);
        CHECK(ec == status::invalid_argument);
        ec.clear();
        CHECK_FALSE(conn.fetch_capital_distribution(text, ec).has_value());
        CHECK(ec == std::errc::invalid_argument);
    }
    std::error_code ec;
    CHECK(conn.get_capital_distribution(std::string("no security"), ignore, ec) == 0);
    CHECK(conn.get_capital_distribution(std::string_view("no security"), ignore, ec) == 0);
    CHECK(conn.get_capital_distribution(security(market::hk, ""), ignore, ec) == 0);
    CHECK(ec == status::invalid_argument);
}

TEST_CASE("a reply, info and quota without throwing") {
    connection conn(driven());
    std::error_code ec = std::make_error_code(std::errc::io_error);
    const auto answer = conn.fetch_capital_distribution("HK.00700", ec);
    CHECK_FALSE(ec);
    REQUIRE(answer.has_value());
    CHECK(answer->value(ec)->capital_in_big == 859479380);
    CHECK(answer->to_json(ec) == answer->to_json());
    const auto refusal = conn.fetch_capital_distribution("HK.99999", ec);
    CHECK(ec == status::refused);
    REQUIRE(refusal.has_value());
    ec.clear();
    CHECK_FALSE(refusal->value(ec).has_value());
    CHECK(ec == status::refused);
    CHECK(conn.info(ec).state == state::ready);
    CHECK_FALSE(ec);
    CHECK(conn.quota(ec).limit == 0);
    CHECK_FALSE(ec);
    conn.close();
    (void)conn.info(ec);
    CHECK(ec == status::invalid_argument);
}
