/* Frames as an OpenD sent them (Tests/vectors/opend-frames.jsonl): replies to raw requests, pushes that the gateway numbers
 * itself, an empty retMsg and an errCode of 0 on success. */
#include "support.h"

#include <stdlib.h>

enum { MAX_FRAMES = 32, MAX_BODY = 2048 };

/* A frame of the file. */
typedef struct recorded {
    bool is_request, is_push;
    uint32_t proto_id, serial_no;
    size_t length;
    uint8_t body[MAX_BODY];
    char sha1[41];
} recorded;

static recorded frames[MAX_FRAMES];
static size_t frame_total;

/* The text after `"name": ` in a line. */
static const char *field(const char *line, const char *name) {
    char key[32];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *found = strstr(line, key);
    assert_non_null(found);
    return found + strlen(key);
}

static size_t from_hex(const char *text, uint8_t *bytes, size_t room) {
    size_t length = 0;
    unsigned byte;
    for (; sscanf(text, "%2x", &byte) == 1; text += 2) {
        assert_true(length < room);
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

static int load_frames(void **state) {
    (void)state;
    FILE *file = fopen(VECTORS "/opend-frames.jsonl", "r");
    if (!file) return -1;
    static char line[8192];
    while (fgets(line, sizeof line, file)) {
        if (!strstr(line, "\"direction\"")) continue;
        assert_true(frame_total < MAX_FRAMES);
        recorded *f = &frames[frame_total++];
        f->is_request = strncmp(field(line, "direction"), "\"c2s", 4) == 0;
        f->is_push = strncmp(field(line, "is_push"), "true", 4) == 0;
        f->proto_id = (uint32_t)strtoul(field(line, "proto_id"), NULL, 10);
        f->serial_no = (uint32_t)strtoul(field(line, "serial_no"), NULL, 10);
        f->length = from_hex(field(line, "body") + 1, f->body, sizeof f->body);
        memcpy(f->sha1, field(line, "sha1") + 1, 40);
    }
    fclose(file);
    return 0;
}

/* The answer to a recorded request; NULL: there is none. */
static const recorded *answer_of(const recorded *request) {
    for (size_t i = 0; i < frame_total; i++) {
        const recorded *f = &frames[i];
        if (!f->is_request && !f->is_push && f->proto_id == request->proto_id && f->serial_no == request->serial_no) return f;
    }
    return NULL;
}

/* Sends every push of the file with the serial number of a waiting request. */
static int send_pushes(gateway *g, const frame *request) {
    int count = 0;
    for (size_t i = 0; i < frame_total; i++) {
        if (!frames[i].is_push) continue;
        gateway_send(g, request->stream, frames[i].proto_id, request->serial_no, frames[i].body, frames[i].length);
        count++;
    }
    return count;
}

static void put_success(message *m, const message *s2c) {
    put_number(m, 1, 0);
    put_text(m, 2, "");
    put_number(m, 3, 0);
    put_message(m, 4, s2c);
}

static const uint64_t CONN_ID = 12944249952739031304u; /* above 2^63 */

static void greet(gateway *g, const frame *request) {
    message s2c = {0}, response = {0};
    put_number(&s2c, 1, 1008);
    put_number(&s2c, 2, 10000001);
    put_number(&s2c, 3, (int64_t)CONN_ID);
    put_text(&s2c, 4, "0F1E2D3C4B5A6978");
    put_number(&s2c, 5, g->keep_alive_interval);
    put_text(&s2c, 6, "8796A5B4C3D2E1F0");
    put_number(&s2c, 7, 1);
    put_success(&response, &s2c);
    gateway_reply(g, request, &response);
}

/* First pushes with the request's serial number, then the recorded answer. */
static void answer_as_recorded(gateway *g, const frame *request) {
    for (size_t i = 0; i < frame_total; i++) {
        const recorded *f = &frames[i];
        if (!f->is_request || f->proto_id != request->proto_id || f->length != request->length) continue;
        if (f->proto_id != KEEP_ALIVE && memcmp(f->body, request->body, f->length) != 0) continue;
        const recorded *answer = answer_of(f);
        send_pushes(g, request);
        if (answer) gateway_send(g, request->stream, f->proto_id, request->serial_no, answer->body, answer->length);
        return;
    }
}

static void answer_with_figures(gateway *g, const frame *request) {
    message s2c = {0}, response = {0};
    for (int field = 1; field <= 6; field++) put_double(&s2c, field, 1000 + field);
    put_success(&response, &s2c);
    send_pushes(g, request);
    gateway_reply(g, request, &response);
}

static gateway *start_opend(fixture *f) {
    gateway *g = start_gateway(f);
    gateway_on(g, INIT_CONNECT, greet);
    gateway_on(g, KEEP_ALIVE, answer_as_recorded);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_figures);
    gateway_on(g, 0, answer_as_recorded);
    return g;
}

static void the_file_is_sound(void **state) {
    (void)state;
    int requests = 0, pushes = 0;
    for (size_t i = 0; i < frame_total; i++) {
        uint8_t digest[20];
        char text[41];
        sha1(frames[i].body, frames[i].length, digest);
        for (int byte = 0; byte < 20; byte++) snprintf(text + 2 * byte, 3, "%02x", digest[byte]);
        assert_string_equal(text, frames[i].sha1);
        requests += frames[i].is_request;
        pushes += frames[i].is_push;
        const uint8_t *ret_msg;
        size_t length;
        int64_t number;
        if (frames[i].is_request) continue;
        assert_true(find_field(frames[i].body, frames[i].length, 1, &number, NULL, NULL) && number == 0);
        bool has_text = find_field(frames[i].body, frames[i].length, 2, NULL, &ret_msg, &length);
        bool has_code = find_field(frames[i].body, frames[i].length, 3, &number, NULL, NULL);
        assert_true(frames[i].is_push ? !has_text && !has_code : has_text && length == 0 && has_code && number == 0);
    }
    assert_int_equal(requests, 7);
    assert_int_equal(pushes, 4);
}

/* Keeps the last reply's body in the client's context. */
static void keep_body(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply, void *user_data) {
    client *c = user_data;
    message *kept = c->context;
    kept->length = reply->body_length;
    assert_true(reply->body_length <= sizeof kept->bytes);
    if (reply->body) memcpy(kept->bytes, reply->body, reply->body_length);
    record_proto_reply(conn, serial_no, reply, c);
}

/* Makes all requests that the file has answers to. Returns their number. */
static int ask_all(client *c) {
    int asked = 0;
    static message kept;
    c->context = &kept;
    for (size_t i = 0; i < frame_total; i++) {
        const recorded *answer = answer_of(&frames[i]);
        if (!frames[i].is_request || !answer || frames[i].proto_id == KEEP_ALIVE) continue;
        uint32_t serial_no = 0;
        assert_status(capdist_send_proto(c->conn, frames[i].proto_id, frames[i].body, frames[i].length, NULL, keep_body, c,
                                         &serial_no), CAPDIST_OK);
        note_accepted(c, serial_no);
        assert_true(wait_for(c, EVENT_PROTO_REPLY, ++asked, PATIENCE_MS));
        event e = reply_to(c, serial_no);
        assert_int_equal(e.status, CAPDIST_OK);
        assert_int_equal(e.proto_id, frames[i].proto_id);
        assert_int_equal(e.reply.present, CAPDIST_HAS_RETRY | CAPDIST_HAS_RET_TYPE);
        assert_int_equal(e.reply.ret_type, 0);
        assert_int_equal(kept.length, answer->length);
        assert_memory_equal(kept.bytes, answer->body, answer->length);
    }
    c->context = NULL;
    return asked;
}

static void every_reply_comes_whole_between_pushes_of_its_number(void **state) {
    gateway *g = start_opend(*state);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    capdist_connection_info info;
    capdist_connection_info_init(&info, sizeof info);
    assert_status(capdist_get_connection_info(c->conn, &info), CAPDIST_OK);
    assert_true(info.conn_id == CONN_ID);
    assert_int_equal(info.server_version, 1008);
    int asked = ask_all(c);
    assert_int_equal(asked, 5);
    /* Each push came unchanged, and to on_push only. */
    int pushes = count_of(c, EVENT_PUSH);
    assert_int_equal(pushes, 4 * asked);
    for (int i = 0, next = 0; i < pushes; i++, next++) {
        while (!frames[next % (int)frame_total].is_push) next++;
        const recorded *sent = &frames[next % (int)frame_total];
        event e = event_at(c, EVENT_PUSH, i);
        assert_int_equal(e.proto_id, sent->proto_id);
        assert_int_equal(e.length, sent->length);
    }
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
    assert_int_equal(gateway_stream_count(g), 1);
}

static void a_waiting_request_is_not_answered_by_a_push(void **state) {
    gateway *g = start_opend(*state);
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    uint32_t serial_no = ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    event e = reply_to(c, serial_no);
    assert_int_equal(e.status, CAPDIST_OK);
    assert_int_equal(e.reply.present, LIBRARY_FIELDS | CAPDIST_HAS_RET_TYPE | CAPDIST_HAS_RET_MSG | CAPDIST_HAS_ERR_CODE);
    assert_int_equal(e.reply.ret_type, 0);
    assert_int_equal(e.reply.err_code, 0);
    assert_true(e.in_big == 1001);
    assert_int_equal(count_of(c, EVENT_PUSH), 4);
}

/* KeepAlive's answer has a retMsg and an errCode, and pushes have its serial number. */
static void the_connection_stays_alive_among_pushes(void **state) {
    gateway *g = start_opend(*state);
    g->keep_alive_interval = 1;
    client *c = new_client(*state, g->port);
    c->options.recv_notify = 1;
    open_ready(c);
    assert_true(gateway_wait(g, KEEP_ALIVE, 3, PATIENCE_MS));
    uint32_t serial_no = ask(c, "00700");
    assert_true(wait_for(c, EVENT_REPLY, 1, PATIENCE_MS));
    assert_int_equal(reply_to(c, serial_no).status, CAPDIST_OK);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
    assert_int_equal(gateway_stream_count(g), 1);
}

/* The same frames from a gateway that replays them: unencrypted, encrypted, over WebSocket. */
static void replayed(client *c) {
    c->options.recv_notify = 1;
    open_ready(c);
    assert_int_equal(ask_all(c), 5);
    assert_true(wait_for(c, EVENT_PUSH, 3, PATIENCE_MS));
    static const uint32_t protos[] = {3005, 3011, 3013};
    for (int i = 0; i < 3; i++) assert_int_equal(event_at(c, EVENT_PUSH, i).proto_id, protos[i]);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
}

#define REPLAY "--push", "1", "--replay", VECTORS "/opend-frames.jsonl"

static void a_replay_serves_them_in_clear(void **state) {
    replayed(new_client(*state, start_simulator(*state, REPLAY, NULL)));
}

static void a_replay_serves_them_encrypted(void **state) {
    static const char key[] = VECTORS "/rsa/1024.pem";
    client *c = new_client(*state, start_simulator(*state, REPLAY, "--rsa-key", key, NULL));
    c->options.rsa_private_key_file = key;
    replayed(c);
}

static void a_replay_serves_them_over_websocket(void **state) {
    client *c = new_client(*state, start_simulator(*state, REPLAY, PLAIN_WEBSOCKET, NULL));
    c->options.transport = CAPDIST_TRANSPORT_WEBSOCKET;
    replayed(c);
}

/* A refusal names the stock, and has an errCode of 0. */
static void a_refusal_is_told_in_full(void **state) {
    static const struct {
        const char *language, *code, *text;
    } cases[] = {
        {"chs", "99999", "\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8 HK.99999"}, /* unknown stock */
        {"en", "99999", "Unknown stock 99999"},
        {"en", "00700", "NN_ProtoRet_TimeOut"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int port = start_simulator(*state, "--lang", cases[i].language, "--fault", "upstream-timeout@HK.00700", NULL);
        client *c = ready_client(*state, port);
        capdist_security security = {.market = CAPDIST_MARKET_HK};
        strcpy(security.code, cases[i].code);
        capdist_reply *reply = NULL;
        assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_REFUSED);
        assert_non_null(reply);
        assert_string_equal(reply->ret_msg, cases[i].text);
        assert_int_equal(reply->present, LIBRARY_FIELDS | CAPDIST_HAS_RET_TYPE | CAPDIST_HAS_RET_MSG | CAPDIST_HAS_ERR_CODE);
        assert_int_equal(reply->err_code, 0);
        capdist_reply_free(reply);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_file_is_sound),
        TEST(every_reply_comes_whole_between_pushes_of_its_number),
        TEST(a_waiting_request_is_not_answered_by_a_push),
        TEST(the_connection_stays_alive_among_pushes),
        TEST(a_replay_serves_them_in_clear),
        TEST(a_replay_serves_them_encrypted),
        TEST(a_replay_serves_them_over_websocket),
        TEST(a_refusal_is_told_in_full),
    };
    return cmocka_run_group_tests_name("opend-frames", tests, load_frames, NULL);
}
