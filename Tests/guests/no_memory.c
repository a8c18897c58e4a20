/* Lets each allocation fail in turn, from the first call to a connection's end. Either a call returns a status for it, or the
 * process ends by SIGABRT after one line on stderr. Nothing is written to invalid memory, and nothing hangs.
 * no_memory PORT PORT_WITH_KEY TLS_PORT KEY CA */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { GOOD, TOLD = 20, WRONGLY_TOLD, NOT_MET, WAITS = 60 };

/* Which allocation fails, counted over all threads. */
static atomic_int fails_at;
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static bool fails(void) { return atomic_load(&fails_at) > 0 && atomic_fetch_sub(&fails_at, 1) == 1; }

/* It returns what the system's returns: pthread_create asserts that. */
static void *none(void) {
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size) { return fails() ? none() : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return fails() ? none() : __libc_calloc(count, size); }
void *realloc(void *memory, size_t size) { return fails() ? none() : __libc_realloc(memory, size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
    void *made = fails() ? NULL : __libc_memalign(alignment, size);
    if (!made) return ENOMEM;
    *memory = made;
    return 0;
}

static const char *key, *ca;
enum { CLEAR, ENCRYPTED, TLS, WAYS };
static int ports[WAYS];

/* Returns a status other than OK, with its text. */
#define TELLS(call)                                                                                                    \
    do {                                                                                                               \
        const capdist_status status = call;                                                                            \
        if (status == CAPDIST_OK) break;                                                                               \
        atomic_store(&fails_at, 0);                                                                                    \
        return *capdist_last_error() ? TOLD : WRONGLY_TOLD;                                                            \
    } while (0)

static int live(int way) {
    capdist_options options;
    capdist_conn *conn = NULL;
    capdist_reply *reply = NULL;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    TELLS(capdist_options_init(&options, sizeof options));
    options.port = ports[way];
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    options.quota_requests = 0;
    options.reconnect = 0;
    options.rsa_private_key_file = way == ENCRYPTED ? key : NULL;
    if (way == TLS) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        options.tls_ca_file = ca;
    }
    TELLS(capdist_init_connect(&options, &conn));
    TELLS(capdist_wait_ready(conn, 20000));
    const capdist_status fetched = capdist_fetch_capital_distribution(conn, &security, NULL, &reply);
    /* An accepted request that is lost with its stream: its reply has the status. */
    if (fetched != CAPDIST_OK && reply) {
        atomic_store(&fails_at, 0);
        return reply->status == fetched && *reply->desc ? TOLD : WRONGLY_TOLD;
    }
    TELLS(fetched);
    capdist_reply *copy = capdist_reply_copy(reply);
    /* The header promises it. */
    if (!copy) return TOLD;
    if (copy->distribution->capital_in_big != BIG) return WRONGLY_TOLD;
    capdist_reply_free(copy);
    capdist_reply_free(reply);
    TELLS(capdist_release(conn));
    return GOOD;
}

static int live_without(int way, int at) {
    atomic_store(&fails_at, at);
    const int end = live(way);
    const bool is_met = atomic_load(&fails_at) <= 0;
    atomic_store(&fails_at, 0);
    if (!is_met) return NOT_MET;
    if (end == WRONGLY_TOLD) return end;
    /* Everything works afterwards. What OpenSSL could not initialise once, it does not try again, and calls report that. */
    const int after = live(way);
    return after == GOOD || (way != CLEAR && after == TOLD) ? end : WRONGLY_TOLD;
}

/* How a process ended, and its output. */
static int end_of(int way, int at, char *text, size_t size) {
    int ends[2], status = -1;
    MUST(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(WAITS);
        dup2(ends[1], STDERR_FILENO);
        _exit(live_without(way, at));
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < size && (got = read(ends[0], text + length, size - length - 1)) > 0;) length += (size_t)got;
    text[length] = 0;
    close(ends[0]);
    MUST(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool is_one_line(const char *text) {
    const char *end = strchr(text, '\n');
    return strncmp(text, "libcapdist: no memory", 21) == 0 && end && end[1] == 0;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    for (int way = 0; way < WAYS; way++) ports[way] = atoi(argv[1 + way]);
    key = argv[4];
    ca = argv[5];
    int wrong = 0;
    for (int way = 0; way < WAYS; way++) {
        int told = 0, aborted = 0, unharmed = 0;
        /* The first ones all, then some: OpenSSL makes thousands. */
        for (int at = 1;; at += 1 + at / 100) {
            char text[1024];
            const int end = end_of(way, at, text, sizeof text);
            if (end == NOT_MET) break;
            told += end == TOLD;
            unharmed += end == GOOD;
            aborted += end == -SIGABRT && is_one_line(text);
            if (end == TOLD || end == GOOD || (end == -SIGABRT && is_one_line(text))) continue;
            fprintf(stderr, "way %d, allocation %d: ended with %d, and wrote: %s\n", way, at, end, text);
            wrong++;
        }
        printf("way %d: %d told, %d unharmed, %d aborted\n", way, told, unharmed, aborted);
        MUST(told > 0 && aborted > 0);
        /* Here OpenSSL, which makes thousands, is not initialised. */
        MUST(way != CLEAR || told + unharmed + aborted < 400);
    }
    return wrong > 0;
}
