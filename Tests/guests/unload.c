/* Loads the library, uses it, closes it, and loads it again, like an application with plug-ins.
 * unload cycle|early|callback|fork|exit|copies|versions ROUNDS LIBRARY COPY PORT PORT_WITH_KEY TLS_PORT KEY CA */
/* The library may not be loaded then. */
#define LAST_ERROR() "not asked for"
#include "guest.h"

#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/wait.h>

enum { PATIENCE_MS = 20000, LEFT_A_CYCLE = 1024 };

/* One copy of the library. */
typedef struct copy {
    void *library;
    const char *path;
    __typeof__(&capdist_version) version;
    __typeof__(&capdist_options_init) options_init;
    __typeof__(&capdist_init_connect) init_connect;
    __typeof__(&capdist_wait_ready) wait_ready;
    __typeof__(&capdist_get_capital_distribution) get;
    __typeof__(&capdist_fetch_capital_distribution) fetch;
    __typeof__(&capdist_process) process;
    __typeof__(&capdist_reply_free) reply_free;
    __typeof__(&capdist_release) release;
} copy;

static const char *key, *ca;
enum { CLEAR, ENCRYPTED, TLS, WAYS };
static int ports[WAYS];

static int entries_of(const char *path) {
    DIR *directory = opendir(path);
    int count = -2;
    while (directory && readdir(directory)) count++;
    if (directory) closedir(directory);
    return count;
}

static bool is_mapped(const char *path) {
    char line[4096];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (!found && fgets(line, sizeof line, maps)) found = strstr(line, path) != NULL;
    fclose(maps);
    return found;
}

static bool comes_to_be_unmapped(const char *path) {
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(1000)) if (!is_mapped(path)) return true;
    return false;
}

static copy load(const char *path) {
    copy c = {dlopen(path, RTLD_NOW | RTLD_LOCAL), path};
    if (!c.library) fprintf(stderr, "%s\n", dlerror());
    MUST(c.library);
#define LOAD(name) MUST((c.name = (__typeof__(c.name))dlsym(c.library, "capdist_" #name)))
    LOAD(version);
    LOAD(options_init);
    LOAD(init_connect);
    LOAD(wait_ready);
    LOAD(process);
    LOAD(reply_free);
    LOAD(release);
    MUST((c.get = (__typeof__(c.get))dlsym(c.library, "capdist_get_capital_distribution")));
    MUST((c.fetch = (__typeof__(c.fetch))dlsym(c.library, "capdist_fetch_capital_distribution")));
    return c;
}

static void note_closed(void *user_data) { sem_post(user_data); }

static capdist_conn *connect_by(const copy *c, int way, int32_t mode, sem_t *closed) {
    capdist_options options;
    capdist_conn *conn = NULL;
    MUST(c->options_init(&options, sizeof options) == CAPDIST_OK);
    options.port = ports[way];
    options.mode = mode;
    options.quota_requests = 0;
    options.rsa_private_key_file = way == ENCRYPTED ? key : NULL;
    if (way == TLS) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        options.tls_ca_file = ca;
    }
    if (closed) {
        options.on_closed = note_closed;
        options.user_data = closed;
    }
    MUST(c->init_connect(&options, &conn) == CAPDIST_OK);
    MUST(c->wait_ready(conn, PATIENCE_MS) == CAPDIST_OK);
    return conn;
}

static void ask(const copy *c, capdist_conn *conn) {
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    /* Twice, so that there are shared answers to be freed. */
    capdist_request_options shared = {.struct_size = sizeof shared, .max_age_ms = 3600000};
    for (int i = 0; i < 2; i++) {
        capdist_reply *reply = NULL;
        MUST(c->fetch(conn, &security, &shared, &reply) == CAPDIST_OK);
        MUST(reply->distribution->capital_in_big == BIG);
        MUST(i == 0 || reply->from_cache == 1);
        c->reply_free(reply);
    }
}

static const int32_t modes[] = {CAPDIST_MODE_THREAD, CAPDIST_MODE_HOST_DRIVEN};

/* Uses every part of the library in one cycle. */
static void use(const copy *c) {
    for (int way = 0; way < WAYS; way++) {
        for (size_t mode = 0; mode < 2; mode++) {
            capdist_conn *conn = connect_by(c, way, modes[mode], NULL);
            ask(c, conn);
            MUST(c->release(conn) == CAPDIST_OK);
        }
    }
}

static size_t allocated(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static long resident(void) {
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    MUST(fscanf(file, "%ld %ld", &size, &pages) == 2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static int entries_of_maps(void) {
    int lines = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int c; (c = fgetc(maps)) != EOF;) lines += c == '\n';
    fclose(maps);
    return lines;
}

/* A cycle leaves nothing: no mapping, no thread, no descriptor, and less than a kilobyte of memory. */
static void cycle(const char *path, int rounds) {
    enum { FIRST = 3 };
    size_t before = 0;
    long pages = 0;
    int descriptors = 0, mappings = 0;
    for (int round = 0; round < FIRST + rounds; round++) {
        if (round == FIRST) {
            before = allocated();
            pages = resident();
            descriptors = entries_of("/proc/self/fd");
            mappings = entries_of_maps();
        }
        copy c = load(path);
        use(&c);
        MUST(dlclose(c.library) == 0);
        MUST(comes_to_be_unmapped(path));
        MUST(entries_of("/proc/self/task") == 1);
    }
    const long grown = (long)(allocated() - before), grown_pages = resident() - pages;
    printf("%d cycles: allocated %+ld bytes, resident %+ld bytes\n", rounds, grown, grown_pages);
    MUST(entries_of("/proc/self/fd") == descriptors);
    MUST(grown <= (long)LEFT_A_CYCLE * rounds);
    /* A few bytes may be the allocator's, especially under valgrind, which checks in its own way. */
    if (rounds < 10) return;
    MUST(entries_of_maps() <= mappings + 2);
    MUST(grown_pages <= (long)LEFT_A_CYCLE * rounds + 512 * 1024);
}

/* The library is closed while a connection is open: it stays loaded, works, and is unloaded with the last connection. */
static void early(const char *path) {
    for (int way = 0; way < WAYS; way++) {
        for (size_t mode = 0; mode < 2; mode++) {
            copy c = load(path);
            capdist_conn *conn = connect_by(&c, way, modes[mode], NULL), *other = connect_by(&c, way, modes[mode], NULL);
            MUST(dlclose(c.library) == 0);
            MUST(is_mapped(path));
            ask(&c, conn);
            MUST(c.release(conn) == CAPDIST_OK);
            MUST(is_mapped(path));
            ask(&c, other);
            MUST(c.release(other) == CAPDIST_OK);
            MUST(!is_mapped(path));
        }
    }
}

typedef struct last {
    const copy *c;
    sem_t is_closed; /* by the application, which is no longer inside a call */
    sem_t done;
} last;

static void release_in_callback(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)serial_no, (void)reply;
    last *l = user_data;
    while (sem_wait(&l->is_closed) != 0) {}
    MUST(l->c->release(conn) == CAPDIST_OK);
    sem_post(&l->done);
}

/* The last connection is released in its own callback: its thread ends, and the library is unloaded. */
static void callback(const char *path, int rounds) {
    for (int round = 0; round < rounds; round++) {
        const int way = round % WAYS;
        const int32_t mode = modes[round / WAYS % 2];
        copy c = load(path);
        last l = {&c};
        sem_t closed;
        sem_init(&l.is_closed, 0, 0);
        sem_init(&l.done, 0, 0);
        sem_init(&closed, 0, 0);
        capdist_conn *conn = connect_by(&c, way, mode, &closed);
        capdist_security security = {CAPDIST_MARKET_HK, "00700"};
        MUST(c.get(conn, &security, NULL, release_in_callback, &l, NULL) == CAPDIST_OK);
        MUST(dlclose(c.library) == 0);
        sem_post(&l.is_closed);
        /* Calls until it is unloaded. The last call is the one inside which that happens. */
        while (mode == CAPDIST_MODE_HOST_DRIVEN && sem_trywait(&closed) != 0) MUST(c.process(conn) == CAPDIST_OK);
        if (mode == CAPDIST_MODE_THREAD) sem_wait(&l.done);
        MUST(comes_to_be_unmapped(path));
    }
}

/* In a child, which has the parent's connections and none of its threads; and then in the parent. */
static void forked(const char *path) {
    for (int way = 0; way < WAYS; way++) {
        copy c = load(path);
        capdist_conn *conn = connect_by(&c, way, CAPDIST_MODE_THREAD, NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(PATIENCE_MS / 1000);
            use(&c);
            MUST(c.release(conn) == CAPDIST_OK);
            MUST(dlclose(c.library) == 0);
            MUST(!is_mapped(path));
            c = load(path);
            use(&c);
            MUST(dlclose(c.library) == 0);
            MUST(!is_mapped(path));
            exit(0);
        }
        int status = 1;
        MUST(waitpid(child, &status, 0) == child && status == 0);
        ask(&c, conn);
        MUST(c.release(conn) == CAPDIST_OK);
        MUST(dlclose(c.library) == 0);
        MUST(!is_mapped(path));
        /* None of its code runs any more. */
        child = fork();
        if (child == 0) exit(0);
        MUST(waitpid(child, &status, 0) == child && status == 0);
    }
}

static void close_at_exit(void);
static copy of_exit;

/* A process that exits after, before and during that. */
static void ends(const char *path, int rounds) {
    for (int round = 0; round < rounds; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(PATIENCE_MS / 1000);
            if (round % 4 == 3) atexit(close_at_exit);
            of_exit = load(path);
            if (round % 4 == 2) atexit(close_at_exit);
            capdist_conn *conn = connect_by(&of_exit, round % WAYS, modes[round / WAYS % 2], NULL);
            ask(&of_exit, conn);
            if (round % 2 == 0) MUST(of_exit.release(conn) == CAPDIST_OK);
            if (round % 4 < 2) dlclose(of_exit.library);
            exit(42);
        }
        int status = 0;
        MUST(waitpid(child, &status, 0) == child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 42) fprintf(stderr, "round %d: status %x\n", round, (unsigned)status);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    }
}

static void close_at_exit(void) { dlclose(of_exit.library); }

static void *use_until(void *argument) {
    const copy *c = argument;
    for (int round = 0; round < 3; round++) use(c);
    return NULL;
}

/* Two copies of the library at the same time, from separate files, which may have different versions. They do not affect each
 * other. One is closed, and the other goes on. */
static void copies(const char *path, const char *other_path, bool are_versions) {
    for (int first = 0; first < 2; first++) {
        copy c = load(first ? other_path : path), other = load(first ? path : other_path);
        MUST(c.release != other.release);
        MUST((strcmp(c.version(), other.version()) != 0) == are_versions);
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, use_until, &other) == 0);
        use_until(&c);
        MUST(pthread_join(thread, NULL) == 0);
        capdist_conn *conn = connect_by(&other, TLS, CAPDIST_MODE_THREAD, NULL);
        MUST(dlclose(c.library) == 0);
        MUST(!is_mapped(c.path));
        ask(&other, conn);
        use(&other);
        MUST(other.release(conn) == CAPDIST_OK);
        MUST(dlclose(other.library) == 0);
        MUST(!is_mapped(other.path));
    }
}

/* A plug-in's worker, which releases when it is told to. */
typedef struct worker {
    const copy *c;
    int way;
    int32_t mode;
    sem_t is_ready, must_stop;
    pthread_t thread;
} worker;

static worker of_plugin;

static void *work(void *argument) {
    worker *w = argument;
    capdist_conn *conn = connect_by(w->c, w->way, w->mode, NULL);
    ask(w->c, conn);
    sem_post(&w->is_ready);
    while (sem_wait(&w->must_stop) != 0) {}
    MUST(w->c->release(conn) == CAPDIST_OK);
    return NULL;
}

static void stop_worker(void) {
    sem_post(&of_plugin.must_stop);
    MUST(pthread_join(of_plugin.thread, NULL) == 0);
}

/* A plug-in's destructor waits for its worker. Meanwhile the loader serves no other thread. */
static void plugins(const char *path, const char *plugin) {
    alarm(PATIENCE_MS / 1000);
    for (int way = 0; way < WAYS; way++) {
        for (size_t mode = 0; mode < 2; mode++) {
            copy c = load(path);
            void *loaded = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
            MUST(loaded);
            void (**ends)(void) = dlsym(loaded, "plugin_ends");
            MUST(ends);
            *ends = stop_worker;
            of_plugin = (worker){.c = &c, .way = way, .mode = modes[mode]};
            sem_init(&of_plugin.is_ready, 0, 0);
            sem_init(&of_plugin.must_stop, 0, 0);
            MUST(pthread_create(&of_plugin.thread, NULL, work, &of_plugin) == 0);
            while (sem_wait(&of_plugin.is_ready) != 0) {}
            MUST(dlclose(loaded) == 0);
            MUST(dlclose(c.library) == 0);
            MUST(comes_to_be_unmapped(path));
            for (int64_t end = now_ms() + PATIENCE_MS; entries_of("/proc/self/task") > 1 && now_ms() < end;) usleep(1000);
            MUST(entries_of("/proc/self/task") == 1);
        }
    }
}

static _Atomic bool is_loading;

static void *load_for_ever(void *argument) {
    while (is_loading) {
        void *loaded = dlopen(argument, RTLD_NOW | RTLD_LOCAL);
        if (loaded) dlclose(loaded);
    }
    return NULL;
}

/* Forks while another thread loads something. Each child's loader is as that thread left it. */
static void loading(const char *path, char *other, int rounds) {
    copy c = load(path);
    use(&c);
    is_loading = true;
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, load_for_ever, other) == 0);
    for (int round = 0; round < rounds; round++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(PATIENCE_MS / 1000);
            capdist_conn *conn = connect_by(&c, CLEAR, modes[round % 2], NULL);
            ask(&c, conn);
            MUST(c.release(conn) == CAPDIST_OK);
            _exit(42);
        }
        int status = 0;
        MUST(waitpid(child, &status, 0) == child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 42) fprintf(stderr, "round %d: status %x\n", round, (unsigned)status);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    }
    is_loading = false;
    MUST(pthread_join(thread, NULL) == 0);
    MUST(dlclose(c.library) == 0);
    MUST(comes_to_be_unmapped(path));
}

int main(int count, char **arguments) {
    if (count != 10) return 2;
    /* In the form of /proc/self/maps. */
    const char *what = arguments[1];
    static char *path, *other_path;
    path = realpath(arguments[3], NULL);
    other_path = realpath(arguments[4], NULL);
    MUST(path && other_path);
    const int rounds = atoi(arguments[2]);
    for (int way = 0; way < WAYS; way++) ports[way] = atoi(arguments[5 + way]);
    key = arguments[8];
    ca = arguments[9];
    if (strcmp(what, "cycle") == 0) cycle(path, rounds);
    if (strcmp(what, "early") == 0) early(path);
    if (strcmp(what, "callback") == 0) callback(path, rounds);
    if (strcmp(what, "fork") == 0) forked(path);
    if (strcmp(what, "exit") == 0) ends(path, rounds);
    if (strcmp(what, "copies") == 0) copies(path, other_path, false);
    if (strcmp(what, "versions") == 0) copies(path, other_path, true);
    if (strcmp(what, "plugin") == 0) plugins(path, other_path);
    if (strcmp(what, "loading") == 0) loading(path, other_path, rounds);
    return 0;
}
