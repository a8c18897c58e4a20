/* Probes and storms. The header describes them. */
#include "support_faults.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

/* ---- the expected figures ---- */

void derived_amounts(const char *code, double amounts[8]) {
    char text[80];
    snprintf(text, sizeof text, "%d.%s", CAPDIST_MARKET_HK, code);
    uint64_t state = 0xcbf29ce484222325u;
    for (const char *c = text; *c; c++) state = (state ^ (uint8_t)*c) * 0x100000001b3u;
    for (int i = 0; i < 8; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        amounts[i] = (double)(state >> 33) / 100;
    }
}

static bool is_utf8(const char *text) {
    const uint8_t *c = (const uint8_t *)text;
    while (*c) {
        uint8_t lead = *c++;
        if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4) return false;
        int more = (lead >= 0xc2) + (lead >= 0xe0) + (lead >= 0xf0);
        for (int i = 0; i < more; i++, c++) {
            if ((*c & 0xc0) != 0x80) return false;
            if (i > 0) continue;
            /* Overlong forms, surrogates, numbers above Unicode. */
            if ((lead == 0xe0 && *c < 0xa0) || (lead == 0xed && *c > 0x9f) || (lead == 0xf0 && *c < 0x90) ||
                (lead == 0xf4 && *c > 0x8f)) {
                return false;
            }
        }
    }
    return true;
}

static bool amounts_are(const double actual[8], amounts kind, const char *code) {
    /* The sign of each infinite figure follows from its field number: 9, 1, 2, 3, 10, 4, 5, 6. */
    static const double signs[8] = {-1, -1, 1, -1, 1, 1, -1, 1};
    double right[8];
    derived_amounts(code, right);
    for (int i = 0; i < 8; i++) {
        switch (kind) {
        case RIGHT:
            if (memcmp(&actual[i], &right[i], sizeof right[i]) != 0) return false;
            break;
        case ALL_NAN:
            if (!isnan(actual[i])) return false;
            break;
        case INFINITE:
            if (actual[i] != signs[i] * INFINITY) return false;
            break;
        case DENORMAL:
            if (actual[i] != 4.9406564584124654e-324) return false;
            break;
        case ANY_AT_ALL: return true;
        case ANY_OF_THESE:
            return amounts_are(actual, RIGHT, code) || amounts_are(actual, ALL_NAN, code) ||
                   amounts_are(actual, INFINITE, code) || amounts_are(actual, DENORMAL, code);
        }
    }
    return true;
}

static const char *wrong_figures(const probe *p, const capdist_reply *reply) {
    const capdist_capital_distribution *d = reply->distribution;
    if (!d) return "success without figures";
    if (p->expected->amounts == ANY_AT_ALL) return NULL;
    double actual[8] = {d->capital_in_super,  d->capital_in_big,  d->capital_in_mid,  d->capital_in_small,
                        d->capital_out_super, d->capital_out_big, d->capital_out_mid, d->capital_out_small};
    if (!amounts_are(actual, p->expected->amounts, p->code)) return "other amounts than the right ones";
    if (d->present != 0x7fe) return "a figure is missing";
    if (d->update_timestamp != 1654675199) return "another time stamp";
    const char *text = p->expected->text ? p->expected->text : "2022-06-08 15:59:59";
    if (strcmp(text, "*") != 0 && strcmp(d->update_time, text) != 0) return "another update time";
    if (!is_utf8(d->update_time)) return "an update time that is not UTF-8";
    return NULL;
}

/* Whether a request with that status was sent; -1: both are possible. */
static int was_sent(const storm *s, capdist_status status) {
    switch (status) {
    case CAPDIST_OK:
    case CAPDIST_REFUSED:
    case CAPDIST_RATE_LIMITED:
    case CAPDIST_MALFORMED_REPLY:
    case CAPDIST_REPLY_TIMEOUT: return 1;
    case CAPDIST_DISCONNECTED: return s->options.reconnect ? 1 : -1;
    case CAPDIST_RELEASED: return -1;
    default: return 0;
    }
}

static const char *wrong_reply(const probe *p, capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply) {
    const storm *s = p->storm;
    int sent = was_sent(s, reply->status);
    if (conn != s->connections[p->connection]) return "a callback with another handle";
    if (serial_no != p->serial_no || reply->serial_no != serial_no) return "another serial number";
    if (reply->security.market != CAPDIST_MARKET_HK) return "another market";
    if (strcmp(reply->security.code, p->code) != 0) return "another stock";
    if (reply->status < 0 || reply->status > 63) return "a status that is none";
    if (!(p->expected->statuses >> reply->status & 1)) return "a status that this fault does not make";
    if (sent >= 0 && reply->was_sent != sent) return "was_sent is wrong";
    if (!is_utf8(reply->ret_msg) || !is_utf8(reply->desc)) return "a text that is not UTF-8";
    if (reply->status == CAPDIST_OK) return reply->desc[0] ? "success with a desc" : wrong_figures(p, reply);
    if (reply->distribution) return "figures without success";
    if (!reply->desc[0]) return "no desc";
    if ((reply->status == CAPDIST_RATE_LIMITED) != (reply->retry_after_ms > 0)) return "retry_after_ms is wrong";
    if (reply->status == CAPDIST_REFUSED) {
        if (p->expected->ret_type && reply->ret_type != *p->expected->ret_type) return "another retType";
        if (p->expected->ret_msg && strcmp(reply->ret_msg, p->expected->ret_msg) != 0) return "another retMsg";
        if (reply->ret_type == 0) return "refused with a retType of 0";
    }
    return NULL;
}

/* ---- callbacks ---- */

static void end_probe(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    probe *p = user_data;
    storm *s = p->storm;
    const char *wrong = wrong_reply(p, conn, serial_no, reply);
    if (atomic_fetch_add(&s->inside[p->connection], 1) != 0) wrong = "a callback while another one ran";
    if (atomic_load(&s->released[p->connection])) wrong = "a callback after the release";
    if (!p->wrong) p->wrong = wrong;
    p->status = reply->status;
    p->ret_type = reply->ret_type;
    atomic_fetch_sub(&s->inside[p->connection], 1);
    sem_t *window = p->window;
    if (atomic_fetch_add(&p->completions, 1) == 0 && window) sem_post(window);
    atomic_fetch_add(&s->completed, 1);
}

static void count_init_connect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn, (void)desc;
    storm *s = user_data;
    if (err_code == 0) atomic_fetch_add(&s->established, 1);
}

static void count_disconnect(capdist_conn *conn, int64_t err_code, const char *desc, void *user_data) {
    (void)conn, (void)err_code, (void)desc;
    atomic_fetch_add(&((storm *)user_data)->lost, 1);
}

static void count_push(capdist_conn *conn, uint32_t proto_id, const uint8_t *body, size_t length, void *user_data) {
    (void)conn, (void)proto_id, (void)body, (void)length;
    atomic_fetch_add(&((storm *)user_data)->pushed, 1);
}

static void count_closed(void *user_data) {
    atomic_fetch_add(&((storm *)user_data)->closed, 1);
}

/* ---- storms ---- */

void prepare_storm(storm *s, int port, int connections, size_t probes) {
    memset(s, 0, sizeof *s);
    s->connection_count = connections;
    s->probe_count = probes;
    s->probes = calloc(probes, sizeof *s->probes);
    if (!s->probes) abort();
    assert_status(capdist_options_init(&s->options, sizeof s->options), CAPDIST_OK);
    s->options.port = port;
    s->options.quota_requests = 0;
    s->options.quota_group = "storm";
    s->options.recv_notify = 1;
    s->options.reconnect_min_ms = 2;
    s->options.reconnect_max_ms = 10;
    s->options.queue_timeout_ms = PATIENCE_MS;
    s->options.reply_timeout_ms = PATIENCE_MS;
    s->options.on_init_connect = count_init_connect;
    s->options.on_disconnect = count_disconnect;
    s->options.on_push = count_push;
    s->options.on_closed = count_closed;
    s->options.user_data = s;
}

void open_storm(storm *s) {
    for (int i = 0; i < s->connection_count; i++) {
        assert_status(capdist_init_connect(&s->options, &s->connections[i]), CAPDIST_OK);
    }
}

void send_probe(storm *s, size_t index, int connection, const char *code, const expectation *expected,
                int reply_timeout_ms, sem_t *window) {
    probe *p = &s->probes[index];
    capdist_request_options options;
    capdist_security security = {CAPDIST_MARKET_HK, ""};
    p->storm = s;
    p->expected = expected;
    p->window = window;
    p->connection = (uint8_t)connection;
    p->is_asked = true;
    snprintf(p->code, sizeof p->code, "%s", code);
    snprintf(security.code, sizeof security.code, "%s", code);
    capdist_request_options_init(&options, sizeof options);
    options.reply_timeout_ms = reply_timeout_ms;
    p->refused = capdist_get_capital_distribution(s->connections[connection], &security, &options, end_probe, p,
                                                  &p->serial_no);
    if (p->refused != CAPDIST_OK) {
        atomic_fetch_add(&s->completed, 1);
        if (window) sem_post(window);
    }
}

bool storm_completed(storm *s, size_t count, int timeout_ms) {
    for (int64_t end = now_ms() + timeout_ms; now_ms() < end; sleep_ms(1)) {
        if (atomic_load(&s->completed) >= count) return true;
    }
    return atomic_load(&s->completed) >= count;
}

void release_storm(storm *s) {
    for (int i = 0; i < s->connection_count; i++) {
        int64_t begin = now_ms();
        assert_status(capdist_release(s->connections[i]), CAPDIST_OK);
        long took = (long)(now_ms() - begin);
        atomic_store(&s->released[i], 1);
        if (took > s->release_ms) s->release_ms = took;
    }
}

size_t storm_count(const storm *s, capdist_status status) {
    size_t count = 0;
    for (size_t i = 0; i < s->probe_count; i++) {
        const probe *p = &s->probes[i];
        count += p->is_asked && p->refused == CAPDIST_OK && p->status == status;
    }
    return count;
}

bool storm_kept_promises(const storm *s, const char *name) {
    int broken = 0;
    enum { SHOWN = 5 };
    for (size_t i = 0; i < s->probe_count; i++) {
        const probe *p = &s->probes[i];
        if (!p->is_asked) continue;
        const char *wrong = p->wrong;
        int expected = p->refused == CAPDIST_OK;
        if (!expected && !(s->refusals >> p->refused & 1)) wrong = "the call was refused";
        if (p->completions != expected) wrong = "not completed exactly once";
        if (!wrong || ++broken > SHOWN) continue;
        print_error("%s: request %zu (HK.%s, serial number %u): %s; %d completions, %s, refused %s, retType %d\n", name,
                    i, p->code, p->serial_no, wrong, p->completions, capdist_status_name(p->status),
                    capdist_status_name(p->refused), p->ret_type);
    }
    if (broken > SHOWN) print_error("%s: and %d more\n", name, broken - SHOWN);
    if (s->closed != s->connection_count) {
        print_error("%s: on_closed came %d times for %d connections\n", name, s->closed, s->connection_count);
        broken++;
    }
    if (s->is_stuck) {
        print_error("%s: a thread waited in vain\n", name);
        broken++;
    }
    if (s->release_ms >= PROMPT_MS) {
        print_error("%s: a release took %ld ms\n", name, s->release_ms);
        broken++;
    }
    return broken == 0;
}

void free_storm(storm *s) {
    free(s->probes);
    s->probes = NULL;
}

const char *run_seed(void) {
    static char seed[24];
    if (!seed[0]) {
        struct timespec now;
        const char *given = getenv("CAPDIST_TEST_SEED");
        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(seed, sizeof seed, "%llu", given ? strtoull(given, NULL, 10) : (unsigned long long)now.tv_nsec);
    }
    return seed;
}
