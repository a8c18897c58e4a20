/* A sandbox without random numbers: neither the system call nor the file works. Calls return a status, and the process goes on.
 * no_random early|late|load LIBRARY */
#include "guest.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void refuse(int number, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("seccomp");
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    const bool is_load = strcmp(argv[1], "load") == 0;
    capdist_options options;
    capdist_conn *conn = NULL;
    if (is_load) {
        /* The harness makes the file unavailable. */
        if (access("/dev/urandom", F_OK) == 0) return 1;
        refuse(SYS_getrandom, EPERM);
    }
    void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 1;
    capdist_status (*init)(capdist_options *, size_t), (*connect)(const capdist_options *, capdist_conn **);
    const char *(*last_error)(void);
    *(void **)&init = dlsym(library, "capdist_options_init");
    *(void **)&connect = dlsym(library, "capdist_init_connect");
    *(void **)&last_error = dlsym(library, "capdist_last_error");
    if (!is_load) {
        /* late: the process's first call was made before. */
        if (strcmp(argv[1], "late") == 0) init(&options, sizeof options);
        refuse(SYS_getrandom, EPERM);
        refuse(SYS_openat, EACCES);
    }
    if (init(&options, sizeof options) != CAPDIST_OK) return 1;
    const capdist_status status = connect(&options, &conn);
    printf("%d %s\n", status, last_error());
    return status == CAPDIST_SYSTEM_ERROR && conn == NULL && strstr(last_error(), "random") ? 0 : 1;
}
