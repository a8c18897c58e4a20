// The headers with version 1.0 of the library: its structs are shorter, and it lacks functions and options. Reading beyond a
// struct's end would crash the process.
#include <capdist.hpp>

#include <cstdlib>
#include <iostream>

int main(int, char **arguments) {
    capdist::options options("127.0.0.1", std::atoi(arguments[1]));
    options.quota_requests = 0;
    capdist::connection conn(options);
    conn.wait_ready(std::chrono::seconds(20));
    const capdist::capital_distribution figures = conn.fetch_capital_distribution("HK.00700");
    std::cout << static_cast<long long>(figures.capital_in_big) << (figures.flow_big().net ? " net" : " no net") << '\n';
    try {
        conn.fetch_capital_distribution("HK.99999");
    } catch (const capdist::request_error &refused) {
        std::cout << capdist::name(refused.why()) << ' ' << static_cast<int>(refused.retry()) << '\n';
    }
    std::promise<int> told;
    conn.send_proto(3212, std::string_view("\x0a\x0b\x0a\x09\x08\x01\x12\x05"
                                           "99999",
                                           13),
                    [&](const capdist::proto_reply_view &reply) { told.set_value(static_cast<int>(reply.retry())); });
    std::cout << told.get_future().get() << '\n';
    std::cout << static_cast<int>(capdist::retry_of(capdist::status::released)) << '\n';
    options.outage_mode = capdist::outage_mode::fail;
    std::error_code ec;
    capdist::connection refused(options, ec);
    std::cout << capdist::name(static_cast<capdist::status>(ec.value())) << '\n';
}
