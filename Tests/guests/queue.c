/* The longest queue, in a process that runs out of memory: a request without memory is refused with a status, and each accepted
 * request completes once. queue PORT growing|limited */
#include "guest.h"

#include <errno.h>
#include <sys/resource.h>

enum { MANY = 20000, LARGE = 4096, ROOM = 16 << 20 };

/* Whether allocations of at least LARGE bytes fail: those are the queue's. */
static bool refuses;
static int refused;
extern void *__libc_malloc(size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static bool refuses_now(size_t size) {
    if (!refuses || size < LARGE) return false;
    refused++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) { return refuses_now(size) ? NULL : __libc_malloc(size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
    void *made = refuses_now(size) ? NULL : __libc_memalign(alignment, size);
    if (!made) return ENOMEM;
    *memory = made;
    return 0;
}

static unsigned char completed[1000001];
static int good, released;

static void note(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)user_data;
    MUST(serial_no < sizeof completed && completed[serial_no]++ == 0);
    good += reply->status == CAPDIST_OK && reply->distribution->capital_in_big == BIG;
    released += reply->status == CAPDIST_RELEASED;
}

static capdist_status ask(capdist_conn *conn) {
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    uint32_t serial_no = 1;
    const capdist_status status = capdist_get_capital_distribution(conn, &security, NULL, note, NULL, &serial_no);
    MUST(status == CAPDIST_OK || (status == CAPDIST_SYSTEM_ERROR && strstr(capdist_last_error(), "memory") && serial_no == 0));
    return status;
}

/* Each growth of the queue fails once. */
static void growing(capdist_conn *conn) {
    int told = 0;
    for (int accepted = 0; accepted < MANY;) {
        refuses = true;
        const bool is_accepted = ask(conn) == CAPDIST_OK;
        refuses = false;
        accepted += is_accepted;
        if (is_accepted) continue;
        told++;
        MUST(ask(conn) == CAPDIST_OK);
        accepted++;
    }
    MUST(told > 5 && told == refused);
    MUST(capdist_wait_ready(conn, 20000) == CAPDIST_OK);
    for (int64_t end = now_ms() + 60000; good < MANY && now_ms() < end;) MUST(capdist_process(conn) == CAPDIST_OK);
    MUST(good == MANY);
    MUST(capdist_release(conn) == CAPDIST_OK);
    MUST(released == 0);
}

/* The system has no more memory for the process. */
static void limited(capdist_conn *conn) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    MUST(file && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    struct rlimit before, now;
    MUST(getrlimit(RLIMIT_AS, &before) == 0);
    now = before;
    now.rlim_cur = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ROOM;
    MUST(setrlimit(RLIMIT_AS, &now) == 0);
    int accepted = 0;
    while (ask(conn) == CAPDIST_OK) accepted++;
    MUST(ask(conn) == CAPDIST_SYSTEM_ERROR);
    MUST(setrlimit(RLIMIT_AS, &before) == 0);
    printf("%d requests in %d bytes\n", accepted, ROOM);
    MUST(accepted > 1000);
    MUST(ask(conn) == CAPDIST_OK);
    MUST(capdist_release(conn) == CAPDIST_OK);
    MUST(released == accepted + 1);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    /* Nothing drives the connection before the queue is full. */
    capdist_options options = options_for(atoi(argv[1]), CAPDIST_MODE_HOST_DRIVEN);
    options.max_queue = 1000000;
    capdist_conn *conn = NULL;
    MUST(capdist_init_connect(&options, &conn) == CAPDIST_OK);
    if (strcmp(argv[2], "growing") == 0) growing(conn);
    if (strcmp(argv[2], "limited") == 0) limited(conn);
    return 0;
}
