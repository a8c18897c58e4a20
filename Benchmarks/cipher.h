/* OpenD's encryption for the benchmark's own programs (docs/protocol.md, Encryption), over OpenSSL's EVP interfaces: keys and
 * contexts are made once. */
#ifndef CIPHER_H
#define CIPHER_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FTAES_ECB = 0, AES_CBC = 2, BLOCK = 16 };

struct cipher {
    int algorithm;
    EVP_PKEY *rsa;
    EVP_CIPHER_CTX *outgoing, *incoming;
};

static inline void cipher_check(int is_right)
{
    if (is_right) return;
    fprintf(stderr, "encryption failed\n");
    exit(1);
}

/* The RSA key; the stream's own key and iv come later. */
static inline void cipher_load(struct cipher *cipher, const char *key, int algorithm)
{
    FILE *file = fopen(key, "re");
    cipher_check(file != NULL);
    cipher->algorithm = algorithm;
    cipher->rsa = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    cipher_check(cipher->rsa != NULL);
}

static inline void cipher_agree(struct cipher *cipher, const uint8_t *key, const uint8_t *iv)
{
    const EVP_CIPHER *kind = cipher->algorithm == AES_CBC ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
    cipher->outgoing = EVP_CIPHER_CTX_new();
    cipher->incoming = EVP_CIPHER_CTX_new();
    cipher_check(EVP_EncryptInit_ex2(cipher->outgoing, kind, key, iv, NULL) == 1);
    cipher_check(EVP_DecryptInit_ex2(cipher->incoming, kind, key, iv, NULL) == 1);
    if (cipher->algorithm == AES_CBC) return;
    EVP_CIPHER_CTX_set_padding(cipher->outgoing, 0);
    EVP_CIPHER_CTX_set_padding(cipher->incoming, 0);
}

/* In place; `bytes` has room for two blocks more. Returns the new length. */
static inline size_t cipher_encrypt(struct cipher *cipher, uint8_t *bytes, size_t length)
{
    int first = 0, last = 0;
    size_t whole = length;
    if (cipher->algorithm == FTAES_ECB) {
        whole = (length + BLOCK - 1) / BLOCK * BLOCK;
        memset(bytes + length, 0, whole - length);
    }
    cipher_check(EVP_EncryptInit_ex2(cipher->outgoing, NULL, NULL, NULL, NULL) == 1 &&
                 EVP_EncryptUpdate(cipher->outgoing, bytes, &first, bytes, (int)whole) == 1 &&
                 EVP_EncryptFinal_ex(cipher->outgoing, bytes + first, &last) == 1);
    whole = (size_t)(first + last);
    if (cipher->algorithm != FTAES_ECB) return whole;
    memset(bytes + whole, 0, BLOCK);
    bytes[whole + BLOCK - 1] = (uint8_t)(length % BLOCK);
    return whole + BLOCK;
}

/* In place. Returns the new length. */
static inline size_t cipher_decrypt(struct cipher *cipher, uint8_t *bytes, size_t length)
{
    int first = 0, last = 0;
    size_t cut = 0;
    cipher_check(length >= BLOCK && length % BLOCK == 0);
    if (cipher->algorithm == FTAES_ECB) {
        uint8_t tail = bytes[length - 1];
        cipher_check(tail < BLOCK);
        cut = (size_t)(BLOCK - tail) % BLOCK;
        length -= BLOCK;
    }
    cipher_check(EVP_DecryptInit_ex2(cipher->incoming, NULL, NULL, NULL, NULL) == 1 &&
                 EVP_DecryptUpdate(cipher->incoming, bytes, &first, bytes, (int)length) == 1 &&
                 EVP_DecryptFinal_ex(cipher->incoming, bytes + first, &last) == 1);
    return (size_t)(first + last) - cut;
}

/* InitConnect, in blocks of 100 bytes as the vendor makes them. Returns the length of what is written to `out`. */
static inline size_t cipher_rsa(struct cipher *cipher, int encrypts, const uint8_t *in, size_t length, uint8_t *out)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(cipher->rsa, NULL);
    size_t size = (size_t)EVP_PKEY_get_size(cipher->rsa), step = encrypts ? 100 : size, made = 0;
    cipher_check((encrypts ? EVP_PKEY_encrypt_init : EVP_PKEY_decrypt_init)(context) == 1 &&
                 EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
    for (size_t place = 0; place < length; place += step) {
        size_t room = size, rest = length - place < step ? length - place : step;
        cipher_check((encrypts ? EVP_PKEY_encrypt : EVP_PKEY_decrypt)(context, out + made, &room, in + place, rest) == 1);
        made += room;
    }
    EVP_PKEY_CTX_free(context);
    return made;
}

#endif
