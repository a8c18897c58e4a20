/* The functions that fetch.R calls. R's interpreter has one thread, which waits. */
#include <capdist.h>
#include <stdio.h>
#include <string.h>

static capdist_conn *conn;

void capdist_r_connect(int *port) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = *port;
    capdist_init_connect(&options, &conn);
}

/* `said` must have room for 500 bytes. */
void capdist_r_fetch(char **name, char **said) {
    capdist_security security;
    capdist_reply *reply = NULL;
    if (capdist_security_parse(*name, &security) == CAPDIST_OK) {
        capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
    }
    if (reply && reply->distribution) snprintf(*said, 500, "%.0f", reply->distribution->capital_in_big);
    else snprintf(*said, 500, "%s", reply ? reply->desc : capdist_last_error());
    capdist_reply_free(reply);
}

void capdist_r_release(void) { capdist_release(conn); }
