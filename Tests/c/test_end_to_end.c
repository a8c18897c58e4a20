/* The library with opend-simulator, and the programs of bindings/c as a user runs them. */
#include "support.h"

#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the simulator's answers ---- */

static void seeds_figures_arrive(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
    const capdist_capital_distribution *d = reply->distribution;
    assert_true(d->capital_in_super == 824967660 && d->capital_in_big == 859479380);
    assert_true(d->capital_in_mid == 763181580 && d->capital_in_small == 1011289940);
    assert_true(d->capital_out_super == 252818140 && d->capital_out_big == 444405720);
    assert_true(d->capital_out_mid == 503977520 && d->capital_out_small == 807438760);
    assert_string_equal(d->update_time, "2022-06-08 10:44:21");
    assert_true(d->update_timestamp == 1654656261);
    assert_int_equal(d->present, 0x7fe);
    capdist_reply_free(reply);
}

static void other_stocks_have_other_figures(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    static const char *const texts[] = {"HK.00700", "HK.00005", "US.AAPL", "SH.600519", "US.BRK.B", "SZ.000001"};
    double figures[COUNT(texts)];
    for (size_t i = 0; i < COUNT(texts); i++) {
        capdist_security security = security_of(texts[i]);
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
        figures[i] = reply->distribution->capital_in_big;
        for (size_t k = 0; k < i; k++) assert_true(figures[i] != figures[k]);
        assert_int_equal(reply->security.market, security.market);
        assert_string_equal(reply->security.code, security.code);
        capdist_reply_free(reply);
    }
}

static void what_has_no_figures_is_refused_in_words(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", NULL));
    static const char *const texts[] = {"HK.800000", "FX.USDCNH", "US..DJI"}; /* an index, a currency pair, an index */
    for (size_t i = 0; i < COUNT(texts); i++) {
        capdist_security security = security_of(texts[i]);
        capdist_reply *reply;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_REFUSED);
        assert_int_equal(reply->ret_type, -1);
        assert_true(strlen(reply->ret_msg) > 0);
        assert_null(reply->distribution);
        assert_int_equal(reply->was_sent, 1);
        capdist_reply_free(reply);
    }
}

static void slow_gateway_is_waited_for(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", "--latency", "200", NULL));
    int64_t start = now_ms();
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_in_range(event_at(c, EVENT_REPLY, 0).at - start, 195, PATIENCE_MS);
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_OK);
}

static void pushes_of_the_simulator_arrive_if_asked_for(void **state) {
    int port = start_simulator(*state, "--no-quota", "--push", "1", NULL);
    client *without = ready_client(*state, port), *with = new_client(*state, port);
    with->options.recv_notify = 1;
    open_ready(with);
    assert_true(wait_for(with, EVENT_PUSH, 2, PATIENCE_MS));
    assert_int_equal(event_at(with, EVENT_PUSH, 0).proto_id, NOTIFY);
    assert_true(event_at(with, EVENT_PUSH, 0).length > 0);
    assert_int_equal(count_of(without, EVENT_PUSH), 0);
}

static void killed_simulator_is_a_lost_stream(void **state) {
    client *c = ready_client(*state, start_simulator(*state, "--no-quota", "--latency", "5000", NULL));
    ask(c, "00700");
    sleep_ms(50);
    kill_simulator(*state, 0);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(event_at(c, EVENT_REPLY, 0).status, CAPDIST_DISCONNECTED);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 1);
}

/* ---- the programs ---- */

typedef struct outcome {
    int exit_code; /* -1: ended by a signal */
    char out[4096], err[4096];
} outcome;

static void read_some(int fd, char *text, size_t size) {
    size_t length = strlen(text);
    ssize_t count = length < size - 1 ? read(fd, text + length, size - 1 - length) : 0;
    if (count > 0) text[length + (size_t)count] = 0;
}

/* Runs a program, which was built beside this one, to its end. */
static outcome run_with_key(const char *program, const char *key, const char *security, const char *host, int port) {
    char path[4096], port_text[16];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 100);
    assert_true(length > 0);
    path[length] = 0;
    snprintf(strrchr(path, '/') + 1, 90, "%s", program);
    snprintf(port_text, sizeof port_text, "%d", port);
    int out[2], err[2];
    assert_int_equal(pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    pid_t child = fork_child();
    if (child == 0) {
        if (dup2(out[1], STDOUT_FILENO) >= 0 && dup2(err[1], STDERR_FILENO) >= 0) {
            if (key) execl(path, path, "--rsa-key", key, security, host, port_text, (char *)NULL);
            else execl(path, path, security, host, port_text, (char *)NULL);
        }
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    outcome o = {.exit_code = -1};
    struct pollfd polled[] = {{.fd = out[0], .events = POLLIN}, {.fd = err[0], .events = POLLIN}};
    int64_t end = now_ms() + PATIENCE_MS;
    while (child > 0 && now_ms() < end && (polled[0].fd >= 0 || polled[1].fd >= 0)) {
        if (poll(polled, 2, (int)(end - now_ms())) <= 0) break;
        if (polled[0].revents & POLLIN) read_some(out[0], o.out, sizeof o.out);
        if (polled[1].revents & POLLIN) read_some(err[0], o.err, sizeof o.err);
        for (int i = 0; i < 2; i++) {
            if ((polled[i].revents & POLLHUP) && !(polled[i].revents & POLLIN)) polled[i].fd = -1;
        }
    }
    close(out[0]);
    close(err[0]);
    bool in_time = polled[0].fd < 0 && polled[1].fd < 0;
    if (child > 0 && !in_time) kill(child, SIGKILL);
    int status;
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)) o.exit_code = WEXITSTATUS(status);
    if (!in_time) fail_msg("%s did not end", path);
    return o;
}

static outcome run(const char *program, const char *security, const char *host, int port) {
    return run_with_key(program, NULL, security, host, port);
}

static const char figures[] = "{\n"
                              "  \"retType\": 0,\n"
                              "  \"retMsg\": \"\",\n"
                              "  \"errCode\": 0,\n"
                              "  \"s2c\": {\n"
                              "    \"capitalInBig\": 859479380,\n"
                              "    \"capitalInMid\": 763181580,\n"
                              "    \"capitalInSmall\": 1011289940,\n"
                              "    \"capitalOutBig\": 444405720,\n"
                              "    \"capitalOutMid\": 503977520,\n"
                              "    \"capitalOutSmall\": 807438760,\n"
                              "    \"updateTime\": \"2022-06-08 10:44:21\",\n"
                              "    \"updateTimestamp\": 1654656261,\n"
                              "    \"capitalInSuper\": 824967660,\n"
                              "    \"capitalOutSuper\": 252818140\n"
                              "  }\n"
                              "}\n";

static void capital_distribution_prints_what_the_vendors_sample_prints(void **state) {
    outcome o = run("capital_distribution", "HK.00700", "127.0.0.1", start_simulator(*state, NULL));
    char expected[2048];
    snprintf(expected, sizeof expected,
             "connect\nRequest GetCapitalDistribution SerialNo: 1\nOnReply_GetCapitalDistribution SerialNo: 1\n%s",
             figures);
    assert_string_equal(o.err, "");
    assert_string_equal(o.out, expected);
    assert_int_equal(o.exit_code, 0);
}

static void fetch_prints_the_figures(void **state) {
    outcome o = run("fetch", "HK.00700", "127.0.0.1", start_simulator(*state, NULL));
    assert_string_equal(o.err, "");
    assert_string_equal(o.out, figures);
    assert_int_equal(o.exit_code, 0);
}

static void fetch_encrypts(void **state) {
    const char *key = VECTORS "/rsa/1024.pem";
    int port = start_simulator(*state, "--rsa-key", key, NULL);
    outcome o = run_with_key("fetch", key, "HK.00700", "127.0.0.1", port);
    assert_string_equal(o.err, "");
    assert_string_equal(o.out, figures);
    assert_int_equal(o.exit_code, 0);
    o = run_with_key("fetch", VECTORS "/rsa/public.pem", "HK.00700", "127.0.0.1", port);
    assert_non_null(strstr(o.err, "it is a public key"));
    assert_int_equal(o.exit_code, 1);
}

/* The program prints no figures, says on stderr what happened, and fails. */
static void fails_with(const char *program, const char *security, const char *host, int port, const char *words) {
    outcome o = run(program, security, host, port);
    assert_int_equal(o.exit_code, 1);
    assert_null(strstr(o.out, "{"));
    if (!strstr(o.err, words)) fail_msg("%s said \"%s\" instead of \"%s\"", program, o.err, words);
}

static void close_at_the_request(gateway *g) {
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_by_closing);
}

static void programs_tell_what_went_wrong(void **state) {
    static const char *const programs[] = {"capital_distribution", "fetch"};
    gateway *closing = start_gateway(*state);
    close_at_the_request(closing);
    int port = start_simulator(*state, "--no-quota", NULL), refused = refused_port(*state);
    for (size_t i = 0; i < COUNT(programs); i++) {
        fails_with(programs[i], "HK.00700", "127.0.0.1", refused, "is OpenD running there?");
        fails_with(programs[i], "nonsense", "127.0.0.1", port, "HK.00700");
        fails_with(programs[i], "HK.00700", "127.0.0.1", 0, "port");
        fails_with(programs[i], "HK.00700", "no-such-host.invalid", port, "no-such-host.invalid");
        fails_with(programs[i], "FX.USDCNH", "127.0.0.1", port, "CAPDIST_REFUSED");
        fails_with(programs[i], "HK.00700", "127.0.0.1", closing->port, "CAPDIST_DISCONNECTED");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(seeds_figures_arrive),
        TEST(other_stocks_have_other_figures),
        TEST(what_has_no_figures_is_refused_in_words),
        TEST(slow_gateway_is_waited_for),
        TEST(pushes_of_the_simulator_arrive_if_asked_for),
        TEST(killed_simulator_is_a_lost_stream),
        TEST(capital_distribution_prints_what_the_vendors_sample_prints),
        TEST(fetch_prints_the_figures),
        TEST(fetch_encrypts),
        TEST(programs_tell_what_went_wrong),
    };
    return cmocka_run_group_tests_name("end_to_end", tests, NULL, NULL);
}
