// For SHA1_Init and its like (SHA1.swift).
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

/// Puts an error of no library's into the thread's queue, to tell whether others came after it.
static inline void copenssl_mark_error(void) { ERR_raise(ERR_LIB_USER, 1); }
