/* A program whose main thread has ended by pthread_exit, so that the connection's thread is the last one. Signals that end the
 * process still do. last_thread PORT alarm|wait|busy: the last two wait for any signal, and "busy" makes requests in its
 * callbacks meanwhile. */
#include "guest.h"

#include <pthread.h>

static void ask(capdist_conn *conn);

static void ask_again(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)serial_no, (void)reply, (void)user_data;
    usleep(50 * 1000);
    ask(conn);
}

static void ask(capdist_conn *conn) {
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    MUST(capdist_get_capital_distribution(conn, &security, NULL, ask_again, NULL, NULL) == CAPDIST_OK);
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    capdist_conn *conn = open_ready(atoi(argv[1]), CAPDIST_MODE_THREAD);
    if (strcmp(argv[2], "busy") == 0) ask(conn);
    if (strcmp(argv[2], "alarm") == 0) alarm(1);
    printf("ready\n");
    fflush(stdout);
    pthread_exit(NULL);
}
