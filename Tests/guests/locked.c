/* A process with locked memory: prints the KiB that a connection takes there. locked PORT */
#include "guest.h"

#include <sys/mman.h>

enum { CONNECTIONS = 16 };

static long resident_kib(void) {
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "re");
    MUST(file);
    while (fgets(line, sizeof line, file)) if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    fclose(file);
    return kib;
}

int main(int argc, char **argv) {
    if (argc != 2) return 1;
    const int port = atoi(argv[1]);
    capdist_conn *first = open_ready(port, CAPDIST_MODE_THREAD);
    MUST(answers_right(first));
    if (mlockall(MCL_CURRENT | MCL_FUTURE)) return perror("mlockall"), 1;
    const long before = resident_kib();
    MUST(before > 0);
    capdist_conn *conns[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        conns[i] = open_ready(port, CAPDIST_MODE_THREAD);
        MUST(answers_right(conns[i]));
    }
    printf("%ld\n", (resident_kib() - before) / CONNECTIONS);
    for (int i = 0; i < CONNECTIONS; i++) MUST(capdist_release(conns[i]) == CAPDIST_OK);
    MUST(capdist_release(first) == CAPDIST_OK);
    return 0;
}
