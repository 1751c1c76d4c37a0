/* SPDX-License-Identifier: Apache-2.0 */
/* Four characters at a time through one table. What is no digit has the top bit set there, and so the bits
 * of all characters are gathered and judged once, at the end. */
#include "shared/jose/base64url.h"

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { NO_DIGIT = 0x80 };

#define XX NO_DIGIT
/* clang-format off */
static const uint8_t values[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX,
    XX,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, 63,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
};
/* clang-format on */
#undef XX

/* The last two or three characters, of which the bits that make no whole byte must be zero. */
static unsigned decode_rest(const uint8_t *in, size_t left, uint8_t *out)
{
    uint32_t word = (uint32_t)values[in[0]] << 18 | (uint32_t)values[in[1]] << 12;
    unsigned seen = (unsigned)values[in[0]] | values[in[1]];

    if (left == 3) {
        word |= (uint32_t)values[in[2]] << 6;
        seen |= values[in[2]];
        out[1] = (uint8_t)(word >> 8);
    }
    out[0] = (uint8_t)(word >> 16);
    return (word & (left == 3 ? 0xFFU : 0xFFFFU)) != 0 ? NO_DIGIT : seen;
}

enum status base64url_decode(struct slice text, uint8_t *out, size_t cap, size_t *len)
{
    const uint8_t *in = text.data;
    size_t left = text.len;
    unsigned seen = 0;

    if (left % 4 == 1) {
        return STATUS_INVALID;
    }
    if (BASE64URL_DECODED(left) > cap) {
        return STATUS_TOO_LARGE;
    }
    for (; left >= 4; left -= 4, in += 4, out += 3) {
        uint32_t word = (uint32_t)values[in[0]] << 18 | (uint32_t)values[in[1]] << 12 |
                        (uint32_t)values[in[2]] << 6 | (uint32_t)values[in[3]];

        seen |= (unsigned)values[in[0]] | values[in[1]] | values[in[2]] | values[in[3]];
        out[0] = (uint8_t)(word >> 16);
        out[1] = (uint8_t)(word >> 8);
        out[2] = (uint8_t)word;
    }
    if (left > 0) {
        seen |= decode_rest(in, left, out);
    }
    *len = BASE64URL_DECODED(text.len);
    return (seen & NO_DIGIT) != 0 ? STATUS_INVALID : STATUS_OK;
}

/* Up to three bytes to up to four characters. */
static void encode_group(const uint8_t *in, size_t count, uint8_t *out)
{
    uint32_t word = (uint32_t)in[0] << 16 | (count > 1 ? (uint32_t)in[1] << 8 : 0) | (count > 2 ? in[2] : 0);

    for (size_t i = 0; i <= count; i++) {
        out[i] = (uint8_t)DIGITS[word >> (18 - 6 * i) & 63];
    }
}

enum status base64url_append(struct buf *out, struct slice bytes)
{
    enum status status = buf_reserve(out, BASE64URL_ENCODED(bytes.len));

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t count = bytes.len - at < 3 ? bytes.len - at : 3;

        encode_group(bytes.data + at, count, out->data + out->len);
        out->len += count + 1;
    }
    return STATUS_OK;
}
