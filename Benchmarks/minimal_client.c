/* The yardstick: the least a C program can do to ask over one blocking socket and check the answers. It has no time-outs,
 * no keep-alive, no reconnect, no quota and no threads.
 *
 * Usage: minimal_client PORT one|many|together|thread [KEY CIPHER] REQUESTS   (with a key it encrypts)
 *   one       one at a time
 *   many      64 in flight
 *   together  the same, and what is asked goes out in one piece before the next answers are received
 *   thread    one at a time, the answer read on a second thread and waited for on the first */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#define OPENSSL_SUPPRESS_DEPRECATED /* the low-level SHA-1 is the fastest there is */
#include <openssl/sha.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>

#include "InitConnect.pb-c.h"
#include "Qot_GetCapitalDistribution.pb-c.h"
#include "cipher.h"
#include "measure.h"

enum { HEADER = 44, INPUT = 64 * 1024, IN_FLIGHT = 64 };

static int stream;
static uint32_t last_sent, last_answered;
static uint8_t input[INPUT];
static size_t received, parsed;
static uint8_t output[IN_FLIGHT * 256];
static size_t unsent;
static int sends_together;
static struct cipher cipher; /* without an RSA key: nothing is encrypted */

static void fail(const char *what)
{
    fprintf(stderr, "minimal_client: %s\n", what);
    exit(1);
}

static void sha1(const uint8_t *bytes, size_t length, uint8_t *digest)
{
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, bytes, length);
    SHA1_Final(digest, &context);
}

static void send_bytes(const uint8_t *bytes, size_t length)
{
    if (send(stream, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) fail("send");
}

static void send_message(uint32_t proto_id, const ProtobufCMessage *message)
{
    uint8_t frame[HEADER + 512] = {'F', 'T'};
    if (protobuf_c_message_get_packed_size(message) > 256) fail("request too long");
    uint32_t length = (uint32_t)protobuf_c_message_pack(message, frame + HEADER);
    last_sent++;
    memcpy(frame + 2, &proto_id, 4);
    memcpy(frame + 8, &last_sent, 4);
    sha1(frame + HEADER, length, frame + 16);
    if (cipher.outgoing) {
        length = (uint32_t)cipher_encrypt(&cipher, frame + HEADER, length);
    } else if (cipher.rsa) {
        uint8_t plain[256];
        memcpy(plain, frame + HEADER, length);
        length = (uint32_t)cipher_rsa(&cipher, 1, plain, length, frame + HEADER);
    }
    memcpy(frame + 12, &length, 4);
    if (sends_together) {
        if (unsent + HEADER + length > sizeof output) fail("request too long");
        memcpy(output + unsent, frame, HEADER + length);
        unsent += HEADER + length;
    } else {
        send_bytes(frame, HEADER + length);
    }
}

/* The body of the next frame, which lives until the next call. Receives only when no whole frame is there. */
static const uint8_t *next_body(uint32_t proto_id, uint32_t *length)
{
    while (1) {
        uint8_t *frame = input + parsed;
        size_t have = received - parsed;
        if (have >= HEADER) {
            uint32_t id, serial_no;
            memcpy(&id, frame + 2, 4);
            memcpy(&serial_no, frame + 8, 4);
            memcpy(length, frame + 12, 4);
            if (frame[0] != 'F' || frame[1] != 'T' || frame[6] != 0 || *length > INPUT - HEADER) fail("bad header");
            if (have - HEADER >= *length) {
                uint8_t digest[20];
                parsed += HEADER + *length;
                if (cipher.incoming) {
                    *length = (uint32_t)cipher_decrypt(&cipher, frame + HEADER, *length);
                } else if (cipher.rsa) {
                    uint8_t plain[512];
                    *length = (uint32_t)cipher_rsa(&cipher, 0, frame + HEADER, *length, plain);
                    memcpy(frame + HEADER, plain, *length);
                }
                sha1(frame + HEADER, *length, digest);
                if (memcmp(digest, frame + 16, 20) != 0) fail("bad SHA-1");
                if (id != proto_id || serial_no != last_answered + 1) fail("not the answer");
                last_answered = serial_no;
                return frame + HEADER;
            }
        }
        memmove(input, frame, have);
        parsed = 0;
        received = have;
        if (unsent > 0) send_bytes(output, unsent);
        unsent = 0;
        ssize_t count = recv(stream, input + received, INPUT - received, 0);
        if (count <= 0) fail("the gateway closed the connection");
        received += (size_t)count;
    }
}

static void connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    stream = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(stream, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    InitConnect__C2S c2s = INIT_CONNECT__C2_S__INIT;
    c2s.clientver = 101;
    c2s.clientid = "minimal";
    c2s.has_packetencalgo = 1;
    c2s.packetencalgo = cipher.rsa ? cipher.algorithm : -1;
    InitConnect__Request request = INIT_CONNECT__REQUEST__INIT;
    request.c2s = &c2s;
    send_message(1001, &request.base);
    uint32_t length;
    const uint8_t *body = next_body(1001, &length);
    InitConnect__Response *response = init_connect__response__unpack(NULL, length, body);
    if (!response || response->rettype != 0 || !response->s2c) fail("InitConnect refused");
    if (cipher.rsa) {
        cipher_agree(&cipher, (const uint8_t *)response->s2c->connaeskey, (const uint8_t *)response->s2c->aescbciv);
    }
    init_connect__response__free_unpacked(response, NULL);
}

static void ask(void)
{
    QotCommon__Security security = QOT__COMMON__SECURITY__INIT;
    security.market = 1;
    security.code = "00700";
    QotGetCapitalDistribution__C2S c2s = QOT__GET_CAPITAL_DISTRIBUTION__C2_S__INIT;
    c2s.security = &security;
    QotGetCapitalDistribution__Request request = QOT__GET_CAPITAL_DISTRIBUTION__REQUEST__INIT;
    request.c2s = &c2s;
    send_message(3212, &request.base);
}

static void take_answer(void)
{
    uint32_t length;
    const uint8_t *body = next_body(3212, &length);
    QotGetCapitalDistribution__Response *response =
        qot__get_capital_distribution__response__unpack(NULL, length, body);
    if (!response || response->rettype != 0 || !response->s2c) fail("no figures");
    if (response->s2c->capitalinbig != EXPECTED_CAPITAL_IN_BIG) fail("wrong figures");
    qot__get_capital_distribution__response__free_unpacked(response, NULL);
}

static sem_t answered;

static void *take_answers(void *requests)
{
    for (int i = 0; i < *(int *)requests; i++) {
        take_answer();
        sem_post(&answered);
    }
    return NULL;
}

static void over_a_thread(struct measure *measure, int requests)
{
    pthread_t reader;
    sem_init(&answered, 0, 0);
    if (pthread_create(&reader, NULL, take_answers, &requests) != 0) fail("thread");
    measure_start(measure, requests);
    for (int i = 0; i < requests; i++) {
        int64_t before = now_ns();
        ask();
        while (sem_wait(&answered) != 0) continue;
        measure_round_trip(measure, before);
    }
    measure_end(measure);
    pthread_join(reader, NULL);
}

int main(int count, char **words)
{
    if (count != 4 && count != 6) fail("usage: minimal_client PORT one|many|together|thread [KEY CIPHER] REQUESTS");
    int is_one = strcmp(words[2], "one") == 0, requests = atoi(words[count - 1]), asked = 0;
    if (count == 6) cipher_load(&cipher, words[3], atoi(words[4]));
    connect_to(atoi(words[1]));
    static struct measure measure;
    if (strcmp(words[2], "thread") == 0) {
        over_a_thread(&measure, requests);
        return 0;
    }
    sends_together = strcmp(words[2], "together") == 0;
    measure_start(&measure, requests);
    if (!is_one)
        while (asked < IN_FLIGHT && asked < requests) ask(), asked++;
    for (int i = 0; i < requests; i++) {
        int64_t before = is_one ? now_ns() : 0;
        if (asked < requests && is_one) ask(), asked++;
        take_answer();
        if (asked < requests && !is_one) ask(), asked++;
        if (is_one) measure_round_trip(&measure, before);
    }
    measure_end(&measure);
    return 0;
}
