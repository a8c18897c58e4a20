/* WebSocket's server side for the benchmark's gateway: the upgrade, masked frames in, whole frames out; TLS over the socket. */
#ifndef WEBSOCKET_H
#define WEBSOCKET_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_REQUEST = 20, SECTION_REPLY = 44 };

/* Writes the answer to an upgrade. Returns its length; 0 if it is none. */
static inline size_t upgrade_answer(const char *request, char *out, size_t room)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const char *key = strstr(request, "Sec-WebSocket-Key: ");
    char text[24 + sizeof guid], accepted[64];
    unsigned char digest[SHA_DIGEST_LENGTH];
    if (!key || strlen(key + 19) < 24) return 0;
    memcpy(text, key + 19, 24);
    memcpy(text + 24, guid, sizeof guid);
    SHA1((const unsigned char *)text, strlen(text), digest);
    EVP_EncodeBlock((unsigned char *)accepted, digest, sizeof digest);
    return (size_t)snprintf(out, room,
                            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            "Sec-WebSocket-Accept: %s\r\n\r\n", accepted);
}

/* A client's frame: its opcode, and where its payload is. Returns its length, 0 if it is not whole, -1 if it is none that is
 * understood. */
static inline long masked_frame(uint8_t *bytes, size_t length, int *opcode, uint8_t **payload, size_t *payload_length)
{
    if (length < 2) return 0;
    if (!(bytes[0] & 0x80) || !(bytes[1] & 0x80) || (bytes[1] & 0x7f) == 127) return -1;
    size_t header = (bytes[1] & 0x7f) == 126 ? 8 : 6;
    if (length < header) return 0;
    *payload_length = header == 8 ? (size_t)bytes[2] << 8 | bytes[3] : bytes[1] & 0x7fu;
    if (length < header + *payload_length) return 0;
    *opcode = bytes[0] & 15;
    *payload = bytes + header;
    for (size_t i = 0; i < *payload_length; i++) (*payload)[i] ^= bytes[header - 4 + i % 4];
    return (long)(header + *payload_length);
}

/* The frame of a section with this body. Returns its length. */
static inline size_t section_frame(uint8_t *out, uint32_t command, const uint8_t *body, size_t length)
{
    size_t whole = SECTION_REPLY + length, header = whole < 126 ? 2 : 4;
    out[0] = 0x82;
    out[1] = header == 2 ? (uint8_t)whole : 126;
    if (header == 4) {
        out[2] = (uint8_t)(whole >> 8);
        out[3] = (uint8_t)whole;
    }
    memset(out + header, 0, SECTION_REPLY);
    memcpy(out + header, "ft-v1.0", 7);
    out[header + 10] = (uint8_t)(command >> 8);
    out[header + 11] = (uint8_t)command;
    memcpy(out + header + SECTION_REPLY, body, length);
    return header + whole;
}

static inline SSL_CTX *tls_server(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "gateway: no TLS with %s, %s\n", certificate, key);
        exit(1);
    }
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

#endif
