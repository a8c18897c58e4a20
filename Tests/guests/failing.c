/* What a call returns when something fails inside it: a digest, in an application that has functions with OpenSSL's names; and an
 * allocation. failing PORT digest|memory */
#include "guest.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

static bool fails;

/* Replaces OpenSSL's. */
int SHA1_Init(void *context);
int SHA1_Init(void *context) {
    static int (*real)(void *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "SHA1_Init");
    return fails ? 0 : real(context);
}

/* Which of the next allocations of at least the size of a security fails. One is a request's copy of it. Another may be a Swift
 * object, whose failure ends the process. */
static int fails_at;
extern void *__libc_malloc(size_t size);
void *malloc(size_t size) {
    if (size >= sizeof(capdist_security) && size < 512 && fails_at > 0 && --fails_at == 0) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}

enum { GOOD, NOT_MET = 10, WRONGLY_TOLD };

static int fetch_without_memory(int port, int at) {
    capdist_conn *conn = open_ready(port, CAPDIST_MODE_HOST_DRIVEN);
    fails_at = at;
    double big;
    capdist_status status = fetch(conn, NULL, &big);
    const bool is_met = fails_at == 0;
    fails_at = 0;
    if (!is_met) return NOT_MET;
    if (status != CAPDIST_SYSTEM_ERROR || !strstr(capdist_last_error(), "memory")) return WRONGLY_TOLD;
    return answers_right(conn) && capdist_release(conn) == CAPDIST_OK ? GOOD : WRONGLY_TOLD;
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    if (strcmp(argv[2], "digest") == 0) {
        fails = true;
        capdist_options options = options_for(atoi(argv[1]), CAPDIST_MODE_THREAD);
        options.reconnect = 0;
        capdist_conn *conn = NULL;
        MUST(capdist_init_connect(&options, &conn) == CAPDIST_OK);
        MUST(capdist_wait_ready(conn, 8000) != CAPDIST_OK);
        MUST(strstr(capdist_last_error(), "SHA-1"));
        MUST(capdist_release(conn) == CAPDIST_OK);
        return 0;
    }
    int good = 0;
    for (int at = 1; at <= 8; at++) {
        pid_t child = fork();
        if (child == 0) {
            /* The output of the Swift runtime is not checked. */
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
            _exit(fetch_without_memory(atoi(argv[1]), at));
        }
        int status = -1;
        MUST(waitpid(child, &status, 0) == child);
        MUST(!WIFEXITED(status) || WEXITSTATUS(status) == GOOD || WEXITSTATUS(status) == NOT_MET);
        good += WIFEXITED(status) && WEXITSTATUS(status) == GOOD;
    }
    MUST(good > 0);
    return 0;
}
