/* The protocol as in docs/protocol.md: SHA-1, protobuf fields, frames. It uses no code of the library. */
#include "support.h"

#include <stdlib.h>

static uint32_t rotated(uint32_t word, int bits) {
    return word << bits | word >> (32 - bits);
}

static void sha1_block(uint32_t h[5], const uint8_t *block) {
    uint32_t w[80];
    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    }
    for (int i = 16; i < 80; i++) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (b & c) | (~b & d), k = 0x5a827999;
        } else if (i < 40) {
            f = b ^ c ^ d, k = 0x6ed9eba1;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d, k = 0xca62c1d6;
        }
        uint32_t next = rotated(a, 5) + f + e + k + w[i];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void sha1(const void *bytes, size_t length, uint8_t digest[20]) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const uint8_t *next = bytes;
    size_t left = length;
    for (; left >= 64; left -= 64, next += 64) sha1_block(h, next);
    uint8_t tail[128] = {0};
    if (left > 0) memcpy(tail, next, left);
    tail[left] = 0x80;
    size_t end = left < 56 ? 64 : 128;
    for (int i = 0; i < 8; i++) tail[end - 1 - (size_t)i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
    sha1_block(h, tail);
    if (end == 128) sha1_block(h, tail + 64);
    for (int i = 0; i < 20; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void put_byte(message *m, uint8_t byte) {
    if (m->length == sizeof m->bytes) abort();
    m->bytes[m->length++] = byte;
}

static void put_varint(message *m, uint64_t value) {
    for (; value >= 0x80; value >>= 7) put_byte(m, (uint8_t)(value | 0x80));
    put_byte(m, (uint8_t)value);
}

void put_number(message *m, int field, int64_t value) {
    put_varint(m, (uint64_t)field << 3);
    put_varint(m, (uint64_t)value);
}

void put_bytes(message *m, int field, const void *bytes, size_t length) {
    put_varint(m, (uint64_t)field << 3 | 2);
    put_varint(m, length);
    for (size_t i = 0; i < length; i++) put_byte(m, ((const uint8_t *)bytes)[i]);
}

void put_text(message *m, int field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

void put_message(message *m, int field, const message *inner) {
    put_bytes(m, field, inner->bytes, inner->length);
}

void put_double(message *m, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_varint(m, (uint64_t)field << 3 | 1);
    for (int i = 0; i < 8; i++) put_byte(m, (uint8_t)(bits >> (8 * i)));
}

static bool take_varint(const uint8_t **next, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 64 && *next < end; shift += 7) {
        uint8_t byte = *(*next)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

bool find_field(const uint8_t *message, size_t size, int field, int64_t *number, const uint8_t **bytes,
                size_t *length) {
    const uint8_t *next = message, *end = message + size;
    uint64_t tag, value;
    while (next < end && take_varint(&next, end, &tag)) {
        size_t skip = 0;
        switch (tag & 7) {
        case 0:
            if (!take_varint(&next, end, &value)) return false;
            break;
        case 1: skip = 8, value = 0; break;
        case 2:
            if (!take_varint(&next, end, &value)) return false;
            skip = value;
            break;
        case 5: skip = 4, value = 0; break;
        default: return false;
        }
        if (skip > (size_t)(end - next)) return false;
        if (tag >> 3 == (uint64_t)field) {
            if (number) *number = (int64_t)value;
            if (bytes) *bytes = next;
            if (length) *length = skip;
            return true;
        }
        next += skip;
    }
    return false;
}

void put_distribution(message *m, double base, bool optionals) {
    message s2c = {0};
    for (int field = 1; field <= 6; field++) put_double(&s2c, field, base + field);
    if (optionals) {
        put_text(&s2c, 7, "2022-06-08 10:44:21");
        for (int field = 8; field <= 10; field++) put_double(&s2c, field, base + field);
    }
    put_number(m, 1, 0);
    put_message(m, 4, &s2c);
}

void put_refusal(message *m, int32_t ret_type, const char *ret_msg) {
    put_number(m, 1, ret_type);
    put_text(m, 2, ret_msg);
}

static void put_u32(uint8_t *out, uint32_t value) {
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> (8 * i));
}

size_t pack_frame(uint8_t *out, uint32_t proto_id, uint32_t serial_no, const void *body, size_t length) {
    memset(out, 0, HEADER_SIZE);
    out[0] = 'F', out[1] = 'T';
    put_u32(out + 2, proto_id);
    put_u32(out + 8, serial_no);
    put_u32(out + 12, (uint32_t)length);
    sha1(body, length, out + 16);
    if (length > 0) memcpy(out + HEADER_SIZE, body, length);
    return HEADER_SIZE + length;
}
