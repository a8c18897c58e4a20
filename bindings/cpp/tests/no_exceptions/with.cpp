// The part with exceptions. The linker must not use the other part's code for it, which does not handle them.
#include <future>

#include <capdist.hpp>

bool other_part_reports_what_a_callback_threw(int port);

bool other_part_reports_what_a_callback_threw(int port) {
    std::promise<bool> told;
    auto heard = told.get_future();
    capdist::options given("127.0.0.1", port);
    given.on_exception = [&](std::exception_ptr) { told.set_value(true); };
    given.on_init_connect = [](capdist::connection_ref, std::int64_t, std::string_view) { throw 1; };
    capdist::connection conn(given);
    return heard.wait_for(std::chrono::seconds(8)) == std::future_status::ready;
}
