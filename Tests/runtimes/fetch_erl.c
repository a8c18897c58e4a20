/* The NIFs of fetch.erl. Those that wait run on a dirty scheduler. The last error is read in the same call. */
#include <capdist.h>
#include <erl_nif.h>
#include <stdio.h>
#include <string.h>

static ERL_NIF_TERM text(ErlNifEnv *env, const char *words) {
    ERL_NIF_TERM term;
    size_t length = strlen(words);
    memcpy(enif_make_new_binary(env, length, &term), words, length);
    return term;
}

static ERL_NIF_TERM connect_nif(ErlNifEnv *env, int count, const ERL_NIF_TERM words[]) {
    (void)count;
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    if (!enif_get_int(env, words[0], &options.port)) return enif_make_badarg(env);
    capdist_conn *conn;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return enif_raise_exception(env, text(env, capdist_last_error()));
    return enif_make_uint64(env, (uintptr_t)conn);
}

static ERL_NIF_TERM fetch_nif(ErlNifEnv *env, int count, const ERL_NIF_TERM words[]) {
    (void)count;
    ErlNifUInt64 conn;
    ErlNifBinary name;
    capdist_security security;
    char copy[64] = {0}, said[512];
    if (!enif_get_uint64(env, words[0], &conn) || !enif_inspect_binary(env, words[1], &name) || name.size >= sizeof copy) {
        return enif_make_badarg(env);
    }
    memcpy(copy, name.data, name.size);
    if (capdist_security_parse(copy, &security) != CAPDIST_OK) return text(env, capdist_last_error());
    capdist_reply *reply = NULL;
    capdist_fetch_capital_distribution((capdist_conn *)(uintptr_t)conn, &security, NULL, &reply);
    if (reply && reply->distribution) snprintf(said, sizeof said, "%.0f", reply->distribution->capital_in_big);
    else snprintf(said, sizeof said, "%s", reply ? reply->desc : capdist_last_error());
    capdist_reply_free(reply);
    return text(env, said);
}

static ERL_NIF_TERM release_nif(ErlNifEnv *env, int count, const ERL_NIF_TERM words[]) {
    (void)count;
    ErlNifUInt64 conn;
    if (!enif_get_uint64(env, words[0], &conn)) return enif_make_badarg(env);
    capdist_release((capdist_conn *)(uintptr_t)conn);
    return enif_make_atom(env, "ok");
}

static ErlNifFunc functions[] = {
    {"connect", 1, connect_nif, 0},
    {"fetch", 2, fetch_nif, ERL_NIF_DIRTY_JOB_IO_BOUND},
    {"release", 1, release_nif, ERL_NIF_DIRTY_JOB_IO_BOUND},
};

ERL_NIF_INIT(fetch, functions, NULL, NULL, NULL, NULL)
