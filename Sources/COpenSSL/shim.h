// For SHA1_Init and its like (SHA1.swift), and ERR_get_state.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/// Takes the thread's queue of errors away, with its marks, and leaves an empty one. OSSL_ERR_STATE_save does the same, but is
/// younger than OpenSSL 3.0, and what it restores has no marks.
static inline void copenssl_take_errors(ERR_STATE *taken) {
    ERR_STATE *state = ERR_get_state();
    if (!state) {
        *taken = (ERR_STATE){0};
        return;
    }
    *taken = *state;
    *state = (ERR_STATE){0};
}

/// Puts it back, in place of what came since.
static inline void copenssl_put_errors_back(const ERR_STATE *taken) {
    ERR_STATE *state = ERR_get_state();
    if (!state) return;
    for (int i = 0; i < ERR_NUM_ERRORS; i++) {
        if (state->err_data_flags[i] & ERR_TXT_MALLOCED) OPENSSL_free(state->err_data[i]);
        OPENSSL_free(state->err_file[i]);
        OPENSSL_free(state->err_func[i]);
    }
    *state = *taken;
}
