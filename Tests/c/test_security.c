/* capdist_security_parse() and capdist_security_format(). */
#include "support.h"

#include <stdlib.h>

static void parse_knows_every_market(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int32_t market;
        const char *code;
    } cases[] = {
        {"HK.00700", CAPDIST_MARKET_HK, "00700"},   {"US.AAPL", CAPDIST_MARKET_US, "AAPL"},
        {"SH.600519", CAPDIST_MARKET_SH, "600519"}, {"SZ.000001", CAPDIST_MARKET_SZ, "000001"},
        {"SG.D05", CAPDIST_MARKET_SG, "D05"},       {"JP.7203", CAPDIST_MARKET_JP, "7203"},
        {"AU.BHP", CAPDIST_MARKET_AU, "BHP"},       {"MY.1155", CAPDIST_MARKET_MY, "1155"},
        {"CA.RY", CAPDIST_MARKET_CA, "RY"},         {"FX.USDCNH", CAPDIST_MARKET_FX, "USDCNH"},
        {"CC.BTC", CAPDIST_MARKET_CC, "BTC"},       {"HK_FUTURE.HSImain", CAPDIST_MARKET_HK_FUTURE, "HSImain"},
        {"EC.X", CAPDIST_MARKET_EC, "X"},           {"#999.X", 999, "X"},
        {"#2147483647.x", INT32_MAX, "x"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        capdist_security security;
        assert_status(capdist_security_parse(cases[i].text, &security), CAPDIST_OK);
        assert_int_equal(security.market, cases[i].market);
        assert_string_equal(security.code, cases[i].code);
        char text[80];
        assert_int_equal(capdist_security_format(&security, text, sizeof text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
}

static void parse_splits_at_the_first_dot(void **state) {
    (void)state;
    assert_string_equal(security_of("US.BRK.B").code, "BRK.B");
    assert_string_equal(security_of("US..DJI").code, ".DJI");
    assert_string_equal(security_of("HK.0.").code, "0.");
}

static void parse_takes_utf8_codes_up_to_59_bytes(void **state) {
    (void)state;
    assert_string_equal(security_of("HK.\xe8\x85\xbe\xe8\xae\xaf").code, "\xe8\x85\xbe\xe8\xae\xaf");
    char text[80] = "HK.";
    memset(text + 3, '7', CAPDIST_CODE_SIZE - 1);
    capdist_security security;
    assert_status(capdist_security_parse(text, &security), CAPDIST_OK);
    assert_int_equal(strlen(security.code), CAPDIST_CODE_SIZE - 1);
}

/* Refused with an error text, and the struct is unchanged. */
static void refuse_text(const char *text) {
    capdist_security security, before;
    memset(&security, 0xa5, sizeof security);
    memset(&before, 0xa5, sizeof before);
    if (capdist_security_parse(text, &security) != CAPDIST_INVALID_ARGUMENT) fail_msg("not refused: \"%s\"", text);
    assert_memory_equal(&security, &before, sizeof security);
    assert_true(strlen(capdist_last_error()) > 10);
}

static void parse_refuses_an_unknown_market(void **state) {
    (void)state;
    refuse_text("XX.1");
    refuse_text(".00700");
    refuse_text("HKX.1");
    refuse_text("H.1");
    refuse_text("HK .00700");
    refuse_text("#.1");
    refuse_text("#0.1");
    refuse_text("#2147483648.1");
    refuse_text("#+1.1");
}

/* Replaces \n, \r and \t in the table. */
static void unescape(char *text) {
    char *to = text;
    for (; *text; text++) {
        if (text[0] == '\\' && text[1]) {
            text++;
            *to++ = *text == 'n' ? '\n' : *text == 'r' ? '\r' : '\t';
        } else {
            *to++ = *text;
        }
    }
    *to = 0;
}

/* Tests/cases/securities.tsv, which every language's tests use. */
static void spellings_are_read_or_refused_with_what_was_meant(void **state) {
    (void)state;
    FILE *table = fopen(VECTORS "/../cases/securities.tsv", "r");
    assert_non_null(table);
    char line[256];
    int read = 0, refused = 0;
    while (fgets(line, sizeof line, table)) {
        if (strncmp(line, "# ", 2) == 0) continue;
        line[strcspn(line, "\n")] = 0;
        char *written = line, *expected = strchr(line, '\t');
        assert_non_null(expected);
        *expected++ = 0;
        char *meant = strchr(expected, '\t');
        assert_non_null(meant);
        *meant++ = 0;
        unescape(written);
        capdist_security security;
        capdist_status status = capdist_security_parse(written, &security);
        if (strcmp(expected, "-") != 0) {
            char text[80] = "refused";
            if (status == CAPDIST_OK) capdist_security_format(&security, text, sizeof text);
            if (strcmp(text, expected) != 0) fail_msg("\"%s\" is read as %s instead of %s", written, text, expected);
            read++;
            continue;
        }
        if (status != CAPDIST_INVALID_ARGUMENT) fail_msg("\"%s\" is not refused", written);
        char named[80];
        snprintf(named, sizeof named, "was %s meant?", meant);
        const char *why = capdist_last_error();
        if (strcmp(meant, "-") == 0 ? strstr(why, "meant") != NULL : strstr(why, named) == NULL) {
            fail_msg("\"%s\" is refused with: %s", written, why);
        }
        refused++;
    }
    fclose(table);
    assert_true(read > 15 && refused > 30);
}

static void parse_refuses_an_empty_text_or_code(void **state) {
    (void)state;
    refuse_text("");
    refuse_text("HK.");
    refuse_text(".");
}

static void parse_refuses_a_text_without_a_dot(void **state) {
    (void)state;
    refuse_text("HK");
    refuse_text("HK00700");
    refuse_text("00700");
}

static void parse_refuses_an_overlong_code(void **state) {
    (void)state;
    char text[80] = "HK.";
    memset(text + 3, '7', CAPDIST_CODE_SIZE);
    refuse_text(text);
    char *huge = malloc(1 << 20);
    assert_non_null(huge);
    memset(huge, '7', 1 << 20);
    memcpy(huge, "HK.", 3);
    huge[(1 << 20) - 1] = 0;
    refuse_text(huge);
    huge[2] = '7'; /* there is no dot */
    refuse_text(huge);
    free(huge);
}

static void parse_refuses_codes_that_are_no_printable_utf8(void **state) {
    (void)state;
    refuse_text("HK.00\xff" "700");
    refuse_text("HK.\xc3");             /* cut short */
    refuse_text("HK.\xc0\xaf");         /* overlong */
    refuse_text("HK.\xed\xa0\x80");     /* a surrogate */
    refuse_text("HK.\xf4\x90\x80\x80"); /* above U+10FFFF */
    refuse_text("HK.007\n00");
    refuse_text("HK.\x01");
    refuse_text("HK.00700\x7f");
}

static void parse_refuses_null(void **state) {
    (void)state;
    capdist_security security;
    assert_status(capdist_security_parse(NULL, &security), CAPDIST_INVALID_ARGUMENT);
    assert_status(capdist_security_parse("HK.00700", NULL), CAPDIST_INVALID_ARGUMENT);
    assert_status(capdist_security_parse(NULL, NULL), CAPDIST_INVALID_ARGUMENT);
}

static void format_cuts_like_snprintf(void **state) {
    (void)state;
    capdist_security security = security_of("HK.00700");
    for (size_t size = 0; size < 16; size++) {
        char text[16], expected[16];
        memset(text, '#', sizeof text);
        memset(expected, '#', sizeof expected);
        assert_int_equal(capdist_security_format(&security, text, size), 8);
        snprintf(expected, size, "HK.00700");
        assert_memory_equal(text, expected, sizeof text);
    }
    assert_int_equal(capdist_security_format(&security, NULL, 0), 8);
}

static void format_refuses_null(void **state) {
    (void)state;
    capdist_security security = security_of("HK.00700");
    char text[16];
    assert_int_equal(capdist_security_format(NULL, text, sizeof text), -1);
    assert_true(strlen(capdist_last_error()) > 0);
    assert_int_equal(capdist_security_format(NULL, NULL, 0), -1);
    assert_int_equal(capdist_security_format(&security, NULL, 16), -1);
}

static void format_refuses_what_is_no_security(void **state) {
    (void)state;
    capdist_security securities[] = {{0, "00700"}, {1, " 00700"}, {-1, "00700"}, {1, "00700 "}, {CAPDIST_MARKET_HK, ""},
                                     {CAPDIST_MARKET_HK, "\xff"}, {CAPDIST_MARKET_HK, "0\t0"},
                                     /* an ideographic space, a no-break space */
                                     {CAPDIST_MARKET_HK, "\xe3\x80\x80"}, {CAPDIST_MARKET_HK, "\xc2\xa0" "00700"},
                                     {CAPDIST_MARKET_HK, ""}};
    memset(securities[COUNT(securities) - 1].code, '7', CAPDIST_CODE_SIZE); /* no NUL */
    for (size_t i = 0; i < COUNT(securities); i++) {
        char text[8];
        memset(text, '#', sizeof text);
        if (capdist_security_format(&securities[i], text, sizeof text) != -1) fail_msg("case %zu was not refused", i);
        assert_true(strlen(capdist_last_error()) > 10);
        assert_memory_equal(text, "########", sizeof text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(parse_knows_every_market),
        TEST(parse_splits_at_the_first_dot),
        TEST(parse_takes_utf8_codes_up_to_59_bytes),
        TEST(parse_refuses_an_unknown_market),
        TEST(spellings_are_read_or_refused_with_what_was_meant),
        TEST(parse_refuses_an_empty_text_or_code),
        TEST(parse_refuses_a_text_without_a_dot),
        TEST(parse_refuses_an_overlong_code),
        TEST(parse_refuses_codes_that_are_no_printable_utf8),
        TEST(parse_refuses_null),
        TEST(format_cuts_like_snprintf),
        TEST(format_refuses_null),
        TEST(format_refuses_what_is_no_security),
    };
    return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
