/* Encryption: every key and cipher with the simulator, no fallback to an unencrypted connection, and unusable keys. */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
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
    /* The file was read when the connection was made, and is not read again. */
    memset(text, 'x', sizeof text);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_OK);
    ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 1);
}

/* An older gateway sends no iv, and the client uses the default for CBC. */
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

/* ---- no fallback ---- */

static void fails(client *c, capdist_status status, int code, const char *words) {
    /* Short only if no answer will come: a busy machine may answer late. */
    if (code == CAPDIST_INIT_CONNECT_TIMEOUT) c->options.connect_timeout_ms = 1000;
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
              "not encrypted: is rsa_private_key set");
    }
}

static void gateway_encrypts_and_the_client_does_not(void **state) {
    int port = start_simulator(*state, "--rsa-key", key_file("1024"), NULL);
    fails(new_client(*state, port), CAPDIST_PROTOCOL_ERROR, CAPDIST_INIT_CONNECT_UNKNOWN, "does the gateway encrypt");
    /* The gateway may also close the connection, or not answer. */
    int closing = start_simulator(*state, "--fault", "accept-close", NULL);
    fails(new_client(*state, closing), CAPDIST_CONNECT_FAILED, CAPDIST_INIT_CONNECT_DISCONNECTED, "needs rsa_private_key");
    int silent = start_simulator(*state, "--fault", "accept-silent", NULL);
    fails(new_client(*state, silent), CAPDIST_CONNECT_TIMEOUT, CAPDIST_INIT_CONNECT_TIMEOUT, "needs rsa_private_key");
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

/* A gateway whose key is corrected is reached: a wrong key is not final while `reconnect` is 1. */
static void a_key_that_is_mended(void **state) {
    gateway *g = start_gateway(*state);
    client *clear = new_encrypted(*state, g->port, "1024", CAPDIST_CIPHER_FTAES_ECB);
    clear->options.reconnect = 1;
    clear->options.reconnect_min_ms = clear->options.reconnect_max_ms = 5;
    clear->options.on_attempt_failed = record_attempt_failed;
    open_client(clear);
    assert_true(wait_for(clear, EVENT_ATTEMPT_FAILED, 3, PATIENCE_MS));
    assert_non_null(strstr(event_at(clear, EVENT_ATTEMPT_FAILED, 2).text, "not encrypted: is rsa_private_key set"));
    assert_status(capdist_wait_ready(clear->conn, 0), CAPDIST_ENCRYPTION_FAILED);
    assert_int_equal(count_of(clear, EVENT_INIT_CONNECT), 0);
    int port = start_simulator(*state, "--rsa-key", key_file("1024-other"), NULL);
    client *other = new_encrypted(*state, port, "1024", CAPDIST_CIPHER_FTAES_ECB);
    other->options.reconnect = 1;
    other->options.reconnect_min_ms = other->options.reconnect_max_ms = 5;
    other->options.on_attempt_failed = record_attempt_failed;
    open_client(other);
    assert_true(wait_for(other, EVENT_ATTEMPT_FAILED, 3, PATIENCE_MS));
    assert_int_equal(count_of(other, EVENT_INIT_CONNECT), 0);
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

/* ---- invalid cipher texts: test_faults_encrypted checks the requests, these tests the error texts ---- */

static void broken_bodies_end_the_stream(void **state) {
    static const struct {
        const char *fault;
        int32_t cipher;
        const char *words;
    } cases[] = {{"clear", CAPDIST_CIPHER_FTAES_ECB, "sent an unencrypted body on an encrypted connection"},
                 {"clear", CAPDIST_CIPHER_AES_ECB, "sent an unencrypted body on an encrypted connection"},
                 {"clear", CAPDIST_CIPHER_AES_CBC, "sent an unencrypted body on an encrypted connection"},
                 {"truncated-block", CAPDIST_CIPHER_FTAES_ECB, "bytes is not that of a cipher text"},
                 {"truncated-block", CAPDIST_CIPHER_AES_ECB, "bytes is not that of a cipher text"},
                 {"truncated-block", CAPDIST_CIPHER_AES_CBC, "bytes is not that of a cipher text"},
                 {"wrong-tail", CAPDIST_CIPHER_FTAES_ECB, "its padding is wrong, as with another key"},
                 /* By chance a garbled block may have valid padding. Then the SHA-1 is wrong. */
                 {"wrong-tail", CAPDIST_CIPHER_AES_CBC, "with another key"},
                 {"flipped-bit", CAPDIST_CIPHER_AES_ECB, "with another key"},
                 {"bad-sha1", CAPDIST_CIPHER_FTAES_ECB, "does not match its SHA-1, as with another key"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int port = start_simulator(*state, "--no-quota", "--fault", cases[i].fault, "--rsa-key", key_file("1024"), NULL);
        client *c = new_encrypted(*state, port, "1024", cases[i].cipher);
        open_ready(c);
        uint32_t serial_no = ask(c, "00005");
        assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
        assert_status(reply_to(c, serial_no).reply.status, CAPDIST_DISCONNECTED);
        assert_non_null(strstr(reply_to(c, serial_no).text, cases[i].words));
        assert_true(wait_for(c, EVENT_DISCONNECT, 1, PATIENCE_MS));
        event lost = event_at(c, EVENT_DISCONNECT, 0);
        assert_int_equal(CAPDIST_ERR_KIND(lost.err_code), CAPDIST_ERR_KIND_RECEIVE);
        assert_int_equal(CAPDIST_ERR_CODE(lost.err_code), EPROTO);
        if (strstr(lost.text, cases[i].words) == NULL) fail_msg("%s: %s", cases[i].fault, lost.text);
        assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_ENCRYPTION_FAILED);
    }
}

/* Agrees on a cipher, and closes the connection at the first body, like a gateway with another session key. */
static void a_gateway_that_can_not_decrypt(void **state) {
    int port = start_simulator(*state, "--no-quota", "--fault", "close-in-header@HK.00005", "--rsa-key", key_file("1024"), NULL);
    client *c = new_encrypted(*state, port, "1024", CAPDIST_CIPHER_AES_CBC);
    open_ready(c);
    ask(c, "00005");
    assert_true(wait_for(c, EVENT_DISCONNECT, 1, PATIENCE_MS));
    assert_non_null(strstr(event_at(c, EVENT_DISCONNECT, 0).text, "does it decrypt with the same cipher"));
    /* Not after the gateway has answered. */
    client *known = new_encrypted(*state, port, "1024", CAPDIST_CIPHER_AES_CBC);
    open_ready(known);
    ask(known, "00700");
    assert_true(wait_for(known, EVENT_REPLY, 1, PATIENCE_MS));
    ask(known, "00005");
    assert_true(wait_for(known, EVENT_DISCONNECT, 1, PATIENCE_MS));
    assert_null(strstr(event_at(known, EVENT_DISCONNECT, 0).text, "decrypt"));
}

static void broken_handshakes(void **state) {
    static const struct {
        const char *fault, *words;
    } cases[] = {{"clear@1001", "not encrypted: is rsa_private_key set"},
                 {"truncated-block@1001", "not a multiple of the key's 128: does the gateway have another RSA key?"},
                 {"flipped-bit@1001", "does the gateway have another RSA key?"},
                 {"bad-sha1@1001", "does not match its SHA-1 after decryption: does the gateway have another RSA key?"},
                 {"long-text=2000000@1001", "more than the 512 RSA blocks that are accepted"},
                 {"iv-length", "aesCBCiv has 15 bytes instead of 16"},
                 {"never@1001", "the same RSA key"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int port = start_simulator(*state, "--fault", cases[i].fault, "--rsa-key", key_file("1024"), NULL);
        fails(new_encrypted(*state, port, "1024", CAPDIST_CIPHER_AES_CBC), CAPDIST_ENCRYPTION_FAILED,
              i + 1 == COUNT(cases) ? CAPDIST_INIT_CONNECT_TIMEOUT : CAPDIST_INIT_CONNECT_UNKNOWN, cases[i].words);
    }
}

static void answer_above_the_modulus(gateway *g, const frame *request) {
    uint8_t block[256], bytes[44 + sizeof block];
    memset(block, 0xff, sizeof block);
    size_t length = pack_frame(bytes, INIT_CONNECT, request->serial_no, block, sizeof block);
    bytes[16] ^= 1; /* the SHA-1 of the unencrypted body */
    gateway_send_raw(g, request->stream, bytes, length);
}

/* Bodies that OpenSSL refuses without decrypting. */
static void blocks_not_below_the_modulus(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, INIT_CONNECT, answer_above_the_modulus);
    static const char *const keys[] = {"512", "1024", "2048"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        fails(new_encrypted(*state, g->port, keys[i], CAPDIST_CIPHER_AES_CBC), CAPDIST_ENCRYPTION_FAILED,
              CAPDIST_INIT_CONNECT_UNKNOWN, "cannot be decrypted: does the gateway have another RSA key?");
    }
}

/* ---- keys ---- */

static void keys_that_are_refused(void **state) {
    static const struct {
        const char *name, *words;
    } cases[] = {{"passphrase", "protected by a passphrase"},
                 {"public", "a public key"},
                 {"ec", "not an RSA key"},
                 {"8192", "8192 bits"},
                 {"openssh", "OpenSSH"},
                 {"pss", "RSA-PSS"},
                 {"three-primes", "two primes"},
                 {"no-such-file", "No such file"},
                 {".", "not a regular file"},
                 {"fifo", "not a regular file"}};
    char fifo[] = "/tmp/capdist-fifo-XXXXXX";
    int reserved = mkstemp(fifo);
    assert_true(reserved >= 0);
    close(reserved);
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        client *c = new_encrypted(*state, 1, cases[i].name, CAPDIST_CIPHER_FTAES_ECB);
        if (strcmp(cases[i].name, ".") == 0) c->options.rsa_private_key_file = VECTORS;
        if (strcmp(cases[i].name, "fifo") == 0) c->options.rsa_private_key_file = fifo;
        capdist_conn *conn = (capdist_conn *)(uintptr_t)0xa5;
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
        assert_null(conn);
        if (strstr(capdist_last_error(), cases[i].words) == NULL) fail_msg("%s", capdist_last_error());
        assert_non_null(strstr(capdist_last_error(), "rsa_private_key_file"));
    }
    unlink(fifo);
    static const char *const texts[] = {"", "secret", "-----BEGIN RSA PRIVATE KEY-----\nsecret\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        client *c = new_client(*state, 1);
        c->options.rsa_private_key = texts[i];
        capdist_conn *conn = NULL;
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
        assert_null(strstr(capdist_last_error(), "secret"));
        c->options.rsa_private_key_file = key_file("1024");
        assert_status(capdist_init_connect(&c->options, &conn), CAPDIST_INVALID_ARGUMENT);
        assert_non_null(strstr(capdist_last_error(), "set only one"));
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
        TEST(a_key_that_is_mended),
        TEST(gateway_that_says_nothing_or_goes),
        TEST(session_key_of_another_length),
        TEST(broken_bodies_end_the_stream),
        TEST(a_gateway_that_can_not_decrypt),
        TEST(broken_handshakes),
        TEST(blocks_not_below_the_modulus),
        TEST(keys_that_are_refused),
    };
    return cmocka_run_group_tests_name("encryption", tests, NULL, NULL);
}
