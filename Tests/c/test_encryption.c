/* Encryption: every key and cipher against the simulator, no silent downgrade, and keys that can't be used. */
#include "support.h"

#include <stdlib.h>
#include <unistd.h>

static const char *key_file(const char *name) {
    static char path[2][1024];
    static int which;
    which = !which;
    snprintf(path[which], sizeof path[which], VECTORS "/rsa/%s.pem", name);
    return path[which];
}

static client *new_encrypted(fixture *f, int port, const char *key, int32_t cipher) {
    client *c = new_client(f, port);
    c->options.rsa_private_key_file = key_file(key);
    c->options.packet_cipher = cipher;
    return c;
}

static void answers(client *c) {
    open_ready(c);
    for (int i = 0; i < 50; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 50, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 50);
    for (int i = 0; i < 50; i++) assert_true(event_at(c, EVENT_REPLY, i).in_big == 859479380);
}

static void every_key_and_cipher(void **state) {
    static const char *const keys[] = {"512", "1024", "2048", "4096", "pkcs8"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        int port = start_simulator(*state, "--no-quota", "--rsa-key", key_file(keys[i]), NULL);
        for (int32_t cipher = CAPDIST_CIPHER_NONE; cipher <= CAPDIST_CIPHER_AES_CBC; cipher++) {
            answers(new_encrypted(*state, port, keys[i], cipher));
        }
    }
}

static void key_as_text(void **state) {
    int port = start_simulator(*state, "--no-quota", "--rsa-key", key_file("1024"), NULL);
    client *c = new_client(*state, port);
    char text[4096] = "";
    FILE *file = fopen(key_file("1024"), "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 100);
    fclose(file);
    c->options.rsa_private_key = text;
    open_client(c);
    /* It was read when the connection was made, and is not looked at again. */
    memset(text, 'x', sizeof text);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
}

/* A gateway of before has no iv to give, and its client takes the default for CBC. */
static void gateway_without_iv(void **state) {
    int port = start_simulator(*state, "--no-quota", "--old", "--rsa-key", key_file("1024"), NULL);
    client *c = new_encrypted(*state, port, "1024", CAPDIST_CIPHER_AES_CBC);
    open_ready(c);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
}

static void pushes_and_keep_alive(void **state) {
    int port = start_simulator(*state, "--push", "1", "--keep-alive", "1", "--rsa-key", key_file("1024"), NULL);
    client *c = new_encrypted(*state, port, "1024", CAPDIST_CIPHER_AES_CBC);
    c->options.recv_notify = 1;
    open_ready(c);
    assert_true(wait_for(c, EVENT_PUSH, 2, PATIENCE_MS));
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
}

/* ---- no silent downgrade ---- */

static void fails(client *c, capdist_status status, int code, const char *words) {
    c->options.connect_timeout_ms = 1000;
    open_client(c);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), status);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    event init = event_at(c, EVENT_INIT_CONNECT, 0);
    if (CAPDIST_ERR_KIND(init.err_code) != CAPDIST_ERR_KIND_INIT_CONNECT || CAPDIST_ERR_CODE(init.err_code) != code ||
        strstr(init.text, words) == NULL) {
        fail_msg("%d/%d %s", CAPDIST_ERR_KIND(init.err_code), CAPDIST_ERR_CODE(init.err_code), init.text);
    }
}

static void answer_in_clear(void **state) {
    gateway *g = start_gateway(*state);
    for (int32_t cipher = CAPDIST_CIPHER_FTAES_ECB; cipher <= CAPDIST_CIPHER_AES_CBC; cipher++) {
        fails(new_encrypted(*state, g->port, "1024", cipher), CAPDIST_ENCRYPTION_FAILED, CAPDIST_INIT_CONNECT_UNKNOWN,
              "in clear: is rsa_private_key set");
    }
}

static void gateway_encrypts_and_the_client_does_not(void **state) {
    int port = start_simulator(*state, "--rsa-key", key_file("1024"), NULL);
    fails(new_client(*state, port), CAPDIST_PROTOCOL_ERROR, CAPDIST_INIT_CONNECT_UNKNOWN, "does the gateway encrypt");
}

static void another_key(void **state) {
    static const char *const keys[] = {"1024-other", "512", "2048"};
    int port = start_simulator(*state, "--rsa-key", key_file("1024"), NULL);
    for (size_t i = 0; i < COUNT(keys); i++) {
        for (int again = 0; again < 5; again++) {
            fails(new_encrypted(*state, port, keys[i], CAPDIST_CIPHER_FTAES_ECB), CAPDIST_ENCRYPTION_FAILED,
                  CAPDIST_INIT_CONNECT_UNKNOWN, "another RSA key");
        }
    }
}

static void gateway_that_says_nothing_or_goes(void **state) {
    int silent = start_simulator(*state, "--fault", "accept-silent", "--rsa-key", key_file("1024"), NULL);
    fails(new_encrypted(*state, silent, "1024", CAPDIST_CIPHER_FTAES_ECB), CAPDIST_ENCRYPTION_FAILED,
          CAPDIST_INIT_CONNECT_TIMEOUT, "the same RSA key");
    int closing = start_simulator(*state, "--fault", "accept-close", NULL);
    fails(new_encrypted(*state, closing, "1024", CAPDIST_CIPHER_FTAES_ECB), CAPDIST_ENCRYPTION_FAILED,
          CAPDIST_INIT_CONNECT_DISCONNECTED, "the same RSA key");
}

static void session_key_of_another_length(void **state) {
    static const char *const lengths[] = {"key-length=15@1001", "key-length=0@1001", "key-length=32@1001"};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        int port = start_simulator(*state, "--fault", lengths[i], "--rsa-key", key_file("1024"), NULL);
        fails(new_encrypted(*state, port, "1024", CAPDIST_CIPHER_AES_ECB), CAPDIST_ENCRYPTION_FAILED,
              CAPDIST_INIT_CONNECT_UNKNOWN, "session key has");
    }
}

/* ---- broken cipher texts ---- */

static bool answered_in_the_end(client *c) {
    capdist_security security = security_of("HK.00700");
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; sleep_ms(1)) {
        capdist_reply *reply = NULL;
        capdist_status status = capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply);
        const bool right = status == CAPDIST_OK && reply->distribution->capital_in_big == 859479380;
        capdist_reply_free(reply);
        if (status == CAPDIST_OK) return right;
    }
    return false;
}

/* What HK.00005 really has. */
static double right_figure(fixture *f) {
    client *c = new_client(f, start_simulator(f, NULL));
    open_ready(c);
    ask(c, "00005");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    return event_at(c, EVENT_REPLY, 0).in_big;
}

static void broken_answers(void **state) {
    static const char *const faults[] = {"flipped-bit", "random-bytes", "random-body", "truncated", "bad-sha1",
                                         "empty-body",  "short-length", "ragged",       "duplicate", "push-same-serial"};
    const double right = right_figure(*state);
    for (size_t i = 0; i < COUNT(faults); i++) {
        char rule[64];
        snprintf(rule, sizeof rule, "%s@HK.00005", faults[i]);
        int port = start_simulator(*state, "--no-quota", "--fault", rule, "--rsa-key", key_file("1024"), NULL);
        for (int32_t cipher = CAPDIST_CIPHER_FTAES_ECB; cipher <= CAPDIST_CIPHER_AES_CBC; cipher++) {
            client *c = new_encrypted(*state, port, "1024", cipher);
            c->options.reply_timeout_ms = 200;
            c->options.reconnect = 1;
            c->options.reconnect_min_ms = 1;
            open_ready(c);
            const int harmless = i >= 7; /* only how the frame goes out */
            for (int n = 1; n <= 3; n++) {
                uint32_t serial_no = ask(c, "00005");
                assert_true(wait_for(c, EVENT_REPLY, n, PATIENCE_MS));
                const event reply = reply_to(c, serial_no);
                const capdist_status status = reply.reply.status;
                /* Of FTAES_ECB's last 16 bytes one counts: a bit may be wrong, and the body is right. */
                const bool is_right = status == CAPDIST_OK && reply.in_big == right;
                if (i == 0 && cipher == CAPDIST_CIPHER_FTAES_ECB && is_right) continue;
                if (harmless ? !is_right
                             : status != CAPDIST_MALFORMED_REPLY && status != CAPDIST_DISCONNECTED &&
                                   status != CAPDIST_REPLY_TIMEOUT) {
                    fail_msg("%s, cipher %d: %s", faults[i], cipher, capdist_status_name(status));
                }
                /* The connection goes on, or is made again. */
                assert_true(answered_in_the_end(c));
            }
        }
    }
}

/* ---- keys ---- */

static void keys_that_are_refused(void **state) {
    static const struct {
        const char *name, *words;
    } cases[] = {{"passphrase", "protected by a passphrase"},
                 {"public", "a public key"},
                 {"ec", "not of RSA"},
                 {"8192", "8192 bits"},
                 {"no-such-file", "No such file"},
                 {".", "can not be read"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        client *c = new_encrypted(*state, 1, cases[i].name, CAPDIST_CIPHER_FTAES_ECB);
        if (strcmp(cases[i].name, ".") == 0) c->options.rsa_private_key_file = VECTORS;
        capdist_conn *conn = (capdist_conn *)(uintptr_t)0xa5;
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
        assert_null(conn);
        if (strstr(capdist_last_error(), cases[i].words) == NULL) fail_msg("%s", capdist_last_error());
        assert_non_null(strstr(capdist_last_error(), "rsa_private_key_file"));
    }
    static const char *const texts[] = {"", "secret", "-----BEGIN RSA PRIVATE KEY-----\nsecret\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        client *c = new_client(*state, 1);
        c->options.rsa_private_key = texts[i];
        capdist_conn *conn = NULL;
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
        assert_null(strstr(capdist_last_error(), "secret"));
        c->options.rsa_private_key_file = key_file("1024");
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
        assert_non_null(strstr(capdist_last_error(), "which is it"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_key_and_cipher),
        TEST(key_as_text),
        TEST(gateway_without_iv),
        TEST(pushes_and_keep_alive),
        TEST(answer_in_clear),
        TEST(gateway_encrypts_and_the_client_does_not),
        TEST(another_key),
        TEST(gateway_that_says_nothing_or_goes),
        TEST(session_key_of_another_length),
        TEST(broken_answers),
        TEST(keys_that_are_refused),
    };
    return cmocka_run_group_tests_name("encryption", tests, NULL, NULL);
}
