// Converts between values of JavaScript and of the library.
#ifndef VALUES_H
#define VALUES_H

#define NAPI_VERSION 8
#include <node_api.h>

#include "library.h"

/// The kinds of event: the first element of each. lib/native.js has the same numbers.
enum event {
    EVENT_INIT_CONNECT = 0, ///< err_code, desc
    EVENT_DISCONNECT = 1,   ///< err_code, desc
    EVENT_PUSH = 2,         ///< proto id, body
    EVENT_LOG = 3,          ///< level, message
    EVENT_REPLY = 4,        ///< serial number and what `push_reply` adds
    EVENT_PROTO_REPLY = 5,  ///< serial number and what `push_proto_reply` adds
    EVENT_RESOLVE = 6,      ///< the host's name, which is to be looked up
    EVENT_ATTEMPT_FAILED = 7 ///< err_code, desc
};

/// An array that is being filled. Elements that cannot be made are `undefined`. If memory runs out, Node ends the
/// process.
struct list {
    napi_env env;
    napi_value array;
    uint32_t count;
};

struct list list_make(napi_env env);
void push_value(struct list *list, napi_value value);
void push_number(struct list *list, double value);
void push_text(struct list *list, const char *text);
void push_bytes(struct list *list, const uint8_t *bytes, size_t length);
/// status, was_sent, retry_after_ms, present, ret_type, err_code, ret_msg, desc, and the figures or undefined.
void push_reply(struct list *list, const capdist_reply *reply);
/// status, was_sent, retry_after_ms, present, ret_type, desc, body.
void push_proto_reply(struct list *list, const capdist_proto_reply *reply);

/// [connId, loginUserId, serverVersion, state]
napi_value info_list(napi_env env, const capdist_connection_info *info);
/// [limit, windowMs, used, waiting, nextSlotMs]
napi_value quota_list(napi_env env, const capdist_quota *quota);

/// Throws an Error whose `code` is the status's name; its message is the library's if `message` is NULL.
void throw_status(napi_env env, capdist_status status, const char *message);

/// Reads "HK.00700", or a market's number and a code if `code` is a string. Throws and returns false if it is not
/// valid.
bool read_security(napi_env env, napi_value security, napi_value code, capdist_security *result);

/// The texts that options point to. They are overwritten when freed, since they may contain keys.
struct texts {
    char *text[12];
    size_t size[12];
    int count;
};

void texts_free(struct texts *texts);

/// Copies the properties that are fields of capdist_options. Undefined properties keep their defaults. JavaScript has
/// checked the types. Throws and returns false if a property cannot be read.
bool read_options(napi_env env, napi_value object, capdist_options *options, struct texts *texts);

/// The defaults of the options that are numbers, as an object.
napi_value option_defaults(napi_env env);

/// Reads an int32, which JavaScript has checked.
int32_t read_int(napi_env env, napi_value value);

#endif
