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

/// Writes the names and addresses of a certificate, separated by commas, and "..." for those that do not fit. Characters that
/// are not printable are written as '?'. Returns how many names and addresses there are.
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
