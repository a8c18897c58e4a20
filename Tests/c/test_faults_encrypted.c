/* The same storms with encryption. Faults with the same result run with one cipher each, the others with every cipher that they
 * affect. */
#include "support_fault_cases.h"

#include <stdlib.h>

#include "fault_cases.h"

enum { FTAES = 1 << CAPDIST_CIPHER_FTAES_ECB, ECB = 1 << CAPDIST_CIPHER_AES_ECB, CBC = 1 << CAPDIST_CIPHER_AES_CBC };

/* No answer of this gateway can be decrypted. */
#define ESTRANGED(fault) \
    { .name = fault, .faults = { fault }, .bad = ONLY(SET(DISCONNECTED)), .good = ONLY(SET(DISCONNECTED)), \
      .must = SET(DISCONNECTED), .stays_bad = true }

static const struct own_case {
    unsigned ciphers; /* the ciphers to run with */
    fault_case fault;
} own_cases[] = {
    /* Only one of FTAES_ECB's last 16 bytes counts, so the body may be correct in spite of a wrong bit. */
    {FTAES,
     {.name = "flipped-bit", .faults = BAD("flipped-bit"),
      .bad = ONLY(SET(OK) | SET(DISCONNECTED)), .good = ONLY(SET(OK) | SET(DISCONNECTED)),
      .must = SET(DISCONNECTED) | SET(OK)}},
    {ECB | CBC, DEADLY("flipped-bit")},
    {FTAES | ECB | CBC, DEADLY("short-length")},
    {FTAES | ECB | CBC, DEADLY("bad-sha1")},
    {FTAES | ECB | CBC, DEADLY("clear")},
    {FTAES | ECB | CBC, DEADLY("truncated-block")},
    {FTAES | ECB | CBC, DEADLY("wrong-tail")},
    {FTAES | ECB, GREETED("no-iv")},
    {CBC, ESTRANGED("no-iv")},
    {FTAES | ECB, GREETED("iv-length")},
#define REFUSED_UNDER(ciphers, fault, status) {ciphers, UNREACHABLE_EVER(fault)}, {ciphers, UNREACHABLE_ONCE(fault, status)}
    REFUSED_UNDER(CBC, "iv-length", ENCRYPTION_FAILED),
    REFUSED_UNDER(CBC, "iv-length=0", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "key-length", ENCRYPTION_FAILED),
    REFUSED_UNDER(ECB, "key-length=0", ENCRYPTION_FAILED),
    REFUSED_UNDER(CBC, "key-length=17", ENCRYPTION_FAILED),
    REFUSED_UNDER(CBC, "key-length=1048576", ENCRYPTION_FAILED),
    /* InitConnect is encrypted with RSA, whatever the cipher. An answer with another key is requested again, since the gateway
     * may get the right one. */
    REFUSED_UNDER(FTAES, "clear@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "truncated-block@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "wrong-tail@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "flipped-bit@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "bad-sha1@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "empty-body@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "long-text=2000000@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "never@1001", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "accept-close", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "accept-silent", ENCRYPTION_FAILED),
    REFUSED_UNDER(FTAES, "init-no-content", PROTOCOL_ERROR),
    REFUSED_UNDER(FTAES, "missing-field@1001", PROTOCOL_ERROR),
    REFUSED_UNDER(FTAES, "bad-magic@1001", PROTOCOL_ERROR),
};

enum { MOST = COUNT(common_cases) + 3 * COUNT(own_cases) };

int main(void) {
    static const char key[] = VECTORS "/rsa/1024.pem";
    static fault_run runs[MOST];
    static char names[MOST][64];
    struct CMUnitTest tests[MOST];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(common_cases); i++) {
        runs[count++] = (fault_run){&common_cases[i], key, (int32_t)(i % 3)};
    }
    for (size_t i = 0; i < COUNT(own_cases); i++) {
        for (int32_t cipher = CAPDIST_CIPHER_FTAES_ECB; cipher <= CAPDIST_CIPHER_AES_CBC; cipher++) {
            if (own_cases[i].ciphers >> cipher & 1) runs[count++] = (fault_run){&own_cases[i].fault, key, cipher};
        }
    }
    for (size_t i = 0; i < count; i++) {
        static const char *const ciphers[] = {"FTAES_ECB", "AES_ECB", "AES_CBC"};
        snprintf(names[i], sizeof names[i], "%s, %s", runs[i].fault->name, ciphers[runs[i].cipher]);
        tests[i] = (struct CMUnitTest){names[i], run_fault_case, setup_fault_case, teardown_fault_case, &runs[i]};
    }
    return _cmocka_run_group_tests("faults encrypted", tests, count, NULL, NULL);
}
