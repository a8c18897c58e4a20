// A program without exceptions, as game engines are built (-fno-exceptions -fno-rtti), linked to a part with them: `PROGRAM
// PORT`.
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <capdist.hpp>

#if CAPDIST_EXCEPTIONS
#error "compile this with -fno-exceptions"
#endif

bool other_part_reports_what_a_callback_threw(int port);

namespace {

int failed = 0;

void check(bool holds, const char *what) {
    if (holds) return;
    failed++;
    std::printf("not so: %s\n", what);
}

void answers(int port, capdist::mode mode) {
    capdist::options given("127.0.0.1", port);
    given.mode = mode;
    std::error_code ec;
    capdist::connection conn(given, ec);
    check(!ec && conn, "a connection");
    check(conn.wait_ready(std::chrono::seconds(8), ec), "it is connected");
    const auto answer = conn.fetch_capital_distribution("HK.00700", ec);
    check(!ec && answer && answer->value(ec)->capital_in_big == 859479380, "figures");
    check(answer && answer->to_json(ec)->find("859479380") != std::string::npos, "as JSON");
    check(!conn.fetch_capital_distribution("nonsense", ec) && ec == capdist::status::invalid_argument, "no security");
    check(conn.fetch_capital_distribution("HK.99999", ec) && ec == capdist::status::refused, "a refusal");
    if (mode == capdist::mode::application_driven) {
        double amount = 0;
        const auto keep = [&](const capdist::reply_view &reply) { amount = reply.value(ec)->capital_in_big; };
        check(conn.get_capital_distribution("HK.00700", keep, ec) != 0, "asked");
        for (int i = 0; amount == 0 && i < 8000; i++) {
            conn.process(ec);
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        check(amount == 859479380, "called back");
    }
    check(conn.info(ec).state == capdist::state::ready && conn.quota(ec).limit == 30, "info and quota");
    given.port = 0;
    check(!capdist::connection(given, ec) && ec == capdist::status::invalid_argument, "refused options");
    check(!capdist::security::parse("nonsense", ec).raw().market && ec, "parse");
}

} // namespace

int main(int, char **arguments) {
    const int port = std::atoi(arguments[1]);
    answers(port, capdist::mode::thread);
    answers(port, capdist::mode::application_driven);
    check(other_part_reports_what_a_callback_threw(port), "the other part's exception is caught");
    if (failed == 0) std::puts("all well");
    return failed;
}
