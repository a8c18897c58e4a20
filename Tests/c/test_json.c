/* capdist_reply_to_json(): the gateway's answer as text. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

static void answer_with_context(gateway *g, const frame *request) {
    gateway_reply(g, request, g->context);
}

/* A reply to HK.00700 from a gateway that answers with `body`; the caller frees it. */
static capdist_reply *reply_with(fixture *f, message *body) {
    gateway *g = start_gateway(f);
    g->context = body;
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_with_context);
    client *c = ready_client(f, g->port);
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply = NULL;
    capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply);
    assert_non_null(reply);
    return reply;
}

static void is_json(const capdist_reply *reply, const char *expected) {
    char text[2048];
    assert_int_equal(capdist_reply_to_json(reply, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
}

/* ---- the seed's figures ---- */

static const char seed[] = "{\n"
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
                           "}";

static capdist_reply *seed_reply(fixture *f) {
    client *c = ready_client(f, start_simulator(f, "--no-quota", NULL));
    capdist_security security = security_of("HK.00700");
    capdist_reply *reply = NULL;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, NULL, &reply), CAPDIST_OK);
    return reply;
}

static void seeds_figures_are_the_seeds_text(void **state) {
    capdist_reply *r = seed_reply(*state);
    is_json(r, seed);
    capdist_reply_free(r);
}

static void text_is_cut_like_snprintf(void **state) {
    capdist_reply *r = seed_reply(*state);
    size_t whole = strlen(seed);
    assert_int_equal(capdist_reply_to_json(r, NULL, 0), whole);
    char text[1024], expected[1024];
    for (size_t size = 0; size <= whole + 2; size++) {
        memset(text, '#', sizeof text);
        memset(expected, '#', sizeof expected);
        assert_int_equal(capdist_reply_to_json(r, text, size), whole);
        snprintf(expected, size, "%s", seed);
        assert_memory_equal(text, expected, sizeof text);
    }
    assert_int_equal(capdist_reply_to_json(r, NULL, 1), -1);
    assert_true(strlen(capdist_last_error()) > 0);
    capdist_reply_free(r);
}

/* ---- what is omitted ---- */

static void absent_fields_are_left_out(void **state) {
    message body = {0};
    put_distribution(&body, 0, false);
    capdist_reply *r = reply_with(*state, &body);
    is_json(r, "{\n"
               "  \"retType\": 0,\n"
               "  \"s2c\": {\n"
               "    \"capitalInBig\": 1,\n"
               "    \"capitalInMid\": 2,\n"
               "    \"capitalInSmall\": 3,\n"
               "    \"capitalOutBig\": 4,\n"
               "    \"capitalOutMid\": 5,\n"
               "    \"capitalOutSmall\": 6\n"
               "  }\n"
               "}");
    capdist_reply_free(r);
}

static void reply_without_an_answer_is_empty(void **state) {
    gateway *g = start_gateway(*state);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_nothing);
    client *c = ready_client(*state, g->port);
    capdist_request_options o = request_defaults();
    o.reply_timeout_ms = 50;
    capdist_security security = security_of("HK.00700");
    capdist_reply *r;
    assert_status(capdist_fetch_capital_distribution(c->conn, &security, &o, &r), CAPDIST_REPLY_TIMEOUT);
    is_json(r, "{}");
    capdist_reply_free(r);
}

/* ---- texts ---- */

static void refusal_shows_chinese_as_it_is(void **state) {
    message body = {0};
    put_refusal(&body, -1, "\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8"); /* unknown stock */
    capdist_reply *r = reply_with(*state, &body);
    is_json(r, "{\n"
               "  \"retType\": -1,\n"
               "  \"retMsg\": \"\xe6\x9c\xaa\xe7\x9f\xa5\xe8\x82\xa1\xe7\xa5\xa8\"\n"
               "}");
    /* Cut to any size, the text is a prefix, even if that ends inside a character. */
    char text[100], whole[100];
    int64_t length = capdist_reply_to_json(r, whole, sizeof whole);
    for (size_t size = 1; size <= (size_t)length; size++) {
        assert_int_equal(capdist_reply_to_json(r, text, size), length);
        assert_int_equal(strlen(text), size - 1);
        assert_memory_equal(text, whole, size - 1);
    }
    capdist_reply_free(r);
}

static void quotes_and_control_characters_are_escaped(void **state) {
    message body = {0};
    put_refusal(&body, -500, "say \"no\"\\\n\r\t\x01\x1f \xf0\x9f\x93\x88 /end");
    put_number(&body, 3, -7);
    capdist_reply *r = reply_with(*state, &body);
    is_json(r, "{\n"
               "  \"retType\": -500,\n"
               "  \"retMsg\": \"say \\\"no\\\"\\\\\\n\\r\\t\\u0001\\u001f \xf0\x9f\x93\x88 /end\",\n"
               "  \"errCode\": -7\n"
               "}");
    capdist_reply_free(r);
}

/* ---- numbers ---- */

/* `value` in the JSON. */
static void number_text(fixture *f, double value, char *out, size_t size) {
    message s2c = {0}, body = {0};
    put_double(&s2c, 1, value);
    for (int field = 2; field <= 6; field++) put_double(&s2c, field, 0);
    put_number(&body, 1, 0);
    put_message(&body, 4, &s2c);
    capdist_reply *r = reply_with(f, &body);
    char text[1024];
    assert_true(capdist_reply_to_json(r, text, sizeof text) < (int64_t)sizeof text);
    capdist_reply_free(r);
    const char *start = strstr(text, "\"capitalInBig\": ");
    assert_non_null(start);
    start += strlen("\"capitalInBig\": ");
    snprintf(out, size, "%.*s", (int)strcspn(start, ",\n"), start);
}

/* As std::to_chars writes them: the shortest digits that read back, with an exponent from 1e15 up and below 1e-4. */
static const struct {
    double value;
    const char *text;
} numbers[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-1, "-1"},
    {0.1, "0.1"},
    {0.5, "0.5"},
    {1.0 / 3, "0.3333333333333333"},
    {859479380.25, "859479380.25"},
    {123456789012345.6, "123456789012345.6"},
    {999999999999999, "999999999999999"},
    {-999999999999999, "-999999999999999"},
    {999999999999999.9, "999999999999999.9"},
    {1e15, "1e+15"},
    {-1e15, "-1e+15"},
    {1234567890123456, "1.234567890123456e+15"},
};

static const struct {
    double value;
    const char *text;
} extremes[] = {
    {9007199254740992, "9.007199254740992e+15"},
    {1e22, "1e+22"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {0.0001, "0.0001"},
    {0.00012345, "0.00012345"},
    {0.00001, "1e-05"},
    {1e-7, "1e-07"},
    {-1.5e-9, "-1.5e-09"},
    {1e-10, "1e-10"},
    {5e-324, "5e-324"},
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
};

static void shows(fixture *f, double value, const char *expected) {
    char text[64];
    number_text(f, value, text, sizeof text);
    assert_string_equal(text, expected);
    double back = strtod(text, NULL);
    assert_memory_equal(&back, &value, sizeof value);
}

static void numbers_are_cpps(void **state) {
    for (size_t i = 0; i < COUNT(numbers); i++) shows(*state, numbers[i].value, numbers[i].text);
}

static void very_large_and_small_numbers_are_cpps(void **state) {
    for (size_t i = 0; i < COUNT(extremes); i++) shows(*state, extremes[i].value, extremes[i].text);
}

static void what_json_has_no_number_for_is_a_string(void **state) {
    char text[64];
    number_text(*state, (double)NAN, text, sizeof text);
    assert_string_equal(text, "\"NaN\"");
    number_text(*state, -(double)NAN, text, sizeof text);
    assert_string_equal(text, "\"NaN\"");
    number_text(*state, (double)INFINITY, text, sizeof text);
    assert_string_equal(text, "\"Infinity\"");
    number_text(*state, -(double)INFINITY, text, sizeof text);
    assert_string_equal(text, "\"-Infinity\"");
}

static void present_nan_is_told_from_an_absent_field(void **state) {
    message s2c = {0}, body = {0};
    for (int field = 1; field <= 6; field++) put_double(&s2c, field, 0);
    put_double(&s2c, 9, (double)NAN);
    put_number(&body, 1, 0);
    put_message(&body, 4, &s2c);
    capdist_reply *r = reply_with(*state, &body);
    char text[1024];
    assert_true(capdist_reply_to_json(r, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\"capitalInSuper\": \"NaN\""));
    assert_null(strstr(text, "capitalOutSuper"));
    assert_true(isnan(r->distribution->capital_in_super) && isnan(r->distribution->capital_out_super));
    assert_int_equal(r->distribution->present & (CAPDIST_HAS_CAPITAL_IN_SUPER | CAPDIST_HAS_CAPITAL_OUT_SUPER),
                     CAPDIST_HAS_CAPITAL_IN_SUPER);
    capdist_reply_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(seeds_figures_are_the_seeds_text),
        TEST(text_is_cut_like_snprintf),
        TEST(absent_fields_are_left_out),
        TEST(reply_without_an_answer_is_empty),
        TEST(refusal_shows_chinese_as_it_is),
        TEST(quotes_and_control_characters_are_escaped),
        TEST(numbers_are_cpps),
        TEST(very_large_and_small_numbers_are_cpps),
        TEST(what_json_has_no_number_for_is_a_string),
        TEST(present_nan_is_told_from_an_absent_field),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
