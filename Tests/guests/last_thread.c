/* A program that left main by pthread_exit, so that the connection's thread is the last one: what asks the process to end
 * still ends it. last_thread PORT alarm|wait, where "wait" waits for whatever signal comes. */
#include "guest.h"

#include <pthread.h>

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    open_ready(atoi(argv[1]), CAPDIST_MODE_THREAD);
    if (strcmp(argv[2], "alarm") == 0) alarm(1);
    printf("ready\n");
    fflush(stdout);
    pthread_exit(NULL);
}
