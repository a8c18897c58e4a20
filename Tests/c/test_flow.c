/* The arguments of capdist_flow_of(). Tests/cases/flows.json has its results, for all languages. */
#include "support.h"

static const int32_t none[] = {0, -1, CAPDIST_FLOW_TOTAL + 1, INT32_MAX, INT32_MIN};

static void derives_every_group(void **state) {
    (void)state;
    const capdist_capital_distribution figures = {
        .capital_in_super = 1, .capital_in_big = 2, .capital_in_mid = 3, .capital_in_small = 4,
        .capital_out_super = 10, .capital_out_big = 20, .capital_out_mid = 30, .capital_out_small = 40,
    };
    static const double in[] = {0, 1, 2, 3, 4, 3, 7, 10};
    for (int32_t group = CAPDIST_FLOW_SUPER; group <= CAPDIST_FLOW_TOTAL; group++) {
        capdist_flow flow;
        assert_status(capdist_flow_of(&figures, group, &flow), CAPDIST_OK);
        assert_true(flow.capital_in == in[group] && flow.capital_out == 10 * in[group]);
        assert_true(flow.net == -9 * in[group] && flow.out_share == 10 / 11.0);
    }
}

static void refuses_what_is_no_group_and_changes_nothing(void **state) {
    (void)state;
    const capdist_capital_distribution figures = {0};
    for (size_t i = 0; i < COUNT(none); i++) {
        capdist_flow flow, before;
        memset(&flow, 0xa5, sizeof flow);
        memset(&before, 0xa5, sizeof before);
        assert_status(capdist_flow_of(&figures, none[i], &flow), CAPDIST_INVALID_ARGUMENT);
        assert_non_null(strstr(capdist_last_error(), "group"));
        assert_memory_equal(&flow, &before, sizeof flow);
    }
}

static void refuses_null(void **state) {
    (void)state;
    const capdist_capital_distribution figures = {0};
    capdist_flow flow;
    assert_status(capdist_flow_of(NULL, CAPDIST_FLOW_MAIN, &flow), CAPDIST_INVALID_ARGUMENT);
    assert_non_null(strstr(capdist_last_error(), "distribution is NULL"));
    assert_status(capdist_flow_of(&figures, CAPDIST_FLOW_MAIN, NULL), CAPDIST_INVALID_ARGUMENT);
    assert_non_null(strstr(capdist_last_error(), "flow is NULL"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derives_every_group),
        cmocka_unit_test(refuses_what_is_no_group_and_changes_nothing),
        cmocka_unit_test(refuses_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
