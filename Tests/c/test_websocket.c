/* WebSocket and TLS with the simulator, and with servers that answer wrongly. Tests/vendor has WebSocket bridges of other code.
 * Tests/CodecTests tests each section of RFC 6455. */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "7522027ccf5a06b1"

static client *new_websocket(fixture *f, int port) {
    client *c = new_client(f, port);
    c->options.transport = CAPDIST_TRANSPORT_WEBSOCKET;
    return c;
}

static client *new_tls(fixture *f, int port, const char *ca) {
    client *c = new_client(f, port);
    c->options.transport = CAPDIST_TRANSPORT_WEBSOCKET_TLS;
    c->options.tls_ca_file = ca;
    return c;
}

static void answers(client *c) {
    open_ready(c);
    for (int i = 0; i < 50; i++) ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 50, PATIENCE_MS));
    assert_int_equal(count_of_status(c, CAPDIST_OK), 50);
    for (int i = 0; i < 50; i++) assert_true(event_at(c, EVENT_REPLY, i).in_big == 859479380);
}

static void plain_and_tls(void **state) {
    answers(new_websocket(*state, start_simulator(*state, "--no-quota", PLAIN_WEBSOCKET, NULL)));
    int port = start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL);
    answers(new_tls(*state, port, TLS_CA));
    client *c = new_tls(*state, port, VECTORS "/tls/server.pem");
    c->options.host = "localhost";
    answers(c);
    int own = start_simulator(*state, "--no-quota", TLS_WEBSOCKET_AS("self-signed"), NULL);
    answers(new_tls(*state, own, VECTORS "/tls/self-signed.pem"));
}

static void connection_info(void **state) {
    client *c = new_websocket(*state, start_simulator(*state, PLAIN_WEBSOCKET, NULL));
    open_ready(c);
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_true(info.conn_id != 0);
    assert_true(info.login_user_id == 0);
    assert_int_equal(info.server_version, 0);
    assert_int_equal(info.state, CAPDIST_STATE_READY);
}

static void other_protocols(void **state) {
    client *c = new_tls(*state, start_simulator(*state, TLS_WEBSOCKET, NULL), TLS_CA);
    open_ready(c);
    static const uint8_t body[] = {0x0a, 0x02, 0x08, 0x00};
    uint32_t serial_no = 0;
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, body, sizeof body, NULL, record_proto_reply, c, &serial_no),
                  CAPDIST_OK);
    note_accepted(c, serial_no);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    assert_status(event_at(c, EVENT_PROTO_REPLY, 0).status, CAPDIST_OK);
    for (uint32_t own = 1; own <= 2; own++) {
        assert_refused(capdist_send_proto(c->conn, own, body, sizeof body, NULL, record_proto_reply, c, NULL),
                       CAPDIST_INVALID_ARGUMENT, "the WebSocket bridge's own");
    }
    /* More than a TLS record, and more than the socket takes at once. */
    static uint8_t large[1 << 20];
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, large, sizeof large, NULL, record_proto_reply, c, &serial_no),
                  CAPDIST_OK);
    note_accepted(c, serial_no);
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 2, PATIENCE_MS));
    assert_status(event_at(c, EVENT_PROTO_REPLY, 1).status, CAPDIST_REFUSED);
}

static void pushes_only_if_asked_for(void **state) {
    int port = start_simulator(*state, "--push", "1", PLAIN_WEBSOCKET, NULL);
    client *asks = new_websocket(*state, port), *does_not = new_websocket(*state, port);
    asks->options.recv_notify = 1;
    open_ready(does_not);
    open_ready(asks);
    assert_true(wait_for(asks, EVENT_PUSH, 2, PATIENCE_MS));
    assert_int_equal(event_at(asks, EVENT_PUSH, 0).proto_id, NOTIFY);
    assert_int_equal(count_of(does_not, EVENT_PUSH), 0);
}

/* ---- no connection, and why ---- */

static void fails(client *c, capdist_status status, const char *words) {
    c->options.connect_timeout_ms = 1500;
    open_client(c);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), status);
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    event init = event_at(c, EVENT_INIT_CONNECT, 0);
    int64_t broken = (int64_t)CAPDIST_ERR_KIND_RECEIVE << 32 | EPROTO;
    bool is_right = CAPDIST_ERR_KIND(init.err_code) == CAPDIST_ERR_KIND_INIT_CONNECT || init.err_code == broken;
    if (!is_right || strstr(init.text, words) == NULL) {
        fail_msg("%d/%d %s", CAPDIST_ERR_KIND(init.err_code), CAPDIST_ERR_CODE(init.err_code), init.text);
    }
}

static void keys(void **state) {
    int port = start_simulator(*state, "--no-quota", "--websocket-key", KEY, PLAIN_WEBSOCKET, NULL);
    client *right = new_websocket(*state, port);
    right->options.websocket_key = KEY;
    answers(right);
    static const char *const wrong[] = {NULL, "", "another", KEY " "};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        client *c = new_websocket(*state, port);
        c->options.websocket_key = wrong[i];
        fails(c, CAPDIST_CONNECT_TIMEOUT, "is websocket_key the one set in OpenD?");
    }
    client *md5 = new_websocket(*state, port);
    md5->options.websocket_key = "d41d8cd98f00b204e9800998ecf8427e";
    fails(md5, CAPDIST_CONNECT_TIMEOUT, "The key given has 32 hex digits, like an MD5");
    /* Without a key, any key is right. */
    client *any = new_websocket(*state, start_simulator(*state, "--no-quota", PLAIN_WEBSOCKET, NULL));
    any->options.websocket_key = KEY;
    answers(any);
}

static void certificates(void **state) {
    struct {
        int port;
        const char *host, *ca, *words;
    } cases[] = {
        {start_simulator(*state, TLS_WEBSOCKET_AS("expired"), NULL), "127.0.0.1", TLS_CA, "has expired: it was valid until 20"},
        {start_simulator(*state, TLS_WEBSOCKET_AS("early"), NULL), "127.0.0.1", TLS_CA, "not valid yet"},
        {start_simulator(*state, TLS_WEBSOCKET_AS("other-name"), NULL), "127.0.0.1", TLS_CA, "for another name than 127.0.0.1: it is for "},
        {start_simulator(*state, TLS_WEBSOCKET_AS("self-signed"), NULL), "127.0.0.1", TLS_CA, "self-signed"},
        {start_simulator(*state, TLS_WEBSOCKET, NULL), "127.0.0.1", VECTORS "/tls/self-signed.pem", "signed by a CA that is not trusted"},
        {start_simulator(*state, TLS_WEBSOCKET, NULL), "127.0.0.1", NULL, "signed by a CA that is not trusted"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        client *c = new_tls(*state, cases[i].port, cases[i].ca);
        c->options.host = cases[i].host;
        /* It is permanent nevertheless. */
        c->options.reconnect = 1;
        fails(c, CAPDIST_TLS_FAILED, cases[i].words);
        assert_non_null(strstr(capdist_last_error(), "This is final, since it does not change by itself"));
        assert_status(capdist_get_capital_distribution(c->conn, &(capdist_security){CAPDIST_MARKET_HK, "00700"}, NULL,
                                                       record_reply, c, NULL), CAPDIST_NOT_CONNECTED);
        client *insecure = new_tls(*state, cases[i].port, NULL);
        insecure->options.tls_insecure_accept_any_certificate = 1;
        open_ready(insecure);
        assert_true(logged(insecure, CAPDIST_LOG_WARNING, "certificate is not verified"));
    }
}

/* Nothing changes while the application does not drive, and a single call decides. */
static void what_a_final_end_completes_is_not_to_be_asked_again(void **state) {
    client *c = new_tls(*state, start_simulator(*state, TLS_WEBSOCKET_AS("self-signed"), NULL), TLS_CA);
    c->options.mode = CAPDIST_MODE_HOST_DRIVEN; /* so that both requests are made before the attempt fails */
    c->options.reconnect = 1;
    open_client(c);
    uint32_t typed = ask(c, "700"), raw;
    assert_status(capdist_send_proto(c->conn, 1002, "", 0, NULL, record_proto_reply, c, &raw), CAPDIST_OK);
    note_accepted(c, raw);
    assert_status(capdist_wait_ready(c->conn, PATIENCE_MS), CAPDIST_TLS_FAILED);
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_true(wait_for(c, EVENT_PROTO_REPLY, 1, PATIENCE_MS));
    event replies[] = {reply_to(c, typed), reply_to(c, raw)};
    for (size_t i = 0; i < COUNT(replies); i++) {
        assert_int_equal(replies[i].status, CAPDIST_TLS_FAILED);
        assert_int_equal(replies[i].reply.retry, CAPDIST_RETRY_NEVER);
    }
}

static void the_wrong_port(void **state) {
    int plain = start_simulator(*state, PLAIN_WEBSOCKET, NULL), tls = start_simulator(*state, TLS_WEBSOCKET, NULL);
    int tcp = start_simulator(*state, NULL);
    fails(new_websocket(*state, tls), CAPDIST_CONNECT_FAILED, "does it need TLS?");
    fails(new_tls(*state, plain, TLS_CA), CAPDIST_TLS_FAILED, "does not speak TLS");
    fails(new_websocket(*state, tcp), CAPDIST_CONNECT_FAILED, "is that OpenD's WebSocket port");
    fails(new_tls(*state, tcp, TLS_CA), CAPDIST_CONNECT_FAILED, "is that OpenD's WebSocket port");
    fails(new_client(*state, plain), CAPDIST_PROTOCOL_ERROR, "is not OpenD's protocol");
    client *silent = new_tls(*state, start_simulator(*state, "--fault", "accept-silent", TLS_WEBSOCKET, NULL), TLS_CA);
    fails(silent, CAPDIST_CONNECT_TIMEOUT, "TLS and the WebSocket did not open within");
}

/* ---- a scripted WebSocket server ---- */

typedef struct script {
    int listener, port;
    const char *answer; /**< in place of the upgrade; NULL: the upgrade is accepted */
    const void *then;   /**< what follows the answer */
    size_t length;
    enum { PLAIN, DRAINS, UPDATES_KEYS } over_tls; /**< what the server does with the data after the upgrade */
    pthread_t thread;
    char head[2048];   /**< the request for the upgrade */
    uint8_t got[4096]; /**< what the client sent after the upgrade */
    _Atomic size_t got_length;
    _Atomic size_t drained; /**< its size, over TLS */
} script;

static void base64(const uint8_t *bytes, size_t length, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        uint32_t word = (uint32_t)bytes[i] << 16 | (i + 1 < length ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (i + 2 < length ? bytes[i + 2] : 0);
        for (int k = 0; k < 4; k++) *out++ = i + (size_t)k > length ? '=' : digits[word >> (18 - 6 * k) & 63];
    }
    *out = 0;
}

static void *serve(void *argument) {
    script *s = argument;
    int stream = accept(s->listener, NULL, NULL);
    struct timeval limit = {PATIENCE_MS / 1000, 0};
    setsockopt(stream, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SSL_CTX *context = NULL;
    SSL *tls = NULL;
    if (s->over_tls) {
        /* OpenSSL raises the signal if the client is gone. It ends with this thread. */
        sigset_t pipes;
        sigemptyset(&pipes);
        sigaddset(&pipes, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipes, NULL);
        context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate_chain_file(context, VECTORS "/tls/server.pem");
        SSL_CTX_use_PrivateKey_file(context, VECTORS "/tls/key.pem", SSL_FILETYPE_PEM);
        tls = SSL_new(context);
        SSL_set_fd(tls, stream);
        SSL_accept(tls);
    }
    size_t length = 0;
    while (length < sizeof s->head - 1 && !strstr(s->head, "\r\n\r\n")) {
        if ((tls ? SSL_read(tls, s->head + length, 1) : recv(stream, s->head + length, 1, 0)) != 1) break;
        s->head[++length] = 0;
    }
    char text[512];
    if (s->answer) {
        snprintf(text, sizeof text, "%s", s->answer);
    } else {
        char key[128] = "", accept_key[64];
        const char *field = strstr(s->head, "Sec-WebSocket-Key: ");
        if (field) sscanf(field + 19, "%24s", key);
        strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        uint8_t digest[20];
        sha1(key, strlen(key), digest);
        base64(digest, sizeof digest, accept_key);
        snprintf(text, sizeof text,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n\r\n", accept_key);
    }
    if (tls) {
        SSL_write(tls, text, (int)strlen(text));
        if (SSL_read(tls, s->got, sizeof s->got) > 0) SSL_write(tls, s->then, (int)s->length);
        /* As fast as possible: nothing is decrypted. */
        static uint8_t space[1 << 20];
        ssize_t count;
        while (s->over_tls == DRAINS && (count = recv(stream, space, sizeof space, MSG_TRUNC)) > 0) s->drained += (size_t)count;
        /* Both ends change their keys each time. */
        while (s->over_tls == UPDATES_KEYS && (count = SSL_read(tls, space, sizeof space)) > 0) {
            s->drained += (size_t)count;
            if (SSL_key_update(tls, SSL_KEY_UPDATE_REQUESTED) == 1) SSL_do_handshake(tls);
        }
        SSL_free(tls);
        SSL_CTX_free(context);
        close(stream);
        return NULL;
    }
    if (send(stream, text, strlen(text), MSG_NOSIGNAL) < 0) {}
    /* Not before there is a request to answer. */
    ssize_t count = s->answer ? 0 : recv(stream, s->got, sizeof s->got, 0);
    if (count > 0) s->got_length = (size_t)count;
    if (s->length && send(stream, s->then, s->length, MSG_NOSIGNAL) < 0) {}
    uint8_t some[4096];
    while ((count = recv(stream, some, sizeof some, 0)) > 0) {
        size_t kept = (size_t)count < sizeof s->got - s->got_length ? (size_t)count : sizeof s->got - s->got_length;
        memcpy(s->got + s->got_length, some, kept);
        s->got_length += kept;
    }
    close(stream);
    return NULL;
}

static void start_script_at(script *s, int family, int over_tls, const char *answer, const void *then, size_t length) {
    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->then = then;
    s->length = length;
    s->over_tls = over_tls;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    s->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, address, size), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(getsockname(s->listener, address, &size), 0);
    s->port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void start_script(script *s, const char *answer, const void *then, size_t length) {
    start_script_at(s, AF_INET, PLAIN, answer, then, length);
}

static void end_script(script *s) {
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static void answers_to_the_upgrade(void **state) {
    static const struct {
        const char *answer, *words;
    } cases[] = {
        {"HTTP/1.1 403 Forbidden\r\n\r\n", "refused the upgrade to WebSocket (HTTP status 403)"},
        {"HTTP/1.1 404 Not Found\r\n\r\n", "has no WebSocket at this path (HTTP status 404)"},
        {"HTTP/1.1 301 Moved\r\nLocation: wss://there.example/\r\n\r\n", "HTTP 301, and redirects to wss://there.example/"},
        {"HTTP/1.1 400 Bad\r\n\r\n", "HTTP status 400): does it need TLS?"},
        {"HTTP/1.0 502 Bad Gateway\r\n\r\n", "HTTP status 502"},
        {"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "HTTP status 200, as a web server does"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n",
         "has no WebSocket at this path (HTTP status 404)"},
        {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         "accepted another WebSocket key than the one sent"},
        {"HTTP/1.1 101 x\r\n\r\n", "answered the upgrade to WebSocket wrongly"},
        {"\x15\x03\x03", "speaks TLS: set transport to CAPDIST_TRANSPORT_WEBSOCKET_TLS"},
        {"FT", "is OpenD's TCP port"},
        {"220 mail.example ESMTP\r\n", "is not a WebSocket"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s;
        start_script(&s, cases[i].answer, NULL, 0);
        client *c = new_websocket(*state, s.port);
        fails(c, CAPDIST_PROTOCOL_ERROR, cases[i].words);
        capdist_release(c->conn);
        end_script(&s);
    }
}

/* RFC 9110, 7.2: the name that was given, not its address. */
static void the_host_that_is_asked_for(void **state) {
    static const struct {
        const char *host, *name, *asked;
        int family;
    } cases[] = {
        {"localhost", NULL, "localhost", AF_INET},
        {"LocalHost.", NULL, "LocalHost.", AF_INET},
        {"127.0.0.1", NULL, "127.0.0.1", AF_INET},
        {"::1", NULL, "[::1]", AF_INET6},
        {"127.0.0.1", "quotes.example", "quotes.example", AF_INET},
        {"::1", "quotes.example", "quotes.example", AF_INET6},
        {"127.0.0.1", "2001:db8::1", "[2001:db8::1]", AF_INET},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s;
        start_script_at(&s, cases[i].family, PLAIN, "HTTP/1.1 404 Not Found\r\n\r\n", NULL, 0);
        client *c = new_websocket(*state, s.port);
        c->options.host = cases[i].host;
        c->options.tls_server_name = cases[i].name;
        fails(c, CAPDIST_PROTOCOL_ERROR, "has no WebSocket at this path");
        capdist_release(c->conn);
        end_script(&s);
        char field[64];
        snprintf(field, sizeof field, "\r\nHost: %s:%d\r\n", cases[i].asked, s.port);
        if (strstr(s.head, field) == NULL) fail_msg("%s is not in %s", field, s.head);
    }
}

/* The client's last frame was a close frame with that code. */
static bool closed_with(const script *s, int code) {
    int found = -1;
    /* None of them is longer than 125 bytes. */
    for (size_t at = 0; at + 8 <= s->got_length; at += 6 + (s->got[at + 1] & 0x7fu)) {
        const uint8_t *sent = s->got + at;
        bool closes = sent[0] == 0x88 && sent[1] >= 0x82;
        found = closes ? (sent[6] ^ sent[2]) << 8 | (sent[7] ^ sent[3]) : -1;
    }
    return found == code;
}

static void frames_instead_of_the_handshakes_answer(void **state) {
    static const struct {
        const char *bytes;
        size_t length;
        capdist_status status;
        int code;
        const char *words;
    } cases[] = {
        {"\x81\x02hi", 4, CAPDIST_PROTOCOL_ERROR, 1003, "sent a text message"},
        {"\x82\x7f\0\0\0\0\x40\0\0\0\0", 11, CAPDIST_PROTOCOL_ERROR, 1009, "bytes accepted"},
        {"\xc2\0", 2, CAPDIST_PROTOCOL_ERROR, 1002, "breaks WebSocket (RFC 6455)"},
        {"\x82\x80\0\0\0\0", 6, CAPDIST_PROTOCOL_ERROR, 1002, "breaks WebSocket (RFC 6455)"},
        {"\x88\x05\x03\xe9" "bye", 7, CAPDIST_CONNECT_FAILED, 1001, "with code 1001 (going away): bye"},
        {"\x82\x08" "ft-v2.0\0", 10, CAPDIST_PROTOCOL_ERROR, 1000, "is not the WebSocket bridge's protocol"},
        {"\x82\x08" "ft-v1.0\0", 10, CAPDIST_PROTOCOL_ERROR, 1000, "less than its header needs"},
        {"\x82\x2c" "ft-v1.0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01no time\0\0\0\0\0\0\0\0\0\0\0\0\0", 46,
         CAPDIST_CONNECT_TIMEOUT, 1000, "the WebSocket bridge got no answer in time: no time"},
        {"\x82\x2c" "ft-v1.0\0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 46,
         CAPDIST_CONNECT_FAILED, 1000, "the WebSocket bridge lost its OpenD"},
        {"\x82\x2c" "ft-v1.0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 46,
         CAPDIST_PROTOCOL_ERROR, 1000, "InitWebSocket's answer is not valid"},
        {"\x82\x2e" "ft-v1.0\0\0\0\0\x01\0\0\0\0\0\0\0\x01" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\x08\x01", 48,
         CAPDIST_CONNECT_REFUSED, 1000, "refused InitWebSocket"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s;
        start_script(&s, NULL, cases[i].bytes, cases[i].length);
        client *c = new_websocket(*state, s.port);
        fails(c, cases[i].status, cases[i].words);
        capdist_release(c->conn);
        end_script(&s);
        if (!closed_with(&s, cases[i].code)) fail_msg("case %zu: not closed with %d", i, cases[i].code);
    }
}

/* However much data comes, one call reads a part of it, and the descriptor stays readable. */
static void send_a_large_frame(fixture *f, int over_tls) {
    enum { LENGTH = 48 * 1024 * 1024, A_TURN = 1024 * 1024 };
    static const char ready[] = "\x82\x32" "ft-v1.0\0\0\0\0\x01\0\0\0\0\0\0\0\x01" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                "\x08\0\x22\x02\x08\x05";
    script s;
    start_script_at(&s, AF_INET, over_tls, NULL, ready, sizeof ready - 1);
    client *c = new_tls(f, s.port, TLS_CA);
    c->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    c->options.max_body_bytes = LENGTH;
    open_client(c);
    uint8_t *body = calloc(1, LENGTH);
    assert_non_null(body);
    uint32_t serial_no;
    assert_status(capdist_send_proto(c->conn, GET_GLOBAL_STATE, body, LENGTH, NULL, record_proto_reply, c, &serial_no),
                  CAPDIST_OK);
    note_accepted(c, serial_no);
    free(body);
    struct pollfd descriptor = {.fd = capdist_get_fd(c->conn), .events = POLLIN};
    int calls = 0;
    for (int64_t deadline = now_ms() + PATIENCE_MS; s.drained < LENGTH && now_ms() < deadline;) {
        if (poll(&descriptor, 1, 10) != 1) continue;
        assert_status(capdist_process(c->conn), CAPDIST_OK);
        calls++;
    }
    assert_true(s.drained >= LENGTH);
    if (calls < LENGTH / A_TURN) fail_msg("all of it was sent in %d calls", calls);
    capdist_release(c->conn);
    end_script(&s);
}

static void a_large_frame_is_sent_in_turns(void **state) { send_a_large_frame(*state, DRAINS); }

static void keys_change_while_a_large_frame_is_sent(void **state) { send_a_large_frame(*state, UPDATES_KEYS); }

/* A server that sends pings and does not read is not answered without end. */
static void a_flood_of_pings(void **state) {
    enum { PINGS = 1000000 };
    uint8_t *pings = malloc(2 * PINGS);
    assert_non_null(pings);
    for (size_t i = 0; i < PINGS; i++) memcpy(pings + 2 * i, "\x89", 2);
    script s;
    start_script(&s, NULL, pings, 2 * PINGS);
    client *c = new_websocket(*state, s.port);
    fails(c, CAPDIST_CONNECT_TIMEOUT, "is websocket_key");
    capdist_release(c->conn);
    end_script(&s);
    free(pings);
}

static void the_key_is_in_no_log(void **state) {
    client *c = new_websocket(*state, start_simulator(*state, "--websocket-key", KEY, PLAIN_WEBSOCKET, NULL));
    c->options.websocket_key = KEY;
    open_ready(c);
    for (int i = 0; i < count_of(c, EVENT_LOG); i++) {
        assert_null(strstr(event_at(c, EVENT_LOG, i).text, KEY));
    }
}

static void reconnects(void **state) {
    for (int tls = 0; tls < 2; tls++) {
        int port = tls ? start_simulator(*state, "--no-quota", "--fault", "drop-after=3", TLS_WEBSOCKET, NULL)
                       : start_simulator(*state, "--no-quota", "--fault", "drop-after=3", PLAIN_WEBSOCKET, NULL);
        client *c = tls ? new_tls(*state, port, TLS_CA) : new_websocket(*state, port);
        c->options.reconnect = 1;
        c->options.reconnect_min_ms = 10;
        open_ready(c);
        for (int i = 0; i < 12; i++) {
            ask(c, "00700");
            assert_true(wait_for(c, EVENT_REPLY, i + 1, PATIENCE_MS));
        }
        assert_true(wait_for(c, EVENT_INIT_CONNECT, 4, PATIENCE_MS));
        assert_true(count_of_status(c, CAPDIST_OK) >= 9);
    }
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void copy_file(const char *from, const char *to) {
    static char text[64 * 1024];
    FILE *file = fopen(from, "re");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    write_file(to, text);
}

/* The file is read when the first attempt needs it. Before that, it is only checked whether it is readable. */
static void a_damaged_file_of_certificates(void **state) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/capdist-damaged-%d.pem", getpid());
    write_file(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    client *c = new_tls(*state, start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL), path);
    c->options.reconnect = 1;
    open_client(c);
    capdist_status status = capdist_wait_ready(c->conn, PATIENCE_MS);
    unlink(path);
    assert_status(status, CAPDIST_TLS_FAILED);
    assert_non_null(strstr(capdist_last_error(), "tls_ca_file"));
    assert_non_null(strstr(capdist_last_error(), "damaged"));
    /* The error is permanent. */
    assert_true(wait_for(c, EVENT_INIT_CONNECT, 1, PATIENCE_MS));
    assert_int_equal(count_of(c, EVENT_INIT_CONNECT), 1);
}

/* Connections share the certificates. A changed file is read again. Established connections go on. */
static void a_file_of_certificates_that_changes(void **state) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/capdist-changes-%d.pem", getpid());
    int port = start_simulator(*state, "--no-quota", TLS_WEBSOCKET, NULL);
    copy_file(VECTORS "/tls/self-signed.pem", path);
    client *first = new_tls(*state, port, path);
    open_client(first);
    assert_refused(capdist_wait_ready(first->conn, PATIENCE_MS), CAPDIST_TLS_FAILED, "signed by a CA that is not trusted here");
    copy_file(TLS_CA, path);
    client *second = new_tls(*state, port, path);
    answers(second);
    /* While the file is being replaced, the old certificates are used. */
    write_file(path, "");
    client *third = new_client(*state, port);
    third->options = second->options;
    third->options.user_data = third;
    unlink(path);
    assert_refused(capdist_init_connect(&third->options, &third->conn), CAPDIST_INVALID_ARGUMENT, "tls_ca_file");
    ask(second, "00700");
    assert_true(wait_for(second, EVENT_REPLY, 51, PATIENCE_MS));
    assert_int_equal(count_of_status(second, CAPDIST_OK), 51);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(plain_and_tls),
        TEST(connection_info),
        TEST(other_protocols),
        TEST(pushes_only_if_asked_for),
        TEST(keys),
        TEST(certificates),
        TEST(what_a_final_end_completes_is_not_to_be_asked_again),
        TEST(a_damaged_file_of_certificates),
        TEST(a_file_of_certificates_that_changes),
        TEST(the_wrong_port),
        TEST(answers_to_the_upgrade),
        TEST(the_host_that_is_asked_for),
        TEST(frames_instead_of_the_handshakes_answer),
        TEST(a_large_frame_is_sent_in_turns),
        TEST(keys_change_while_a_large_frame_is_sent),
        TEST(a_flood_of_pings),
        TEST(the_key_is_in_no_log),
        TEST(reconnects),
    };
    return cmocka_run_group_tests_name("websocket", tests, NULL, NULL);
}
