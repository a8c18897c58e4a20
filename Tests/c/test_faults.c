/* Every fault of the simulator, with several connections, several threads and many requests. */
#include "support_fault_cases.h"

#include <stdlib.h>

#include "fault_cases.h"

static const fault_case own_cases[] = {
    MALFORMED("flipped-bit"),
    MALFORMED("bad-sha1"),
    { .name = "short-length", .faults = BAD("short-length"), .bad = ONLY(SET(MALFORMED_REPLY) | SET(DISCONNECTED)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED)), .must = SET(MALFORMED_REPLY) | SET(OK) },
    UNREACHABLE("init-no-content", PROTOCOL_ERROR),
    UNREACHABLE("truncated@1001", PROTOCOL_ERROR),
    UNREACHABLE("bad-sha1@1001", PROTOCOL_ERROR),
    UNREACHABLE("bad-magic@1001", PROTOCOL_ERROR),
    UNREACHABLE("never@1001", CONNECT_TIMEOUT),
    GREETED("key-length=0"),
    GREETED("key-length"),
    GREETED("key-length=1048576"),
    UNREACHABLE("accept-close", CONNECT_FAILED),
    UNREACHABLE("accept-silent", CONNECT_TIMEOUT),
    /* Faults of encryption, without encryption. */
    HARMLESS("clear", SET(OK)),
    HARMLESS("truncated-block", SET(OK)),
    HARMLESS("wrong-tail", SET(OK)),
    GREETED("no-iv"),
    GREETED("iv-length"),
};

enum { CASES = COUNT(common_cases) + COUNT(own_cases) };

static const fault_case *case_at(size_t i) {
    return i < COUNT(common_cases) ? &common_cases[i] : &own_cases[i - COUNT(common_cases)];
}

/* ---- every fault has a case ---- */

static bool has_case(const char *fault) {
    size_t length = strlen(fault);
    for (size_t i = 0; i < CASES; i++) {
        const fault_case *one = case_at(i);
        for (int k = 0; k < 3 && one->faults[k]; k++) {
            const char *name = one->faults[k];
            if (strncmp(name, fault, length) == 0 && strchr("=@", name[length])) return true;
        }
    }
    return false;
}

static void every_fault_has_a_case(void **state) {
    (void)state;
    char command[4200], line[256];
    snprintf(command, sizeof command, "'%s' --help", getenv("CAPDIST_SIMULATOR"));
    FILE *help = popen(command, "r");
    assert_non_null(help);
    bool lists_faults = false;
    int faults = 0, missing = 0;
    while (fgets(line, sizeof line, help)) {
        if (strncmp(line, "faults of ", 10) == 0) lists_faults = true;
        if (strcmp(line, "\n") == 0) lists_faults = false;
        if (!lists_faults || strncmp(line, "  ", 2) != 0) continue;
        line[2 + strcspn(line + 2, " [")] = 0;
        faults++;
        if (has_case(line + 2)) continue;
        print_error("no case for %s\n", line + 2);
        missing++;
    }
    assert_int_equal(pclose(help), 0);
    assert_true(faults >= 57);
    assert_int_equal(missing, 0);
}

int main(void) {
    static fault_run runs[CASES];
    struct CMUnitTest tests[CASES + 1];
    for (size_t i = 0; i < CASES; i++) {
        runs[i].fault = case_at(i);
        tests[i] = (struct CMUnitTest){runs[i].fault->name, run_fault_case, setup_fault_case, teardown_fault_case,
                                       &runs[i]};
    }
    tests[CASES] = (struct CMUnitTest)TEST(every_fault_has_a_case);
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
