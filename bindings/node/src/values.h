// JavaScript values from the library's, and the other way round.
#ifndef VALUES_H
#define VALUES_H

#define NAPI_VERSION 8
#include <node_api.h>

#include "library.h"

/// What an event's first element tells. lib/native.js has the same numbers.
enum event {
    EVENT_INIT_CONNECT = 0, ///< err_code, desc
    EVENT_DISCONNECT = 1,   ///< err_code, desc
    EVENT_PUSH = 2,         ///< proto id, body
    EVENT_LOG = 3,          ///< level, message
    EVENT_REPLY = 4,        ///< serial number and what `push_reply` adds
    EVENT_PROTO_REPLY = 5,  ///< serial number and what `push_proto_reply` adds
    EVENT_RESOLVE = 6,      ///< the host's name, whose addresses are wanted
    EVENT_ATTEMPT_FAILED = 7 ///< err_code, desc
};

/// An array that is being filled. A failure shows as `undefined` elements; memory that runs out ends Node anyway.
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

/// Reads "HK.00700", or where `code` is a string the market's number and a code. Throws and returns false if it is none.
bool read_security(napi_env env, napi_value security, napi_value code, capdist_security *result);

/// The texts that options point to. They are wiped when freed, since there are keys among them.
struct texts {
    char *text[12];
    size_t size[12];
    int count;
};

void texts_free(struct texts *texts);

/// Copies every property that capdist_options has a field for; those that are undefined keep their defaults. The types were
/// checked in JavaScript. Throws and returns false if one cannot be read.
bool read_options(napi_env env, napi_value object, capdist_options *options, struct texts *texts);

/// The library's defaults of those that are numbers, as an object.
napi_value option_defaults(napi_env env);

/// An int32, as JavaScript has checked it.
int32_t read_int(napi_env env, napi_value value);

#endif
