/* Valid and invalid answers of a gateway, as a callback sees them. */
#include "support.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* The gateway's context: the body it answers with. */
static void answer_with_context(gateway *g, const frame *request) {
    gateway_reply(g, request, g->context);
}

/* Keeps a copy of the reply in the client's context. */
static void keep_reply(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    client *c = user_data;
    c->context = capdist_reply_copy(reply);
    record_reply(conn, serial_no, reply, c);
}

/* Requests HK.00700 and returns the reply, which the caller frees. */
static capdist_reply *answer_to(client *c) {
    capdist_security security = security_of("HK.00700");
    uint32_t serial_no;
    c->context = NULL;
    int before = count_of(c, EVENT_REPLY);
    assert_status(capdist_get_capital_distribution(c->conn, &security, NULL, keep_reply, c, &serial_no), CAPDIST_OK);
    note_accepted(c, serial_no);
    assert_true(wait_for(c, EVENT_REPLY, before + 1, PATIENCE_MS));
    capdist_reply *reply = c->context;
    assert_non_null(reply);
    assert_int_equal(reply->serial_no, serial_no);
    assert_int_equal(reply->security.market, CAPDIST_MARKET_HK);
    assert_string_equal(reply->security.code, "00700");
    return reply;
}

/* The same with a new gateway that answers with `body`. */
static capdist_reply *answer_from(fixture *f, message *body) {
    gateway *g = start_gateway(f);
    g->context = body;
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_context);
    return answer_to(ready_client(f, g->port));
}

/* ---- answers ---- */

static void every_field_of_an_answer_arrives(void **state) {
    message body = {0};
    put_distribution(&body, 100, true);
    put_text(&body, 2, "");
    put_number(&body, 3, 0);
    capdist_reply *r = answer_from(*state, &body);
    assert_int_equal(r->status, CAPDIST_OK);
    assert_int_equal(r->was_sent, 1);
    assert_int_equal(r->retry_after_ms, 0);
    assert_int_equal(r->present, LIBRARY_FIELDS | CAPDIST_HAS_RET_TYPE | CAPDIST_HAS_RET_MSG | CAPDIST_HAS_ERR_CODE);
    assert_int_equal(r->ret_type, 0);
    assert_int_equal(r->err_code, 0);
    assert_string_equal(r->ret_msg, "");
    assert_string_equal(r->desc, "");
    const capdist_capital_distribution *d = r->distribution;
    assert_non_null(d);
    assert_true(d->capital_in_big == 101 && d->capital_in_mid == 102 && d->capital_in_small == 103);
    assert_true(d->capital_out_big == 104 && d->capital_out_mid == 105 && d->capital_out_small == 106);
    assert_string_equal(d->update_time, "2022-06-08 10:44:21");
    assert_true(d->update_timestamp == 108 && d->capital_in_super == 109 && d->capital_out_super == 110);
    assert_int_equal(d->present, 0x7fe);
    assert_int_equal(r->body_length, body.length);
    assert_memory_equal(r->body, body.bytes, body.length);
    capdist_reply_free(r);
}

static void absent_optional_fields_are_nan_and_empty(void **state) {
    message body = {0};
    put_distribution(&body, 0, false);
    capdist_reply *r = answer_from(*state, &body);
    assert_int_equal(r->status, CAPDIST_OK);
    assert_int_equal(r->present, LIBRARY_FIELDS | CAPDIST_HAS_RET_TYPE);
    assert_string_equal(r->ret_msg, "");
    const capdist_capital_distribution *d = r->distribution;
    assert_int_equal(d->present, 0x7e);
    assert_true(isnan(d->capital_in_super) && isnan(d->capital_out_super) && isnan(d->update_timestamp));
    assert_string_equal(d->update_time, "");
    assert_true(d->capital_in_big == 1 && d->capital_out_small == 6);
    capdist_reply_free(r);
}

static void each_optional_field_is_told_apart(void **state) {
    static const int fields[] = {7, 8, 9, 10};
    for (size_t i = 0; i < COUNT(fields); i++) {
        message s2c = {0}, body = {0};
        for (int field = 1; field <= 6; field++) put_double(&s2c, field, 0);
        if (fields[i] == 7) {
            put_text(&s2c, 7, "");
        } else {
            put_double(&s2c, fields[i], 0);
        }
        put_number(&body, 1, 0);
        put_message(&body, 4, &s2c);
        capdist_reply *r = answer_from(*state, &body);
        assert_int_equal(r->status, CAPDIST_OK);
        const capdist_capital_distribution *d = r->distribution;
        assert_int_equal(d->present, 0x7e | 1 << fields[i]);
        assert_true(fields[i] == 8 ? d->update_timestamp == 0 : isnan(d->update_timestamp));
        assert_true(fields[i] == 9 ? d->capital_in_super == 0 : isnan(d->capital_in_super));
        assert_true(fields[i] == 10 ? d->capital_out_super == 0 : isnan(d->capital_out_super));
        capdist_reply_free(r);
    }
}

static void unknown_fields_are_skipped(void **state) {
    message s2c = {0}, body = {0};
    put_number(&s2c, 500, 7);
    for (int field = 1; field <= 6; field++) put_double(&s2c, field, field);
    put_text(&s2c, 77, "new");
    put_double(&s2c, 78, 1);
    put_text(&body, 1000, "newer");
    put_number(&body, 1, 0);
    put_message(&body, 4, &s2c);
    capdist_reply *r = answer_from(*state, &body);
    assert_int_equal(r->status, CAPDIST_OK);
    assert_true(r->distribution->capital_out_small == 6);
    capdist_reply_free(r);
}

static void copy_outlives_connection_and_original(void **state) {
    message body = {0};
    put_distribution(&body, 100, true);
    put_text(&body, 2, "\xe5\xa5\xbd");
    capdist_reply *first = answer_from(*state, &body);
    capdist_reply *second = capdist_reply_copy(first);
    assert_status(capdist_release(((fixture *)*state)->clients[0]->conn), CAPDIST_OK);
    assert_ptr_not_equal(first, second);
    assert_ptr_not_equal(first->distribution, second->distribution);
    assert_ptr_not_equal(first->body, second->body);
    memset((void *)(uintptr_t)first->body, 0xa5, first->body_length);
    capdist_reply_free(first);
    assert_int_equal(second->status, CAPDIST_OK);
    assert_string_equal(second->ret_msg, "\xe5\xa5\xbd");
    assert_string_equal(second->distribution->update_time, "2022-06-08 10:44:21");
    assert_true(second->distribution->capital_in_big == 101);
    assert_memory_equal(second->body, body.bytes, body.length);
    capdist_reply_free(second);
}

/* ---- refusals ---- */

static void refusal_carries_the_gateways_words(void **state) {
    message body = {0};
    put_refusal(&body, -1, "\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8");
    put_number(&body, 3, 12345);
    capdist_reply *r = answer_from(*state, &body);
    assert_int_equal(r->status, CAPDIST_REFUSED);
    assert_int_equal(r->ret_type, -1);
    assert_int_equal(r->err_code, 12345);
    assert_string_equal(r->ret_msg, "\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8");
    assert_int_equal(r->present, LIBRARY_FIELDS | CAPDIST_HAS_RET_TYPE | CAPDIST_HAS_RET_MSG | CAPDIST_HAS_ERR_CODE);
    assert_null(r->distribution);
    assert_int_equal(r->was_sent, 1);
    assert_int_equal(r->retry_after_ms, 0);
    assert_non_null(strstr(r->desc, r->ret_msg));
    assert_memory_equal(r->body, body.bytes, body.length);
    capdist_reply_free(r);
}

static void refusal_without_words_is_one(void **state) {
    static const int32_t types[] = {-1, -100, -200, -400, -500, 1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < COUNT(types); i++) {
        message body = {0};
        put_number(&body, 1, types[i]);
        capdist_reply *r = answer_from(*state, &body);
        assert_int_equal(r->status, CAPDIST_REFUSED);
        assert_int_equal(r->ret_type, types[i]);
        assert_int_equal(r->present, LIBRARY_FIELDS | CAPDIST_HAS_RET_TYPE);
        assert_string_equal(r->ret_msg, "");
        assert_true(strlen(r->desc) > 10);
        capdist_reply_free(r);
    }
}

static void refusal_with_figures_shows_none(void **state) {
    message body = {0}, whole = {0};
    const uint8_t *s2c;
    size_t length;
    put_distribution(&whole, 0, true);
    assert_true(find_field(whole.bytes, whole.length, 4, NULL, &s2c, &length));
    put_number(&body, 1, -1);
    put_bytes(&body, 4, s2c, length);
    capdist_reply *r = answer_from(*state, &body);
    assert_int_equal(r->status, CAPDIST_REFUSED);
    assert_null(r->distribution);
    capdist_reply_free(r);
}

/* ---- malformed answers ---- */

/* The next request on the same connection is answered. */
static void line_still_works(client *c, gateway *g) {
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    int before = count_of(c, EVENT_REPLY);
    uint32_t serial_no = ask(c, "700");
    assert_true(wait_for(c, EVENT_REPLY, before + 1, PATIENCE_MS));
    assert_int_equal(reply_to(c, serial_no).status, CAPDIST_OK);
    assert_int_equal(gateway_stream_count(g), 1);
    assert_int_equal(count_of(c, EVENT_DISCONNECT), 0);
}

static void is_malformed(void **state, message *body) {
    gateway *g = start_gateway(*state);
    g->context = body;
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_context);
    client *c = ready_client(*state, g->port);
    capdist_reply *r = answer_to(c);
    assert_status(r->status, CAPDIST_MALFORMED_REPLY);
    assert_null(r->distribution);
    assert_int_equal(r->was_sent, 1);
    assert_true(strlen(r->desc) > 10);
    assert_int_equal(r->body_length, body->length);
    if (body->length > 0) assert_memory_equal(r->body, body->bytes, body->length);
    capdist_reply_free(r);
    line_still_works(c, g);
}

static void empty_body_is_malformed(void **state) {
    message body = {0};
    is_malformed(state, &body);
}

static void truncated_body_is_malformed(void **state) {
    message whole = {0};
    put_distribution(&whole, 0, true);
    static const size_t cuts[] = {1, 3, 10, 50};
    for (size_t i = 0; i < COUNT(cuts); i++) {
        message body = whole;
        body.length -= cuts[i];
        is_malformed(state, &body);
    }
}

static void garbage_is_malformed(void **state) {
    message body = {.length = 300};
    for (size_t i = 0; i < body.length; i++) body.bytes[i] = (uint8_t)(0xff - i);
    is_malformed(state, &body);
}

static void success_without_s2c_is_malformed(void **state) {
    message body = {0};
    put_number(&body, 1, 0);
    put_text(&body, 2, "");
    is_malformed(state, &body);
}

static void answer_without_ret_type_is_malformed(void **state) {
    message whole = {0}, body = {0};
    const uint8_t *s2c;
    size_t length;
    put_distribution(&whole, 0, true);
    assert_true(find_field(whole.bytes, whole.length, 4, NULL, &s2c, &length));
    put_bytes(&body, 4, s2c, length);
    is_malformed(state, &body);
}

static void each_required_figure_is_required(void **state) {
    for (int missing = 1; missing <= 6; missing++) {
        message s2c = {0}, body = {0};
        for (int field = 1; field <= 10; field++) {
            if (field != missing && field != 7) put_double(&s2c, field, 5);
        }
        put_number(&body, 1, 0);
        put_message(&body, 4, &s2c);
        is_malformed(state, &body);
    }
}

/* ---- what protobuf-c refuses and the specification allows ---- */

static void put_raw(message *m, const char *bytes, size_t length) {
    memcpy(m->bytes + m->length, bytes, length);
    m->length += length;
}

/* The figures are 1 to 6. */
static void is_read(void **state, message *body) {
    capdist_reply *r = answer_from(*state, body);
    assert_status(r->status, CAPDIST_OK);
    assert_true(r->distribution->capital_in_big == 1 && r->distribution->capital_out_small == 6);
    /* The reply has the body unchanged. */
    assert_int_equal(r->body_length, body->length);
    assert_memory_equal(r->body, body->bytes, body->length);
    capdist_reply_free(r);
}

static void unknown_groups_are_skipped(void **state) {
    message body = {0};
    put_raw(&body, "\x7b\x08\x01\x83\x01\x84\x01\x7c", 8); /* 15 { 1: 1, 16 {} } */
    put_distribution(&body, 0, true);
    put_raw(&body, "\x7b\x7c", 2);
    is_read(state, &body);
}

static void a_message_in_pieces_is_one(void **state) {
    message first = {0}, second = {0}, body = {0};
    for (int field = 1; field <= 3; field++) put_double(&first, field, field);
    for (int field = 4; field <= 6; field++) put_double(&second, field, field);
    put_number(&body, 1, 0);
    put_message(&body, 4, &first);
    put_message(&body, 4, &second);
    is_read(state, &body);
}

static void an_optional_field_of_another_type_is_unknown(void **state) {
    message s2c = {0}, body = {0};
    for (int field = 1; field <= 6; field++) put_double(&s2c, field, field);
    put_number(&s2c, 9, 77);
    put_double(&s2c, 7, 77);
    put_number(&body, 1, 0);
    put_number(&body, 2, 77);
    put_message(&body, 4, &s2c);
    is_read(state, &body);
}

static void field_number_0_is_malformed(void **state) {
    static const char *const fields[] = {"\x00\x01", "\x80\x00\x01"};
    static const size_t lengths[] = {2, 3};
    for (size_t i = 0; i < COUNT(fields); i++) {
        message body = {0};
        put_distribution(&body, 0, true);
        put_raw(&body, fields[i], lengths[i]);
        is_malformed(state, &body);
    }
}

static void figure_of_another_type_is_malformed(void **state) {
    message s2c = {0}, body = {0};
    for (int field = 1; field <= 5; field++) put_double(&s2c, field, 5);
    put_number(&s2c, 6, 5);
    put_number(&body, 1, 0);
    put_message(&body, 4, &s2c);
    is_malformed(state, &body);
}

static void answer_with_wrong_sha1(gateway *g, const frame *request) {
    message body = {0};
    uint8_t bytes[HEADER_SIZE + sizeof body.bytes];
    put_distribution(&body, 0, true);
    size_t length = pack_frame(bytes, request->proto_id, request->serial_no, body.bytes, body.length);
    bytes[35] ^= 0x80;
    gateway_send_raw(g, request->stream, bytes, length);
}

static void wrong_sha1_is_malformed_and_keeps_the_stream(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_wrong_sha1);
    client *c = ready_client(*state, g->port);
    capdist_reply *r = answer_to(c);
    assert_status(r->status, CAPDIST_MALFORMED_REPLY);
    assert_null(r->distribution);
    assert_non_null(strstr(r->desc, "SHA-1"));
    capdist_reply_free(r);
    line_still_works(c, g);
}

/* ---- texts of the gateway that are not UTF-8 ---- */

static void texts_that_are_not_utf8_are_made_so(void **state) {
    message body = {0};
    put_refusal(&body, -1, "caf\xe9 \xff\xfe end");
    capdist_reply *r = answer_from(*state, &body);
    assert_int_equal(r->status, CAPDIST_REFUSED);
    char json[512];
    assert_true(capdist_reply_to_json(r, json, sizeof json) > 0);
    static const char *const texts[] = {"ret_msg", "desc", "json"};
    const char *values[] = {r->ret_msg, r->desc, json};
    for (size_t i = 0; i < COUNT(values); i++) {
        if (strchr(values[i], '\xe9') || strchr(values[i], '\xff')) fail_msg("%s is not UTF-8", texts[i]);
        assert_non_null(strstr(values[i], "\xef\xbf\xbd"));
        assert_non_null(strstr(values[i], " end"));
    }
    capdist_reply_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_field_of_an_answer_arrives),
        TEST(absent_optional_fields_are_nan_and_empty),
        TEST(each_optional_field_is_told_apart),
        TEST(unknown_fields_are_skipped),
        TEST(copy_outlives_connection_and_original),
        TEST(refusal_carries_the_gateways_words),
        TEST(refusal_without_words_is_one),
        TEST(refusal_with_figures_shows_none),
        TEST(empty_body_is_malformed),
        TEST(truncated_body_is_malformed),
        TEST(garbage_is_malformed),
        TEST(success_without_s2c_is_malformed),
        TEST(answer_without_ret_type_is_malformed),
        TEST(each_required_figure_is_required),
        TEST(unknown_groups_are_skipped),
        TEST(a_message_in_pieces_is_one),
        TEST(an_optional_field_of_another_type_is_unknown),
        TEST(field_number_0_is_malformed),
        TEST(figure_of_another_type_is_malformed),
        TEST(wrong_sha1_is_malformed_and_keeps_the_stream),
        TEST(texts_that_are_not_utf8_are_made_so),
    };
    return cmocka_run_group_tests_name("replies", tests, NULL, NULL);
}
