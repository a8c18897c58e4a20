/* Name servers that do not answer, or give another address each time: this program has a getaddrinfo() of its own.
 * names stalled|distinct|moving|turns PORT */
#include "guest.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

static atomic_int under_way, most_under_way, look_ups;
static atomic_bool is_stalled;
static const char *const told[] = {"127.0.0.7", "127.0.0.8", "127.0.0.1"};
enum { TOLD = 3, MANY = 350, MOST = 16 };
/* Whether lookups are answered; and whether the nth lookup gets the nth address only. */
static bool has_answer, moves;

static struct addrinfo *entry(const char *address, struct addrinfo *next) {
    struct addrinfo *made = calloc(1, sizeof *made + sizeof(struct sockaddr_in));
    struct sockaddr_in *in = (struct sockaddr_in *)(made + 1);
    in->sin_family = AF_INET;
    inet_pton(AF_INET, address, &in->sin_addr);
    *made = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof *in,
                              .ai_addr = (struct sockaddr *)in, .ai_next = next};
    return made;
}

/* Replaces the system's. It is called for addresses, too. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **list) {
    struct in_addr address;
    if (hints->ai_flags & AI_NUMERICHOST) {
        if (inet_pton(AF_INET, name, &address) != 1) return EAI_NONAME;
        *list = entry(name, NULL);
        ((struct sockaddr_in *)(*list)->ai_addr)->sin_port = htons((uint16_t)atoi(service));
        return 0;
    }
    const int now = atomic_fetch_add(&under_way, 1) + 1, number = atomic_fetch_add(&look_ups, 1);
    for (int most = atomic_load(&most_under_way); most < now && !atomic_compare_exchange_weak(&most_under_way, &most, now);) {}
    while (atomic_load(&is_stalled)) usleep(1000);
    atomic_fetch_sub(&under_way, 1);
    if (!has_answer) return EAI_AGAIN;
    *list = NULL;
    for (int i = TOLD - 1; i >= 0; i--) {
        if (!moves || i == (number < TOLD ? number : TOLD - 1)) *list = entry(told[i], *list);
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *list) {
    for (struct addrinfo *next; list; list = next) {
        next = list->ai_next;
        free(list);
    }
}

static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int count = -2;
    while (readdir(tasks)) count++;
    closedir(tasks);
    return count;
}

static bool come_down_to(int count) {
    for (int64_t end = now_ms() + 8000; now_ms() < end; usleep(1000)) if (threads() <= count) return true;
    return false;
}

/* Many connections to names without an answer: few threads, few lookups, and none is left afterwards. */
static int stall(bool is_distinct) {
    static capdist_conn *conns[MANY];
    static char names[MANY][32];
    const int before = threads(), most = is_distinct ? MOST : 1;
    atomic_store(&is_stalled, true);
    for (int i = 0; i < MANY; i++) {
        capdist_options options = options_for(11111, CAPDIST_MODE_THREAD);
        snprintf(names[i], sizeof names[i], "dead%d.example", is_distinct ? i : 0);
        options.host = names[i];
        MUST(capdist_init_connect(&options, &conns[i]) == CAPDIST_OK);
    }
    for (int64_t end = now_ms() + 8000; atomic_load(&under_way) < most && now_ms() < end;) usleep(1000);
    usleep(300 * 1000);
    MUST(atomic_load(&most_under_way) == most);
    MUST(threads() - before <= MANY + most);
    for (int i = 0; i < MANY; i++) MUST(capdist_release(conns[i]) == CAPDIST_OK);
    MUST(come_down_to(before + most));
    /* A lookup that nothing waits for any more is not begun. */
    atomic_store(&is_stalled, false);
    MUST(come_down_to(before));
    MUST(atomic_load(&look_ups) == most);
    return 0;
}

static int connect_by(const char *host, int port) {
    capdist_options options = options_for(port, CAPDIST_MODE_THREAD);
    options.host = host;
    options.connect_timeout_ms = 500;
    options.reconnect_min_ms = options.reconnect_max_ms = 20;
    capdist_conn *conn = NULL;
    MUST(capdist_init_connect(&options, &conn) == CAPDIST_OK);
    MUST(capdist_wait_ready(conn, 30000) == CAPDIST_OK);
    MUST(answers_right(conn));
    MUST(capdist_release(conn) == CAPDIST_OK);
    return 0;
}

static void listen_and_say_nothing(const char *address, int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &in.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    MUST(bind(fd, (struct sockaddr *)&in, sizeof in) == 0 && listen(fd, 50) == 0);
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    const int port = atoi(argv[2]);
    if (strcmp(argv[1], "stalled") == 0) return stall(false);
    if (strcmp(argv[1], "distinct") == 0) return stall(true);
    has_answer = true;
    if (strcmp(argv[1], "moving") == 0) {
        /* Each attempt after a failure looks the name up again, and finds the new address. */
        moves = true;
        connect_by("moves.example", port);
        MUST(atomic_load(&look_ups) == TOLD);
        return 0;
    }
    /* The first two addresses accept and do not answer, so the third is tried. */
    listen_and_say_nothing(told[0], port);
    listen_and_say_nothing(told[1], port);
    return connect_by("three.example", port);
}
