/* libcapdist from C, with no quota.
 *
 * Usage: capdist_client PORT fetch|callback|many|poll|poll-many [KEY CIPHER | websocket | tls CA] REQUESTS   (with a key it encrypts)
 *   fetch      the blocking call, one at a time
 *   callback   one at a time, each asked inside the callback of the one before
 *   many       64 in flight, each answered one followed by another
 *   poll       application-driven, from a poll() loop on the main thread, one at a time
 *   poll-many  the same with 64 in flight */
#include <capdist.h>
#include <poll.h>
#include <semaphore.h>

#include "measure.h"

enum { IN_FLIGHT = 64 };

/* Touched by the connection's thread alone, once it is made, but for `done`; application-driven there is but one thread. */
struct run {
    struct measure measure;
    capdist_security security;
    int requests, in_flight;
    int asked, answered;
    int64_t asked_ns;
    int is_done;
    sem_t done;
};

static void fail(const char *what, capdist_status status)
{
    fprintf(stderr, "capdist_client: %s: %s: %s\n", what, capdist_status_name(status), capdist_last_error());
    exit(1);
}

static void check(const capdist_reply *reply)
{
    if (reply->status != CAPDIST_OK) fail(reply->desc, reply->status);
    if (reply->distribution->capital_in_big != EXPECTED_CAPITAL_IN_BIG) fail("wrong figures", reply->status);
}

static void fetch(capdist_conn *conn, struct run *run)
{
    measure_start(&run->measure, run->requests);
    for (int i = 0; i < run->requests; i++) {
        int64_t before = now_ns();
        capdist_reply *reply;
        capdist_status status = capdist_fetch_capital_distribution(conn, &run->security, NULL, &reply);
        if (!reply) fail("fetch", status);
        check(reply);
        capdist_reply_free(reply);
        measure_round_trip(&run->measure, before);
    }
    measure_end(&run->measure);
}

static void ask(capdist_conn *conn, struct run *run);

static void answered(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data)
{
    (void)serial_no;
    struct run *run = user_data;
    check(reply);
    if (run->in_flight == 1) measure_round_trip(&run->measure, run->asked_ns);
    run->answered++;
    if (run->asked < run->requests) {
        ask(conn, run);
    } else if (run->answered == run->requests) {
        measure_end(&run->measure);
        run->is_done = 1;
        sem_post(&run->done);
    }
}

static void ask(capdist_conn *conn, struct run *run)
{
    run->asked++;
    if (run->in_flight == 1) run->asked_ns = now_ns();
    capdist_status status = capdist_get_capital_distribution(conn, &run->security, NULL, answered, run, NULL);
    if (status != CAPDIST_OK) fail("get", status);
}

/* Asks the first ones; each answer asks the next. */
static void connected(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data)
{
    struct run *run = user_data;
    if (err_code != 0) fail(desc, CAPDIST_CONNECT_FAILED);
    measure_start(&run->measure, run->requests);
    while (run->asked < run->in_flight && run->asked < run->requests) ask(conn, run);
}

int main(int count, char **words)
{
    if (count < 4 || count > 6) {
        fail("usage: capdist_client PORT fetch|callback|many|poll|poll-many [KEY CIPHER | websocket | tls CA] REQUESTS",
             CAPDIST_INVALID_ARGUMENT);
    }
    int is_fetch = strcmp(words[2], "fetch") == 0;
    static struct run run;
    run.requests = atoi(words[count - 1]);
    run.in_flight = strstr(words[2], "many") ? IN_FLIGHT : 1;
    int is_driven = strncmp(words[2], "poll", 4) == 0;
    sem_init(&run.done, 0, 0);
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = atoi(words[1]);
    options.quota_requests = 0;
    if (count == 5) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET;
    } else if (count == 6 && strcmp(words[3], "tls") == 0) {
        options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
        options.tls_ca_file = words[4];
    } else if (count == 6) {
        options.rsa_private_key_file = words[3];
        options.packet_cipher = atoi(words[4]);
    }
    options.on_init_connect = is_fetch ? NULL : connected;
    options.user_data = &run;
    options.mode = is_driven ? CAPDIST_MODE_HOST_DRIVEN : CAPDIST_MODE_THREAD;
    capdist_security_parse("HK.00700", &run.security);
    capdist_conn *conn;
    capdist_status status = capdist_init_connect(&options, &conn);
    if (status == CAPDIST_OK && !is_driven) status = capdist_wait_ready(conn, 10000);
    if (status != CAPDIST_OK) fail("no connection", status);
    struct pollfd descriptor = {.fd = is_driven ? capdist_get_fd(conn) : -1, .events = POLLIN};
    if (is_fetch)
        fetch(conn, &run);
    else if (is_driven)
        while (!run.is_done) {
            if (poll(&descriptor, 1, -1) == 1 && (status = capdist_process(conn)) != CAPDIST_OK) fail("process", status);
        }
    else
        while (sem_wait(&run.done) != 0) continue;
    capdist_release(conn);
    return 0;
}
