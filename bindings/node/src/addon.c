// The addon: `load(path)`, the class Connection, and functions of the library. Environments share only the library, so
// worker threads may load the addon, too.
#include <stdlib.h>

#include "connection.h"

/// `load(path)`: loads the library, and returns its version. Throws if the file is not libcapdist. Call it before all
/// else.
static napi_value load(napi_env env, napi_callback_info info) {
    size_t count = 1, length = 0;
    napi_value path, version = NULL;
    napi_get_cb_info(env, info, &count, &path, NULL, NULL);
    char *text = NULL, why[512];
    if (napi_get_value_string_utf8(env, path, NULL, 0, &length) == napi_ok) text = malloc(length + 1);
    if (!text) return napi_throw_type_error(env, NULL, "the path must be a string"), NULL;
    napi_get_value_string_utf8(env, path, text, length + 1, NULL);
    if (library_load(text, why, sizeof why)) napi_create_string_utf8(env, lib.capdist_version(), NAPI_AUTO_LENGTH, &version);
    else napi_throw_error(env, NULL, why);
    free(text);
    return version;
}

/// `statusRetry(status)`: capdist_status_retry(); unknown if the library is older.
static napi_value status_retry(napi_env env, napi_callback_info info) {
    size_t count = 1;
    napi_value value, retry = NULL;
    int32_t status = 0;
    napi_get_cb_info(env, info, &count, &value, NULL, NULL);
    napi_get_value_int32(env, value, &status);
    napi_create_int32(env, lib.capdist_status_retry ? lib.capdist_status_retry(status) : CAPDIST_RETRY_UNKNOWN, &retry);
    return retry;
}

/// `optionDefaults()`: the library's defaults of the options that are numbers.
static napi_value js_option_defaults(napi_env env, napi_callback_info info) {
    (void)info;
    return option_defaults(env);
}

NAPI_MODULE_INIT() {
    napi_value function = NULL;
    napi_create_function(env, "load", NAPI_AUTO_LENGTH, load, NULL, &function);
    napi_set_named_property(env, exports, "load", function);
    napi_create_function(env, "statusRetry", NAPI_AUTO_LENGTH, status_retry, NULL, &function);
    napi_set_named_property(env, exports, "statusRetry", function);
    napi_create_function(env, "optionDefaults", NAPI_AUTO_LENGTH, js_option_defaults, NULL, &function);
    napi_set_named_property(env, exports, "optionDefaults", function);
    napi_set_named_property(env, exports, "Connection", connection_class(env));
    return exports;
}
