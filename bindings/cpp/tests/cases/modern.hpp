// What the players of the modern interface share: reading options, and the lines that tell how a request completed.
#ifndef MODERN_HPP
#define MODERN_HPP

#include <istream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <capdist.hpp>

inline std::string name_of(const std::error_code &code) {
    return capdist_status_name(code.value());
}

inline std::string told(int number, const capdist::reply_view &reply) {
    std::ostringstream line;
    line << "answer\t" << number << "\t" << name_of(reply.status()) << "\t" << reply.was_sent() << "\t"
         << reply.retry_after().count() << "\t" << (reply.ret_type() ? reply.to_json() : "{}") << "\t" << reply.from_cache();
    if (reply.from_cache() ? reply.age().count() < 0 : reply.age().count() != 0) throw std::runtime_error("no such age");
    return line.str();
}

inline std::string refused(int number, const std::error_code &code) {
    return "refused\t" + std::to_string(number) + "\t" + name_of(code);
}

inline capdist::request_options with_max_age(std::chrono::milliseconds max_age) {
    capdist::request_options given;
    given.max_age = max_age;
    return given;
}

inline capdist::options options_of(const std::string &group, int port, std::istream &settings) {
    capdist::options given("127.0.0.1", port);
    given.quota_group = group;
    for (std::string setting; settings >> setting;) {
        const std::size_t at = setting.find('=');
        const std::string name = setting.substr(0, at);
        const int value = std::stoi(setting.substr(at + 1));
        if (name == "queue_timeout_ms") given.queue_timeout = std::chrono::milliseconds(value);
        else if (name == "reply_timeout_ms") given.reply_timeout = std::chrono::milliseconds(value);
        else if (name == "quota_requests") given.quota_requests = value;
        else throw std::runtime_error("unknown option " + name);
    }
    return given;
}

#endif
