/* Shared answers (max_age_ms): whose they are. None is given to a connection of another gateway or account, or out of its time, and
 * each comes on its own connection's thread. */
#include "shared_answers.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- the gateway and its account ---- */

/* The account that the gateway is logged in with. */
static atomic_int account;

static void accept_for_the_account(gateway *g, const frame *request) {
    message s2c = {0}, response = {0};
    put_number(&s2c, 1, 1011);
    put_number(&s2c, 2, atomic_load(&account));
    put_number(&s2c, 3, 1);
    put_text(&s2c, 4, "0123456789abcdef");
    put_number(&s2c, 5, g->keep_alive_interval);
    put_number(&response, 1, 0);
    put_message(&response, 4, &s2c);
    gateway_reply(g, request, &response);
}

static gateway *gateway_with_accounts(fixture *f) {
    gateway *g = start_gateway(f);
    gateway_on(g, INIT_CONNECT, accept_for_the_account);
    atomic_store(&account, 1);
    return g;
}

static void what_was_asked_before_the_gateway_was_known_takes_its_answer(void **state) {
    gateway *g = start_gateway(*state);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    open_ready(a);
    ask_shared(a, "700", MINUTE);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_on(g, INIT_CONNECT, answer_nothing);
    open_client(b);
    uint32_t first = ask_shared(b, "700", MINUTE), second = ask_shared(b, "700", MINUTE);
    frame request;
    assert_true(gateway_wait(g, INIT_CONNECT, 2, PATIENCE_MS));
    assert_int_equal(count_of(b, EVENT_REPLY), 0);
    assert_true(gateway_frame(g, INIT_CONNECT, 1, &request));
    accept_init_connect(g, &request);
    assert_true(wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    is_shared(b, first, 701);
    is_shared(b, second, 701);
    assert_int_equal(asked(g), 1);
    char expected[80];
    snprintf(expected, sizeof expected, "init 0; reply %u OK; reply %u OK", first, second);
    assert_story(b, expected);
}

static void another_account_gets_its_own_answer(void **state) {
    gateway *g = gateway_with_accounts(*state);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    open_ready(a);
    atomic_store(&account, 2);
    open_ready(b);
    ask_shared(a, "700", MINUTE);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    uint32_t own = ask_shared(b, "700", MINUTE);
    assert_true(wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    is_sent(b, own, 701);
    /* Nor does it wait for the one in flight. */
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    uint32_t one = ask_shared(a, "701", MINUTE);
    uint32_t other = ask_shared(b, "701", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 4, PATIENCE_MS));
    answer_now(g, 2, answer_distribution);
    answer_now(g, 3, answer_distribution);
    assert_true(wait_for(a, EVENT_REPLY, 2, PATIENCE_MS) && wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    is_sent(a, one, 702);
    is_sent(b, other, 702);
}

static void after_a_reconnect_the_account_counts(void **state) {
    gateway *g = gateway_with_accounts(*state);
    client *c = sharing_client(*state, g->port, 30, NULL);
    c->options.reconnect = 1;
    c->options.reconnect_min_ms = 1;
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    gateway_close_stream(g, 0, false);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 2, PATIENCE_MS));
    uint32_t same = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    is_shared(c, same, 701);
    atomic_store(&account, 2);
    gateway_close_stream(g, 1, false);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 3, PATIENCE_MS));
    uint32_t other = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    is_sent(c, other, 701);
    assert_int_equal(asked(g), 2);
}

/* What waits for another connection's answer when its own connection finds another account there is sent. */
static void one_that_waits_is_sent_to_its_own_account(void **state) {
    gateway *g = gateway_with_accounts(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_first_only);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    b->options.reconnect = 1;
    b->options.reconnect_min_ms = 1;
    open_ready(a);
    open_ready(b);
    ask(a, "1");
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    uint32_t one = ask_shared(a, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 2, PATIENCE_MS));
    uint32_t other = ask_shared(b, "700", MINUTE), last = ask_shared(b, "700", MINUTE);
    atomic_store(&account, 2);
    gateway_close_stream(g, 1, false);
    answer_now(g, 2, answer_distribution);
    assert_true(wait_for(b, EVENT_REPLY, 2, PATIENCE_MS));
    assert_int_equal(count_of(a, EVENT_REPLY), 1);
    is_sent(b, other, 701);
    is_shared(b, last, 701);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(a, EVENT_REPLY, 2, PATIENCE_MS));
    is_sent(a, one, 701);
}

/* ---- a machine that is suspended ---- */

static atomic_int suspended_s;

/* The library's clock, too. While a machine is suspended the monotonic clock stands still, and only this one goes on. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_BOOTTIME) time->tv_sec += atomic_load(&suspended_s);
    return result;
}

static void after_a_suspension_no_answer_is_fresh(void **state) {
    gateway *g = start_gateway(*state);
    client *c = sharing_client(*state, g->port, 30, NULL);
    open_ready(c);
    ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    uint32_t before = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 2, PATIENCE_MS));
    is_shared(c, before, 701);
    atomic_store(&suspended_s, 3600);
    uint32_t first = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 3, PATIENCE_MS));
    is_sent(c, first, 701);
    uint32_t second = ask_shared(c, "700", MINUTE);
    assert_true(wait_for(c, EVENT_REPLY, 4, PATIENCE_MS));
    is_shared(c, second, 701);
    assert_int_equal(asked(g), 2);
    atomic_store(&suspended_s, 0);
}

/* ---- application-driven mode ---- */

static bool is_readable(client *c, int timeout_ms) {
    struct pollfd descriptor = {.fd = capdist_get_fd(c->conn), .events = POLLIN};
    return poll(&descriptor, 1, timeout_ms) == 1 && descriptor.revents == POLLIN;
}

static bool drive_until(client *c, event_kind kind, int count) {
    for (int64_t end = now_ms() + PATIENCE_MS; count_of(c, kind) < count;) {
        if (now_ms() >= end) return false;
        if (is_readable(c, 100)) assert_status(capdist_process(c->conn), CAPDIST_OK);
    }
    return true;
}

/* The descriptor tells of another connection's answer, and the callback comes in the call that drives, on its thread. */
static void a_driven_connection_is_woken_and_delivers_itself(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    b->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    open_ready(a);
    open_client(b);
    assert_true(drive_until(b, EVENT_INIT_CONNECT, 1));
    uint32_t sent = ask_shared(a, "700", MINUTE);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    uint32_t joined = ask_shared(b, "700", MINUTE);
    for (int i = 0; i < 1000 && is_readable(b, 0); i++) assert_status(capdist_process(b->conn), CAPDIST_OK);
    answer_now(g, 0, answer_distribution);
    assert_true(wait_for(a, EVENT_REPLY, 1, PATIENCE_MS));
    is_sent(a, sent, 701);
    assert_true(is_readable(b, PATIENCE_MS));
    assert_int_equal(count_of(b, EVENT_REPLY), 0);
    assert_true(drive_until(b, EVENT_REPLY, 1));
    is_shared(b, joined, 701);
    assert_int_equal(reply_to(b, joined).thread, (pid_t)syscall(SYS_gettid));
    /* The same from what is kept: the call that asks delivers nothing. */
    uint32_t fresh = ask_shared(b, "700", MINUTE);
    assert_int_equal(count_of(b, EVENT_REPLY), 1);
    assert_true(drive_until(b, EVENT_REPLY, 2));
    is_shared(b, fresh, 701);
    assert_int_equal(asked(g), 1);
}

/* One whose connection nobody drives has not been read. Who waits for it asks itself after that reply timeout. */
static void an_answer_that_nobody_reads_is_not_waited_for(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *a = sharing_client(*state, g->port, 30, NULL), *b = sharing_client(*state, g->port, 30, a);
    a->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    open_client(a);
    assert_true(drive_until(a, EVENT_INIT_CONNECT, 1));
    open_ready(b);
    capdist_request_options o = request_defaults();
    o.max_age_ms = MINUTE;
    o.reply_timeout_ms = 500;
    ask_with(a, "700", &o);
    assert_true(gateway_wait(g, GET_CAPITAL_DISTRIBUTION, 1, PATIENCE_MS));
    uint32_t joined = ask_shared(b, "700", MINUTE);
    answer_now(g, 0, answer_distribution);
    answer_now(g, 1, answer_distribution);
    assert_true(wait_for(b, EVENT_REPLY, 1, PATIENCE_MS));
    is_sent(b, joined, 701);
    assert_int_equal(count_of(a, EVENT_REPLY), 0);
    assert_true(drive_until(a, EVENT_REPLY, 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_asked_before_the_gateway_was_known_takes_its_answer),
        TEST(another_account_gets_its_own_answer),
        TEST(after_a_reconnect_the_account_counts),
        TEST(one_that_waits_is_sent_to_its_own_account),
        TEST(after_a_suspension_no_answer_is_fresh),
        TEST(a_driven_connection_is_woken_and_delivers_itself),
        TEST(an_answer_that_nobody_reads_is_not_waited_for),
    };
    return cmocka_run_group_tests_name("shared whose", tests, NULL, NULL);
}
