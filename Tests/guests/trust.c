/* Which certificates a connection over TLS accepts if no CAs are set. trust PORT MODE COUNT: opens that many connections, one
 * after the other, and prints the result of each. */
#include "guest.h"

int main(int argc, char **argv) {
    if (argc != 4) return 1;
    capdist_conn *conns[64];
    const int count = atoi(argv[3]);
    for (int i = 0; i < count && i < 64; i++) {
        capdist_options options = options_for(atoi(argv[1]), strcmp(argv[2], "thread") ? CAPDIST_MODE_HOST_DRIVEN : CAPDIST_MODE_THREAD);
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        options.reconnect = 0;
        MUST(capdist_init_connect(&options, &conns[i]) == CAPDIST_OK);
        capdist_status status = capdist_wait_ready(conns[i], 20000);
        printf("%s\n", status == CAPDIST_OK && answers_right(conns[i]) ? "answers" : capdist_last_error());
    }
    for (int i = 0; i < count && i < 64; i++) MUST(capdist_release(conns[i]) == CAPDIST_OK);
    return 0;
}
