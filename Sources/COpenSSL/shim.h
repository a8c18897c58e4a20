// For the SHA1_ functions (SHA1.swift), and MD5_Init.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <string.h>

/// SHA-1 as five words in memory order. The last block, which tells the length, is made here: SHA1_Final takes as long
/// for that as for a quarter of a small body. Returns 0 if OpenSSL fails.
static inline int copenssl_sha1(const void *bytes, size_t count, uint32_t words[5]) {
    enum { BLOCK = SHA_CBLOCK, LENGTH = 8 };
    SHA_CTX context;
    unsigned char end[2 * BLOCK] = {0};
    const size_t rest = count % BLOCK, whole = count - rest, size = rest < BLOCK - LENGTH ? BLOCK : 2 * BLOCK;
    if (rest > 0) memcpy(end, (const unsigned char *)bytes + whole, rest);
    end[rest] = 0x80;
    const uint64_t bits = __builtin_bswap64((uint64_t)count * 8);
    memcpy(end + size - LENGTH, &bits, LENGTH);
    const int is_done = SHA1_Init(&context) && (whole == 0 || SHA1_Update(&context, bytes, whole));
    // SHA1_Update would count these bytes, too.
    for (size_t at = 0; is_done && at < size; at += BLOCK) SHA1_Transform(&context, end + at);
    // The body may contain a key.
    memset(end, 0, sizeof end);
    __asm__ volatile("" : : "r"(end) : "memory");
    const SHA_LONG state[] = {context.h0, context.h1, context.h2, context.h3, context.h4};
    for (int at = 0; at < 5; at++) words[at] = __builtin_bswap32(state[at]);
    return is_done;
}

/// Of an OpenSSL that is ours alone: without its texts of errors, which take 0.1 MB and are hardly ever read; and of
/// its table of names only the digests, by which it looks certificates' signatures up.
static inline void copenssl_begin(void) {
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS
                            | OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
                        NULL);
}
static inline void copenssl_begin_tls(void) {
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_SSL_STRINGS, NULL);
    const EVP_MD *const digests[] = {EVP_md5(), EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    for (size_t at = 0; at < sizeof digests / sizeof *digests; at++) EVP_add_digest(digests[at]);
}

/// The text of an error, of one of the parts that TLS and certificates are made of; NULL: it has none.
static inline const char *copenssl_reason(unsigned long error) {
    ERR_load_SSL_strings();
    ERR_load_X509_strings();
    ERR_load_ASN1_strings();
    ERR_load_PEM_strings();
    ERR_load_EVP_strings();
    ERR_load_RSA_strings();
    ERR_load_EC_strings();
    return ERR_reason_error_string(error);
}

/// The peer's own certificate, even if it is not accepted; NULL if the peer sent none.
static inline X509 *copenssl_peer_certificate(SSL *session) {
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(session);
    return chain && sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : NULL;
}

static inline int copenssl_not_before(X509 *certificate, struct tm *time) {
    return ASN1_TIME_to_tm(X509_get0_notBefore(certificate), time);
}

static inline int copenssl_not_after(X509 *certificate, struct tm *time) {
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), time);
}

/// Writes the names and addresses of a certificate, separated by commas, and "..." for those that do not fit.
/// Characters that are not printable are written as '?'. Returns how many names and addresses there are.
static inline int copenssl_names(X509 *certificate, char *text, size_t size) {
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    int count = 0, is_full = 0;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value = (const ASN1_STRING *)GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != GEN_DNS && type != GEN_IPADD) continue;
        const unsigned char *bytes = ASN1_STRING_get0_data(value);
        int length = ASN1_STRING_length(value);
        char address[INET6_ADDRSTRLEN];
        if (type == GEN_IPADD) {
            if (length != 4 && length != 16) continue;
            if (!inet_ntop(length == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address)) continue;
            bytes = (const unsigned char *)address;
            length = (int)strlen(address);
        }
        count++;
        if (is_full) continue;
        // With room for ", " before it and ", ..." after it.
        if (length < 0 || (size_t)length + 8 > size - used) {
            is_full = 1;
            const char *rest = used ? ", ..." : "...";
            memcpy(text + used, rest, strlen(rest) + 1);
            continue;
        }
        if (used) {
            memcpy(text + used, ", ", 2);
            used += 2;
        }
        for (int at = 0; at < length; at++) text[used++] = bytes[at] > 0x20 && bytes[at] < 0x7f ? (char)bytes[at] : '?';
        text[used] = 0;
    }
    GENERAL_NAMES_free(names);
    return count;
}
