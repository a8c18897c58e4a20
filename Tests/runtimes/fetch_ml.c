/* The stubs of fetch.ml. */
#include <capdist.h>
#include <stdio.h>

#define CAML_NAME_SPACE
#include <caml/alloc.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/threads.h>

value capdist_ml_connect(value port) {
    CAMLparam1(port);
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = Int_val(port);
    capdist_conn *conn;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) caml_failwith(capdist_last_error());
    CAMLreturn(caml_copy_nativeint((intptr_t)conn));
}

value capdist_ml_fetch(value conn, value name) {
    CAMLparam2(conn, name);
    capdist_security security;
    if (capdist_security_parse(String_val(name), &security) != CAPDIST_OK) CAMLreturn(caml_copy_string(capdist_last_error()));
    capdist_conn *raw = (capdist_conn *)Nativeint_val(conn);
    capdist_reply *reply = NULL;
    caml_release_runtime_system();
    capdist_fetch_capital_distribution(raw, &security, NULL, &reply);
    caml_acquire_runtime_system();
    char said[512];
    if (reply && reply->distribution) snprintf(said, sizeof said, "%.0f", reply->distribution->capital_in_big);
    else snprintf(said, sizeof said, "%s", reply ? reply->desc : capdist_last_error());
    capdist_reply_free(reply);
    CAMLreturn(caml_copy_string(said));
}

value capdist_ml_release(value conn) {
    CAMLparam1(conn);
    capdist_conn *raw = (capdist_conn *)Nativeint_val(conn);
    caml_release_runtime_system();
    capdist_release(raw);
    caml_acquire_runtime_system();
    CAMLreturn(Val_unit);
}
