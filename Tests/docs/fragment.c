/* The program around a piece of C on a page: what the piece may refer to. */
#include <capdist.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
INCLUDES

#define MAYBE __attribute__((unused))

static capdist_conn *conn;
static capdist_security security;
MAYBE static capdist_reply *reply;
MAYBE static capdist_status status;

MAYBE static void on_reply(capdist_conn *c, uint32_t serial_no, const capdist_reply *r, void *user_data) {
    (void)c, (void)serial_no, (void)r, (void)user_data;
}

int main(void) {
    if (capdist_init_connect(NULL, &conn) != CAPDIST_OK || capdist_wait_ready(conn, 5000) != CAPDIST_OK) return 9;
    capdist_security_parse("HK.00700", &security);
    {
        FRAGMENT
    }
    return 0;
}
