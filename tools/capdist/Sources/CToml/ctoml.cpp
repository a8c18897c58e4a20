#include "ctoml.h"

#include <cstdio>
#include <string>
#include <string_view>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

int ctoml_read(const char *text, size_t length, ctoml_setting_fn each, void *context, char *error, size_t size) {
    const toml::parse_result result = toml::parse(std::string_view(text, length));
    if (!result) {
        const std::string_view told = result.error().description();
        std::snprintf(error, size, "%.*s", static_cast<int>(told.size()), told.data());
        const auto line = result.error().source().begin.line;
        return line > 0 ? static_cast<int>(line) : 1;
    }
    for (const auto &[key, node] : result.table()) {
        const std::string name(key.str());
        std::string value;
        if (const auto *told = node.as_string()) value = told->get();
        else if (const auto *number = node.as_integer()) value = std::to_string(number->get());
        else if (const auto *yes = node.as_boolean()) value = yes->get() ? "1" : "0";
        else {
            each(context, name.c_str(), nullptr);
            continue;
        }
        each(context, name.c_str(), value.c_str());
    }
    return 0;
}
