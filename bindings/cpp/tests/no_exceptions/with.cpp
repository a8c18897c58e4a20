// The part that has exceptions. The linker must not give it the other part's code, which lets them through.
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
