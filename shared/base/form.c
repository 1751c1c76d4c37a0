/* SPDX-License-Identifier: Apache-2.0 */
/* Fields are split at '&' and '=' before anything is decoded, so that an encoded '&' stays in
 * its value. Only the wanted field is decoded; what is wrong in the others does not matter. */
#include "shared/base/form.h"

#include <string.h>

static int hex_value(uint8_t digit)
{
    uint8_t lower = digit | 0x20;

    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte of the %-escape at `at`, or -1. */
static int escape_value(struct slice text, size_t at)
{
    int high, low;

    if (text.len - at < 3) {
        return -1;
    }
    high = hex_value(text.data[at + 1]);
    low = hex_value(text.data[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* One byte of a field, decoded, from `*at` on; -1 for a bad escape. */
static int next_byte(struct slice text, size_t *at)
{
    uint8_t byte = text.data[*at];
    int value;

    if (byte != '%') {
        (*at)++;
        return byte == '+' ? ' ' : byte;
    }
    value = escape_value(text, *at);
    *at += value < 0 ? 0 : 3;
    return value;
}

static bool name_is(struct slice text, const char *name)
{
    for (size_t at = 0; at < text.len; name++) {
        int byte = next_byte(text, &at);

        if (byte <= 0 || byte != (uint8_t)*name) {
            return false;
        }
    }
    return *name == 0;
}

/* Cuts `text` at the first `mark`: what is before it is returned, `*text` is what is behind. */
static struct slice cut(struct slice *text, uint8_t mark)
{
    const uint8_t *found = text->len == 0 ? NULL : memchr(text->data, mark, text->len);
    struct slice head = *text;

    if (found == NULL) {
        *text = slice_of(text->data, 0);
        return head;
    }
    head.len = (size_t)(found - text->data);
    *text = slice_of(found + 1, text->len - head.len - 1);
    return head;
}

/* The length of the decoded value; STATUS_INVALID with the place of a bad escape. */
static enum status decoded_len(struct slice value, size_t *len, size_t *bad)
{
    const uint8_t *end = value.data + value.len;
    const uint8_t *at = value.data;

    *len = value.len;
    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        if (escape_value(value, (size_t)(at - value.data)) < 0) {
            *bad = (size_t)(at - value.data);
            return STATUS_INVALID;
        }
        *len -= 2;
        at += 3;
    }
    return STATUS_OK;
}

static bool stands_for_itself(uint8_t byte)
{
    return byte != '%' && byte != '+';
}

static void append_decoded(struct slice value, struct buf *out)
{
    for (size_t at = 0; at < value.len;) {
        size_t start = at;

        while (at < value.len && stands_for_itself(value.data[at])) {
            at++;
        }
        memcpy(out->data + out->len, value.data + start, at - start);
        out->len += at - start;
        if (at < value.len) {
            out->data[out->len++] = (uint8_t)next_byte(value, &at);
        }
    }
}

static enum status decode(struct slice value, struct buf *out, size_t *bad)
{
    size_t len;
    enum status status = decoded_len(value, &len, bad);

    if (status == STATUS_OK) {
        status = buf_reserve(out, len);
    }
    if (status == STATUS_OK) {
        append_decoded(value, out);
    }
    return status;
}

enum status form_field(struct slice body, const char *name, struct buf *out, size_t *bad)
{
    struct slice rest = body;

    while (rest.len > 0) {
        struct slice value = cut(&rest, '&');
        struct slice field = cut(&value, '=');

        if (name_is(field, name)) {
            enum status status = decode(value, out, bad);

            if (status == STATUS_INVALID) {
                *bad += (size_t)(value.data - body.data);
            }
            return status;
        }
    }
    return STATUS_NOT_FOUND;
}

/* The application/x-www-form-urlencoded percent-encode set (WHATWG URL, section 1.3). */
static bool stays(uint8_t byte)
{
    uint8_t lower = byte | 0x20;

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '*' || byte == '-' ||
           byte == '.' || byte == '_';
}

static size_t encoded_len(struct slice value)
{
    size_t len = value.len;

    for (size_t i = 0; i < value.len; i++) {
        len += stays(value.data[i]) || value.data[i] == ' ' ? 0 : 2;
    }
    return len;
}

static uint8_t *encode_byte(uint8_t *out, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";

    if (stays(byte) || byte == ' ') {
        *out = byte == ' ' ? '+' : byte;
        return out + 1;
    }
    out[0] = '%';
    out[1] = (uint8_t)digits[byte >> 4];
    out[2] = (uint8_t)digits[byte & 15];
    return out + 3;
}

enum status form_append(struct buf *out, const char *name, struct slice value)
{
    size_t name_len = strlen(name);
    enum status status = buf_reserve(out, name_len + 1 + encoded_len(value));
    uint8_t *at;

    if (status != STATUS_OK) {
        return status;
    }
    memcpy(out->data + out->len, name, name_len);
    at = out->data + out->len + name_len;
    *at++ = '=';
    for (size_t i = 0; i < value.len; i++) {
        at = encode_byte(at, value.data[i]);
    }
    out->len = (size_t)(at - out->data);
    return STATUS_OK;
}
