/* The same storms over WebSocket, every second one with TLS. */
#include "support_fault_cases.h"

#include <stdlib.h>

#include "fault_cases.h"

static const fault_case own_cases[] = {
    /* There is no SHA-1, so a wrong SHA-1 or a wrong bit is not detected. */
    HARMLESS("bad-sha1", SET(OK)),
    { .name = "flipped-bit", .faults = BAD("flipped-bit"),
      .bad = { .statuses = SET(OK) | SET(MALFORMED_REPLY) | SET(REFUSED), .amounts = ANY_AT_ALL, .text = "*" },
      .good = ONLY(SET(OK)), .must = SET(OK) | SET(MALFORMED_REPLY) },
    /* The rest of a message is read as a frame, or as the beginning of one. */
    { .name = "short-length", .faults = BAD("short-length"),
      .bad = ONLY(SET(MALFORMED_REPLY) | SET(DISCONNECTED) | SET(REPLY_TIMEOUT)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED) | SET(REPLY_TIMEOUT)), .must = SET(OK), .bad_timeout_ms = 300,
      .good_timeout_ms = 300, .stays_bad = true },
    { .name = "random-bytes", .faults = BAD("random-bytes"), .bad = ONLY(SET(DISCONNECTED) | SET(REPLY_TIMEOUT)),
      .good = ONLY(SET(OK) | SET(DISCONNECTED) | SET(REPLY_TIMEOUT)), .must = SET(DISCONNECTED) | SET(OK),
      .bad_timeout_ms = 300, .good_timeout_ms = 300, .stays_bad = true },
    DEADLY("huge-length=4194349"),
    GREETED("init-no-content"),
    UNREACHABLE("empty-body@1001", PROTOCOL_ERROR),
    UNREACHABLE("missing-field@1001", PROTOCOL_ERROR),
    UNREACHABLE("bad-magic@1001", PROTOCOL_ERROR),
    UNREACHABLE("json-format@1001", PROTOCOL_ERROR),
    UNREACHABLE("never@1001", CONNECT_TIMEOUT),
    UNREACHABLE("close-in-header@1001", CONNECT_FAILED),
    UNREACHABLE("accept-close", CONNECT_FAILED),
    UNREACHABLE("accept-silent", CONNECT_TIMEOUT),
    GREETED("key-length=1048576"),
    HARMLESS("clear", SET(OK)),
};

/* Common cases with another result here. */
static bool is_left_out(const char *name) {
    static const char *const names[] = {"bad-sha1", "random-bytes", "huge-length=4194305"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) return true;
    }
    return false;
}

enum { MOST = COUNT(common_cases) + 2 * COUNT(own_cases) };

int main(void) {
    static fault_run runs[MOST];
    static char names[MOST][64];
    struct CMUnitTest tests[MOST];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(common_cases); i++) {
        if (is_left_out(common_cases[i].name)) continue;
        runs[count].fault = &common_cases[i];
        runs[count++].transport = i % 2 ? CAPDIST_TRANSPORT_WEBSOCKET : CAPDIST_TRANSPORT_WEBSOCKET_TLS;
    }
    for (size_t i = 0; i < COUNT(own_cases); i++) {
        for (int32_t tls = 0; tls < 2; tls++) {
            runs[count].fault = &own_cases[i];
            runs[count++].transport = CAPDIST_TRANSPORT_WEBSOCKET + tls;
        }
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "%s, %s", runs[i].fault->name,
                 runs[i].transport == CAPDIST_TRANSPORT_WEBSOCKET ? "plain" : "TLS");
        tests[i] = (struct CMUnitTest){names[i], run_fault_case, setup_fault_case, teardown_fault_case, &runs[i]};
    }
    return _cmocka_run_group_tests("faults over WebSocket", tests, count, NULL, NULL);
}
