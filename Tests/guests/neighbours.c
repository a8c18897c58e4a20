/* An application, or another library in it, with functions and an OpenSSL of its own. Neither must be mixed up with the
 * library's. Built with OWN_NAMES, it is the application that has functions with the names of OpenSSL's, protobuf-c's and
 * wslay's. neighbours first|last|global|deepbind LIBRARY NEIGHBOUR|- PORT PORT_WITH_KEY TLS_PORT KEY CA
 * first and last: when the library is loaded; global, deepbind: after the neighbour, with that flag */
/* The library may not be loaded then. */
#define LAST_ERROR() "not asked for"
#include "guest.h"

#include <dlfcn.h>

#ifdef OWN_NAMES
#include "other_names.h"
#endif

static __typeof__(&capdist_options_init) options_init;
static __typeof__(&capdist_init_connect) init_connect;
static __typeof__(&capdist_fetch_capital_distribution) fetch_capital_distribution;
static __typeof__(&capdist_reply_free) reply_free;
static __typeof__(&capdist_release) release_conn;
static __typeof__(&capdist_last_error) last_error;

static void *library, *neighbour;

static void find(void) {
#define FIND(variable, name) MUST((variable = (__typeof__(variable))dlsym(library, #name)))
    FIND(options_init, capdist_options_init);
    FIND(init_connect, capdist_init_connect);
    FIND(fetch_capital_distribution, capdist_fetch_capital_distribution);
    FIND(reply_free, capdist_reply_free);
    FIND(release_conn, capdist_release);
    FIND(last_error, capdist_last_error);
}

static void *open_file(const char *path, int flags) {
    void *opened = dlopen(path, RTLD_NOW | flags);
    if (!opened) fprintf(stderr, "%s\n", dlerror());
    MUST(opened);
    return opened;
}

static void connect_by(int way, int port, const char *key, const char *ca, int32_t mode) {
    capdist_options options;
    capdist_conn *conn = NULL;
    capdist_reply *reply = NULL;
    capdist_security security = {CAPDIST_MARKET_HK, "00700"};
    MUST(options_init(&options, sizeof options) == CAPDIST_OK);
    options.port = port;
    options.mode = mode;
    options.quota_requests = 0;
    options.rsa_private_key_file = way == 1 ? key : NULL;
    if (way == 2) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        options.tls_ca_file = ca;
    }
    MUST(init_connect(&options, &conn) == CAPDIST_OK);
    if (fetch_capital_distribution(conn, &security, NULL, &reply) != CAPDIST_OK) {
        fprintf(stderr, "way %d: %s\n", way, last_error());
        exit(1);
    }
    MUST(reply->distribution->capital_in_big == BIG);
    reply_free(reply);
    MUST(release_conn(conn) == CAPDIST_OK);
}

/* What the neighbour does with its own OpenSSL, if it has one. It must work before and afterwards. */
static void use_neighbour(void) {
    if (!neighbour) return;
    unsigned char *(*sha1)(const unsigned char *, size_t, unsigned char *) = dlsym(neighbour, "SHA1");
    unsigned long (*peek)(void) = dlsym(neighbour, "ERR_peek_error");
    if (!sha1 || !peek) return;
    unsigned char digest[20];
    MUST(sha1((const unsigned char *)"abc", 3, digest) && digest[0] == 0xa9 && digest[19] == 0x9d);
    MUST(peek() == 0);
}

int main(int argc, char **argv) {
    if (argc != 9) return 2;
    const char *how = argv[1], *path = argv[2], *other = argv[3];
    const bool has_neighbour = strcmp(other, "-") != 0;
    if (has_neighbour && strcmp(how, "first") != 0) neighbour = open_file(other, RTLD_GLOBAL);
    use_neighbour();
    library = open_file(path, strcmp(how, "global") == 0     ? RTLD_GLOBAL
                              : strcmp(how, "deepbind") == 0 ? RTLD_LOCAL | RTLD_DEEPBIND
                                                             : RTLD_LOCAL);
    find();
    for (int round = 0; round < 2; round++) {
        for (int way = 0; way < 3; way++) {
            connect_by(way, atoi(argv[4 + way]), argv[7], argv[8], CAPDIST_MODE_THREAD);
            connect_by(way, atoi(argv[4 + way]), argv[7], argv[8], CAPDIST_MODE_HOST_DRIVEN);
        }
        if (has_neighbour && !neighbour) neighbour = open_file(other, RTLD_GLOBAL);
        use_neighbour();
    }
#ifdef OWN_NAMES
    MUST(other_names_called == 0);
#endif
    int *called = neighbour ? dlsym(neighbour, "other_names_called") : NULL;
    MUST(!called || *called == 0);
    return 0;
}
