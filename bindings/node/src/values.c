#define _DEFAULT_SOURCE // explicit_bzero
#include "values.h"

#include <stdlib.h>
#include <string.h>

struct list list_make(napi_env env) {
    struct list list = {env, NULL, 0};
    napi_create_array(env, &list.array);
    return list;
}

void push_value(struct list *list, napi_value value) {
    napi_set_element(list->env, list->array, list->count++, value);
}

void push_number(struct list *list, double value) {
    napi_value number = NULL;
    napi_create_double(list->env, value, &number);
    push_value(list, number);
}

void push_text(struct list *list, const char *text) {
    napi_value string = NULL;
    napi_create_string_utf8(list->env, text ? text : "", NAPI_AUTO_LENGTH, &string);
    push_value(list, string);
}

void push_bytes(struct list *list, const uint8_t *bytes, size_t length) {
    napi_value buffer = NULL, array = NULL;
    void *data = NULL;
    if (napi_create_arraybuffer(list->env, length, &data, &buffer) == napi_ok) {
        if (length > 0) memcpy(data, bytes, length);
        napi_create_typedarray(list->env, napi_uint8_array, length, buffer, 0, &array);
    }
    push_value(list, array);
}

static void push_figures(struct list *list, const capdist_capital_distribution *figures) {
    if (!figures) {
        napi_value undefined = NULL;
        napi_get_undefined(list->env, &undefined);
        push_value(list, undefined);
        return;
    }
    struct list inner = list_make(list->env);
    push_number(&inner, figures->capital_in_super);
    push_number(&inner, figures->capital_in_big);
    push_number(&inner, figures->capital_in_mid);
    push_number(&inner, figures->capital_in_small);
    push_number(&inner, figures->capital_out_super);
    push_number(&inner, figures->capital_out_big);
    push_number(&inner, figures->capital_out_mid);
    push_number(&inner, figures->capital_out_small);
    push_text(&inner, figures->update_time);
    push_number(&inner, figures->update_timestamp);
    push_number(&inner, figures->present);
    push_value(list, inner.array);
}

void push_reply(struct list *list, const capdist_reply *reply) {
    push_number(list, reply->status);
    push_number(list, reply->was_sent);
    push_number(list, reply->retry_after_ms);
    push_number(list, reply->present);
    push_number(list, reply->ret_type);
    push_number(list, reply->err_code);
    push_text(list, reply->ret_msg);
    push_text(list, reply->desc);
    push_figures(list, reply->distribution);
    push_number(list, reply_retry(reply, CAPDIST_RETRY_UNKNOWN));
    push_number(list, reply_from_cache(reply, 0));
    push_number(list, reply_age_ms(reply, 0));
}

void push_proto_reply(struct list *list, const capdist_proto_reply *reply) {
    push_number(list, reply->status);
    push_number(list, reply->was_sent);
    push_number(list, reply->retry_after_ms);
    push_number(list, reply->present);
    push_number(list, reply->ret_type);
    push_text(list, reply->desc);
    push_bytes(list, reply->body, reply->body_length);
    push_number(list, proto_reply_retry(reply, CAPDIST_RETRY_UNKNOWN));
}

napi_value info_list(napi_env env, const capdist_connection_info *info) {
    struct list list = list_make(env);
    const uint64_t ids[] = {info->conn_id, info->login_user_id};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        napi_value big = NULL;
        napi_create_bigint_uint64(env, ids[i], &big);
        push_value(&list, big);
    }
    push_number(&list, info->server_version);
    push_number(&list, info->state);
    return list.array;
}

napi_value quota_list(napi_env env, const capdist_quota *quota) {
    struct list list = list_make(env);
    push_number(&list, quota->limit);
    push_number(&list, quota->window_ms);
    push_number(&list, quota->used);
    push_number(&list, quota->waiting);
    push_number(&list, quota->next_slot_ms);
    return list.array;
}

void throw_status(napi_env env, capdist_status status, const char *message) {
    napi_throw_error(env, lib.capdist_status_name(status), message ? message : lib.capdist_last_error());
}

int32_t read_int(napi_env env, napi_value value) {
    int32_t number = 0;
    napi_get_value_int32(env, value, &number);
    return number;
}

/// Reads a string that fits into `size` bytes including its NUL.
static bool read_short(napi_env env, napi_value value, char *buffer, size_t size) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= size) return false;
    napi_get_value_string_utf8(env, value, buffer, size, NULL);
    // The library would ignore what follows a NUL, so a text with one is refused.
    return memchr(buffer, '\0', length) == NULL;
}

bool read_security(napi_env env, napi_value security, napi_value code, capdist_security *result) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, code, &type);
    if (type == napi_string) {
        memset(result, 0, sizeof *result);
        result->market = read_int(env, security);
        if (read_short(env, code, result->code, sizeof result->code)) return true;
    } else {
        char text[CAPDIST_CODE_SIZE + 64];
        if (read_short(env, security, text, sizeof text)) {
            capdist_status status = lib.capdist_security_parse(text, result);
            if (status == CAPDIST_OK) return true;
            throw_status(env, status, NULL);
            return false;
        }
    }
    throw_status(env, CAPDIST_INVALID_ARGUMENT, "security: too long, or no text like \"HK.00700\"");
    return false;
}

void texts_free(struct texts *texts) {
    for (int i = 0; i < texts->count; i++) {
        explicit_bzero(texts->text[i], texts->size[i]);
        free(texts->text[i]);
    }
    texts->count = 0;
}

struct field {
    const char *name;
    size_t offset;
};

#define FIELD(js, c) {js, offsetof(capdist_options, c)},

static const struct field numbers[] = {NUMBER_OPTIONS(FIELD)};
static const struct field strings[] = {TEXT_OPTIONS(FIELD)};

_Static_assert(sizeof strings / sizeof *strings <= sizeof((struct texts *)0)->text / sizeof(char *), "texts has too few");

/// The property; NULL if it is undefined.
static napi_value property(napi_env env, napi_value object, const char *name) {
    napi_value value = NULL;
    napi_valuetype type = napi_undefined;
    if (napi_get_named_property(env, object, name, &value) != napi_ok) return NULL;
    napi_typeof(env, value, &type);
    return type == napi_undefined ? NULL : value;
}

bool read_options(napi_env env, napi_value object, capdist_options *options, struct texts *texts) {
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        napi_value value = property(env, object, numbers[i].name);
        int32_t number = 0;
        if (!value) continue;
        if (napi_get_value_int32(env, value, &number) != napi_ok) {
            throw_status(env, CAPDIST_INVALID_ARGUMENT, numbers[i].name);
            return false;
        }
        memcpy((char *)options + numbers[i].offset, &number, sizeof number);
    }
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        napi_value value = property(env, object, strings[i].name);
        size_t length = 0;
        if (!value) continue;
        char *text = NULL;
        if (napi_get_value_string_utf8(env, value, NULL, 0, &length) == napi_ok) text = malloc(length + 1);
        if (!text) {
            throw_status(env, CAPDIST_INVALID_ARGUMENT, strings[i].name);
            return false;
        }
        napi_get_value_string_utf8(env, value, text, length + 1, NULL);
        texts->text[texts->count] = text;
        texts->size[texts->count++] = length + 1;
        memcpy((char *)options + strings[i].offset, &text, sizeof text);
    }
    return true;
}

napi_value option_defaults(napi_env env) {
    capdist_options options;
    napi_value object = NULL;
    lib.capdist_options_init(&options, sizeof options);
    napi_create_object(env, &object);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int32_t number = 0;
        napi_value value = NULL;
        memcpy(&number, (const char *)&options + numbers[i].offset, sizeof number);
        napi_create_int32(env, number, &value);
        napi_set_named_property(env, object, numbers[i].name, value);
    }
    return object;
}
