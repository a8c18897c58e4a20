/* The statuses' names and sentences, the version, and the calling thread's last error. */
#include "statuses.h"
#include "support.h"

static const struct {
    capdist_status status;
    int number;
    const char *name;
} statuses[] = {
#define STATUS(name, number) {name, number, #name},
    CAPDIST_STATUSES(STATUS)
};

static void every_status_has_its_number_name_and_sentence(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        assert_int_equal(statuses[i].status, statuses[i].number);
        assert_string_equal(capdist_status_name(statuses[i].status), statuses[i].name);
        const char *text = capdist_status_text(statuses[i].status);
        assert_true(strlen(text) > 4 && text[strlen(text) - 1] == '.');
        for (size_t k = 0; k < i; k++) assert_string_not_equal(text, capdist_status_text(statuses[k].status));
    }
}

static void numbers_between_are_no_statuses(void **state) {
    (void)state;
    int known = 0;
    for (int number = -100; number < 1000; number++) {
        bool is_status = strcmp(capdist_status_name(number), "CAPDIST_UNKNOWN") != 0;
        known += is_status;
        assert_true(strlen(capdist_status_text(number)) > 0);
    }
    assert_int_equal(known, COUNT(statuses));
    assert_string_equal(capdist_status_name(INT32_MIN), "CAPDIST_UNKNOWN");
    assert_string_equal(capdist_status_name(INT32_MAX), "CAPDIST_UNKNOWN");
    assert_true(strlen(capdist_status_text(INT32_MIN)) > 0);
    assert_true(strlen(capdist_status_text(INT32_MAX)) > 0);
}

static void status_texts_are_static(void **state) {
    (void)state;
    assert_ptr_equal(capdist_status_name(CAPDIST_OK), capdist_status_name(CAPDIST_OK));
    assert_ptr_equal(capdist_status_text(CAPDIST_REFUSED), capdist_status_text(CAPDIST_REFUSED));
}

static void version_is_the_headers(void **state) {
    (void)state;
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", CAPDIST_VERSION_MAJOR, CAPDIST_VERSION_MINOR,
             CAPDIST_VERSION_PATCH);
    assert_string_equal(capdist_version(), expected);
}

static void err_code_macros_take_the_vendors_layout_apart(void **state) {
    (void)state;
    int64_t err_code = (int64_t)CAPDIST_ERR_KIND_INIT_CONNECT << 32 | CAPDIST_INIT_CONNECT_REFUSED;
    assert_int_equal(CAPDIST_ERR_KIND(err_code), 100);
    assert_int_equal(CAPDIST_ERR_CODE(err_code), 5);
    assert_int_equal(CAPDIST_ERR_KIND(0), 0);
    assert_int_equal(CAPDIST_ERR_CODE(0), 0);
}

/* The last error of a thread without a refused call, and then after one. */
typedef struct seen {
    char before[64], after[256];
} seen;

static void *look(void *argument) {
    seen *s = argument;
    snprintf(s->before, sizeof s->before, "%s", capdist_last_error());
    capdist_release(NULL);
    snprintf(s->after, sizeof s->after, "%s", capdist_last_error());
    return NULL;
}

static void last_error_belongs_to_the_thread(void **state) {
    (void)state;
    capdist_security security;
    assert_status(capdist_security_parse("nonsense", &security), CAPDIST_INVALID_ARGUMENT);
    char mine[256];
    snprintf(mine, sizeof mine, "%s", capdist_last_error());
    assert_true(strlen(mine) > 10);
    pthread_t thread;
    seen s;
    memset(&s, '#', sizeof s);
    assert_int_equal(pthread_create(&thread, NULL, look, &s), 0);
    pthread_join(thread, NULL);
    assert_string_equal(s.before, "");
    assert_true(strlen(s.after) > 5);
    assert_string_not_equal(s.after, mine);
    assert_string_equal(capdist_last_error(), mine);
}

static void last_error_survives_calls_that_succeed(void **state) {
    (void)state;
    capdist_security security;
    assert_status(capdist_security_parse("HK.", &security), CAPDIST_INVALID_ARGUMENT);
    char text[256];
    snprintf(text, sizeof text, "%s", capdist_last_error());
    assert_status(capdist_security_parse("HK.00700", &security), CAPDIST_OK);
    assert_string_equal(capdist_last_error(), text);
    assert_status(capdist_security_parse("XX.1", &security), CAPDIST_INVALID_ARGUMENT);
    assert_string_not_equal(capdist_last_error(), text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_status_has_its_number_name_and_sentence),
        TEST(numbers_between_are_no_statuses),
        TEST(status_texts_are_static),
        TEST(version_is_the_headers),
        TEST(err_code_macros_take_the_vendors_layout_apart),
        TEST(last_error_belongs_to_the_thread),
        TEST(last_error_survives_calls_that_succeed),
    };
    return cmocka_run_group_tests_name("texts", tests, NULL, NULL);
}
