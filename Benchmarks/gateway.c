/* A gateway for benchmarks: it answers from canned frames, as fast as one thread can.
 *
 * Prints the port it listens on (127.0.0.1, chosen by the system) as its first line. For each line read from standard
 * input it prints `REQUESTS MICROSECONDS`: the requests answered so far and the processor time used so far, to show that
 * it is not what limits a measurement. Ends when standard input does. A frame it does not understand closes the connection.
 *
 * Usage: gateway [KEY CIPHER | websocket | tls CERTIFICATE KEY]
 *   KEY CIPHER   the answers are encrypted, once, before it listens; requests are not decrypted
 *   websocket    it is OpenD's WebSocket relay, with tls over TLS */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cipher.h"
#include "websocket.h"

/* A request over WebSocket has 26 bytes at least. */
enum { HEADER = 44, MAX_REPLY = 512, INPUT = 64 * 1024, OUTPUT = INPUT / 26 * MAX_REPLY };

/* Whole frames, header and SHA-1 included; only the serial number is filled in. All but the second are those of
 * Tests/vectors/opend.json. */
static struct reply {
    uint32_t proto_id;
    const char *hex;
    size_t length;
    uint8_t frame[MAX_REPLY];
} replies[] = {
    {.proto_id = 3212, .hex =
     "46548c0c00000000030000006e000000f4e0fda028ed376d2ea6833c4350f4134f0407120000000000000000"
     "080012001800226609000000aa4e9dc94111000000069dbec64119000000aa8723ce4121000000d8177dba4129000000"
     "30160abe4131000000d44410c8413a13323032322d30362d30382031303a34343a3231410000404103a8d84149000000"
     "f60096c84151000000b86523ae41"},
    {.proto_id = 1002, .hex =
     "4654ea0300000000000000001e000000fb94819dc066a5432ca167db94b0f9450b8d47070000000000000000"
     "0800221a080010001800200028003001380140f30748f30750859a809506"},
    {.proto_id = 1001, .hex =
     "4654e90300000000010000004200000081d6f0ac46240662e43cf4de24ab6340a7f0e6fe0000000000000000"
     "080012001800223a08f3071081ade20418aadcd4d087e5ecdc5e221030313233343536373839616263646566280a3210"
     "666564636261393837363534333231303801"},
    {.proto_id = 1004, .hex =
     "4654ec0300000000020000000a0000007dbd23e6acb4eec24f47f82d738f0cc67748dbea0000000000000000"
     "0800220608869a809506"},
};

struct stream {
    int socket;
    SSL *tls;        /* NULL: none */
    int is_upgraded; /* to WebSocket */
    size_t received; /* bytes in `input`, from its start */
    size_t made;     /* bytes in `output` */
    size_t sent;     /* of which the socket took so many */
    uint8_t input[INPUT];
    uint8_t output[OUTPUT];
};

static int poller;
static uint64_t answered;
static int is_websocket;
static SSL_CTX *tls;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint32_t load(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void decode_replies(void)
{
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct reply *reply = &replies[i];
        reply->length = strlen(reply->hex) / 2;
        if (reply->length > MAX_REPLY) abort();
        for (size_t j = 0; j < reply->length; j++) {
            unsigned byte;
            if (sscanf(reply->hex + 2 * j, "%2x", &byte) != 1) abort();
            reply->frame[j] = (uint8_t)byte;
        }
        if (load(reply->frame + 2) != reply->proto_id || load(reply->frame + 12) != reply->length - HEADER) abort();
    }
}

/* Key and iv stand in InitConnect's answer. */
static void encrypt_replies(const char *key, int algorithm)
{
    struct cipher cipher;
    cipher_load(&cipher, key, algorithm);
    cipher_agree(&cipher, (const uint8_t *)"0123456789abcdef", (const uint8_t *)"fedcba9876543210");
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct reply *reply = &replies[i];
        uint8_t *body = reply->frame + HEADER, plain[MAX_REPLY];
        size_t length = reply->length - HEADER;
        memcpy(plain, body, length);
        uint32_t made = (uint32_t)(reply->proto_id == 1001 ? cipher_rsa(&cipher, 1, plain, length, body)
                                                           : cipher_encrypt(&cipher, body, length));
        memcpy(reply->frame + 12, &made, 4);
        reply->length = HEADER + made;
    }
}

/* As sections instead. InitConnect's answer becomes InitWebSocket's: retType 0. */
static void wrap_replies(void)
{
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct reply *reply = &replies[i];
        uint8_t body[MAX_REPLY];
        size_t length = reply->length - HEADER;
        memcpy(body, reply->frame + HEADER, length);
        if (reply->proto_id == 1001) {
            reply->proto_id = 1;
            length = 2;
        }
        reply->length = section_frame(reply->frame, reply->proto_id, body, length);
        if (reply->length > MAX_REPLY) abort();
    }
}

static void watch(int operation, int descriptor, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(poller, operation, descriptor, &event) != 0) fail("epoll_ctl");
}

static void drop(struct stream *stream)
{
    SSL_free(stream->tls);
    close(stream->socket);
    free(stream);
}

/* Appends the answer to one frame. Returns 0 if there is none. */
static int answer(struct stream *stream, const uint8_t *frame)
{
    uint32_t proto_id = load(frame + 2);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        if (replies[i].proto_id != proto_id) continue;
        uint8_t *out = stream->output + stream->made;
        memcpy(out, replies[i].frame, replies[i].length);
        memcpy(out + 8, frame + 8, 4);
        stream->made += replies[i].length;
        answered++;
        return 1;
    }
    fprintf(stderr, "gateway: no answer to protocol %u\n", proto_id);
    return 0;
}

/* recv and send, over TLS if there is any. */
static ssize_t get(struct stream *stream, void *bytes, size_t room)
{
    if (!stream->tls) return recv(stream->socket, bytes, room, 0);
    int count = SSL_read(stream->tls, bytes, (int)room);
    if (count > 0) return count;
    int error = SSL_get_error(stream->tls, count);
    ERR_clear_error();
    errno = EAGAIN;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -1 : 0;
}

static ssize_t put(struct stream *stream, const void *bytes, size_t length)
{
    if (!stream->tls) return send(stream->socket, bytes, length, MSG_NOSIGNAL);
    int count = SSL_write(stream->tls, bytes, (int)length);
    if (count > 0) return count;
    ERR_clear_error();
    errno = EAGAIN;
    return -1;
}

/* Answers what is whole over WebSocket. Returns how much of it that was, -1 if the stream is to be closed. */
static long answer_sections(struct stream *stream)
{
    size_t start = 0;
    if (!stream->is_upgraded) {
        if (stream->received == INPUT) return -1;
        stream->input[stream->received] = 0;
        char *end = strstr((char *)stream->input, "\r\n\r\n");
        if (!end) return 0;
        stream->made += upgrade_answer((char *)stream->input, (char *)stream->output + stream->made, MAX_REPLY);
        stream->is_upgraded = 1;
        start = (size_t)(end + 4 - (char *)stream->input);
    }
    while (1) {
        int opcode;
        uint8_t *payload, *out = stream->output + stream->made;
        size_t length;
        long whole = masked_frame(stream->input + start, stream->received - start, &opcode, &payload, &length);
        if (whole < 0) return -1;
        if (whole == 0) return (long)start;
        start += (size_t)whole;
        if (opcode == 9) {
            memcpy(out, "\x8a", 2);
            stream->made += 2;
            continue;
        }
        if (opcode != 2 || length < SECTION_REQUEST || stream->made + MAX_REPLY > OUTPUT) return -1;
        uint32_t command = (uint32_t)payload[10] << 8 | payload[11];
        struct reply *reply = replies;
        while (reply < replies + sizeof replies / sizeof *replies && reply->proto_id != command) reply++;
        if (reply == replies + sizeof replies / sizeof *replies) return -1;
        memcpy(out, reply->frame, reply->length);
        memcpy(out + (out[1] < 126 ? 2 : 4) + 12, payload + 12, 8);
        stream->made += reply->length;
        answered++;
    }
}

/* Sends what is there. Returns 0 if the stream is gone. */
static int flush(struct stream *stream)
{
    ssize_t count = put(stream, stream->output + stream->sent, stream->made - stream->sent);
    if (count < 0 && errno != EAGAIN) return 0;
    int was_blocked = stream->sent > 0;
    if (count > 0) stream->sent += (size_t)count;
    int is_blocked = stream->sent < stream->made;
    if (!is_blocked) stream->made = stream->sent = 0;
    /* A peer that does not read its answers is asked nothing more until it does. */
    if (is_blocked || was_blocked) watch(EPOLL_CTL_MOD, stream->socket, is_blocked ? EPOLLOUT : EPOLLIN, stream);
    return 1;
}

/* Answers all whole frames of one receive in one send. Returns 0 if the stream is to be closed. */
static int receive(struct stream *stream)
{
    ssize_t count = get(stream, stream->input + stream->received, INPUT - stream->received);
    if (count <= 0) return count < 0 && errno == EAGAIN;
    stream->received += (size_t)count;
    /* What TLS has read from the socket is not told of again. */
    while (stream->tls && SSL_pending(stream->tls) > 0 && stream->received < INPUT) {
        count = get(stream, stream->input + stream->received, INPUT - stream->received);
        if (count <= 0) break;
        stream->received += (size_t)count;
    }
    size_t start = 0;
    if (is_websocket) {
        long done = answer_sections(stream);
        if (done < 0) return 0;
        stream->received -= (size_t)done;
        memmove(stream->input, stream->input + done, stream->received);
        return stream->made == 0 || flush(stream);
    }
    while (stream->received - start >= HEADER) {
        const uint8_t *frame = stream->input + start;
        size_t body = load(frame + 12);
        if (frame[0] != 'F' || frame[1] != 'T' || body > INPUT - HEADER) return 0;
        if (stream->received - start < HEADER + body) break;
        if (!answer(stream, frame)) return 0;
        start += HEADER + body;
    }
    stream->received -= start;
    memmove(stream->input, stream->input + start, stream->received);
    return stream->made == 0 || flush(stream);
}

static void take(int listener)
{
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct stream *stream = malloc(sizeof *stream);
    if (!stream) fail("malloc");
    stream->socket = socket;
    stream->received = stream->made = stream->sent = 0;
    stream->is_upgraded = 0;
    stream->tls = NULL;
    if (tls) {
        stream->tls = SSL_new(tls);
        if (!stream->tls || SSL_set_fd(stream->tls, socket) != 1) fail("SSL_new");
        SSL_set_accept_state(stream->tls);
    }
    watch(EPOLL_CTL_ADD, socket, EPOLLIN, stream);
}

/* Tells the figures. Returns 0 at the end of standard input. */
static int report(void)
{
    char text[256];
    if (read(STDIN_FILENO, text, sizeof text) <= 0) return 0;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
    printf("%llu %lld\n", (unsigned long long)answered,
           (long long)(seconds * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec));
    fflush(stdout);
    return 1;
}

int main(int count, char **words)
{
    signal(SIGPIPE, SIG_IGN);
    decode_replies();
    if (count == 3) encrypt_replies(words[1], atoi(words[2]));
    is_websocket = count == 2 || count == 4;
    if (is_websocket) wrap_replies();
    if (count == 4) tls = tls_server(words[2], words[3]);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0) fail("bind");
    if (listen(listener, 128) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("listen");
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) fail("epoll_create1");
    static char from_listener, from_input;
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, &from_listener);
    watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &from_input);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    while (1) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            void *source = events[i].data.ptr;
            if (source == &from_listener) {
                take(listener);
            } else if (source == &from_input) {
                if (!report()) return 0;
            } else {
                struct stream *stream = source;
                if (!(events[i].events & EPOLLOUT ? flush(stream) : receive(stream))) drop(stream);
            }
        }
    }
}
