/* Shared answers (max_age_ms) in a forked child: a program of its own, since ThreadSanitizer does not follow it. */
#include "shared_answers.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int fetch_in_child(int port, const char *group) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.port = port;
    options.quota_requests = 30;
    options.quota_window_ms = MINUTE;
    options.quota_group = group;
    capdist_conn *conn = NULL;
    if (capdist_init_connect(&options, &conn) != CAPDIST_OK) return 10;
    capdist_request_options o;
    capdist_request_options_init(&o, sizeof o);
    o.max_age_ms = MINUTE;
    static const struct {
        const char *code;
        int from_cache;
    } wanted[] = {{"700", 1}, {"701", 0}, {"701", 1}};
    for (int i = 0; i < 3; i++) {
        capdist_security security = {CAPDIST_MARKET_HK, ""};
        strcpy(security.code, wanted[i].code);
        capdist_reply *reply = NULL;
        if (capdist_fetch_capital_distribution(conn, &security, &o, &reply) != CAPDIST_OK) return 11 + i;
        if (reply->from_cache != wanted[i].from_cache || reply->distribution->capital_in_big != atoi(wanted[i].code) + 1) {
            return 21 + i;
        }
        capdist_reply_free(reply);
    }
    return capdist_release(conn) == CAPDIST_OK ? 0 : 30;
}

/* The child has the answers; what is in flight is the parent's, and the child asks itself. */
static void a_child_starts_with_the_answers(void **state) {
    gateway *g = start_gateway(*state);
    client *c = sharing_client(*state, g->port, 30, NULL);
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    uint32_t in_flight = ask_shared(c, "701", MINUTE), joined = ask_shared(c, "701", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    pid_t child = fork_child();
    if (child == 0) _exit(fetch_in_child(g->port, c->options.quota_group));
    int status = 0;
    for (int64_t end = now_ms() + PATIENCE_MS; waitpid(child, &status, WNOHANG) == 0;) {
        if (now_ms() > end) kill(child, SIGKILL);
        sleep_ms(1);
    }
    assert_int_equal(status, 0);
    assert_int_equal(asked(g), 3);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    is_sent(c, in_flight, 702);
    is_shared(c, joined, 702);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_child_starts_with_the_answers),
    };
    return cmocka_run_group_tests_name("shared fork", tests, NULL, NULL);
}
