/* The extension of fetch.tcl: one connection, driven by Tcl's notifier. */
#include <capdist.h>
#include <stdio.h>
#include <stdlib.h>
#include <tcl.h>

static capdist_conn *conn;

typedef struct question {
    Tcl_Interp *interpreter;
    Tcl_Obj *command;
} question;

static void readable(ClientData data, int mask) {
    (void)data, (void)mask;
    capdist_process(conn);
}

static void on_reply(capdist_conn *same, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)same, (void)serial_no;
    question *asked = user_data;
    char said[512], name[80];
    if (reply->distribution) snprintf(said, sizeof said, "%.0f", reply->distribution->capital_in_big);
    else snprintf(said, sizeof said, "%s", reply->desc);
    capdist_security_format(&reply->security, name, sizeof name);
    Tcl_Obj *words[] = {asked->command, Tcl_NewStringObj(name, -1), Tcl_NewStringObj(said, -1)};
    for (int i = 1; i < 3; i++) Tcl_IncrRefCount(words[i]);
    if (Tcl_EvalObjv(asked->interpreter, 3, words, TCL_EVAL_GLOBAL) != TCL_OK) Tcl_BackgroundError(asked->interpreter);
    for (int i = 0; i < 3; i++) Tcl_DecrRefCount(words[i]);
    free(asked);
}

static int refused(Tcl_Interp *interpreter) {
    Tcl_SetObjResult(interpreter, Tcl_NewStringObj(capdist_last_error(), -1));
    return TCL_ERROR;
}

static int connect_command(ClientData data, Tcl_Interp *interpreter, int count, Tcl_Obj *const words[]) {
    (void)data;
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    int port = 0;
    if (count != 2 || Tcl_GetIntFromObj(interpreter, words[1], &port) != TCL_OK) return TCL_ERROR;
    options.port = port;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return refused(interpreter);
    Tcl_CreateFileHandler(capdist_get_fd(conn), TCL_READABLE, readable, NULL);
    return TCL_OK;
}

static int ask_command(ClientData data, Tcl_Interp *interpreter, int count, Tcl_Obj *const words[]) {
    (void)data;
    capdist_security security;
    if (count != 3) return TCL_ERROR;
    if (capdist_security_parse(Tcl_GetString(words[1]), &security) != CAPDIST_OK) return refused(interpreter);
    question *asked = malloc(sizeof *asked);
    *asked = (question){interpreter, words[2]};
    Tcl_IncrRefCount(words[2]);
    if (capdist_get_capital_distribution(conn, &security, NULL, on_reply, asked, NULL) == CAPDIST_OK) return TCL_OK;
    Tcl_DecrRefCount(words[2]);
    free(asked);
    return refused(interpreter);
}

static int close_command(ClientData data, Tcl_Interp *interpreter, int count, Tcl_Obj *const words[]) {
    (void)data, (void)interpreter, (void)count, (void)words;
    Tcl_DeleteFileHandler(capdist_get_fd(conn)); /* before the release closes it */
    capdist_release(conn);
    return TCL_OK;
}

int Capdist_Init(Tcl_Interp *interpreter) {
    if (!Tcl_InitStubs(interpreter, "8.6", 0)) return TCL_ERROR;
    Tcl_CreateObjCommand(interpreter, "capdist_connect", connect_command, NULL, NULL);
    Tcl_CreateObjCommand(interpreter, "capdist_ask", ask_command, NULL, NULL);
    Tcl_CreateObjCommand(interpreter, "capdist_close", close_command, NULL, NULL);
    return TCL_OK;
}
