// Uses an asio event loop, which also runs a timer. No thread is made. The loop ends when the last answer has come.
// Usage: asio HOST PORT SECURITY... (a numeric host, or localhost)
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <capdist/asio.hpp>

int main(int argc, char **argv) {
    if (argc < 4) return std::fprintf(stderr, "usage: asio HOST PORT SECURITY...\n"), 2;
    capdist::options options(argv[1], std::atoi(argv[2]));
    options.on_log = [](capdist::connection_ref, capdist::log_level level, std::string_view message) {
        // For example, why there is no connection yet.
        if (level <= capdist::log_level::warning) std::fprintf(stderr, "%s\n", std::string(message).c_str());
    };
    asio::io_context loop(1);
    std::error_code ec;
    capdist::asio_connection conn(loop.get_executor(), options, ec);
    if (ec) return std::fprintf(stderr, "%s\n", ec.message().c_str()), 1;

    int left = 0; // requests that have not completed
    asio::steady_timer timer(loop);
    const auto tick = [&](const auto &again) -> void {
        timer.expires_after(std::chrono::seconds(1));
        timer.async_wait([&, again](const std::error_code &cancelled) {
            if (cancelled) return;
            std::printf("still %d to come\n", left);
            again(again);
        });
    };
    tick(tick);

    for (int i = 3; i < argc; i++) {
        const char *name = argv[i];
        const auto answered = [&, name](const capdist::reply_view &reply) {
            std::error_code refused;
            if (const auto figures = reply.value(refused)) std::printf("%s %.0f\n", name, figures->capital_in_big);
            else std::printf("%s %s\n", name, std::string(reply.desc()).c_str());
            if (--left > 0) return;
            conn.close(); // otherwise the loop would go on
            timer.cancel();
        };
        if (conn->get_capital_distribution(name, answered, ec) != 0) left++;
        else std::printf("%s %s\n", name, capdist_last_error());
    }
    if (left == 0) return 0;
    loop.run();
    return 0;
}
