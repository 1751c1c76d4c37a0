/* SPDX-License-Identifier: Apache-2.0 */
/* Walking and decoding texts that json_scan has passed: nothing is checked a second time, and
 * nothing here may be given a text that has not been checked. */
#include "shared/json/json_scan.h"

#include <endian.h>
#include <string.h>

#define EACH_BYTE(value) (0x0101010101010101U * (uint64_t)(value))

static enum json_type type_of(uint8_t first)
{
    switch (first) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

struct json_value json_value_of(struct slice text, const uint8_t *base)
{
    return (struct json_value){type_of(text.data[0]), text, (size_t)(text.data - base)};
}

struct json_iter json_iter_of(const struct json_value *container, const uint8_t *base)
{
    const uint8_t *end = container->text.data + container->text.len;

    if (container->type != JSON_OBJECT && container->type != JSON_ARRAY) {
        return (struct json_iter){base, end, end};
    }
    return (struct json_iter){base, container->text.data + 1, end - 1};
}

/* Commas and colons are as good as space between the parts of a checked container. */
static const uint8_t *skip_gap(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at <= ' ' || *at == ',' || *at == ':')) {
        at++;
    }
    return at;
}

/* The top bit of each byte that equals `byte`; the lowest one set is exact. */
static uint64_t bytes_equal(uint64_t word, char byte)
{
    uint64_t difference = word ^ EACH_BYTE(byte);

    return (difference - EACH_BYTE(1)) & ~difference & EACH_BYTE(0x80);
}

/* The next quote or backslash. */
static const uint8_t *find_mark(const uint8_t *at, const uint8_t *end)
{
    uint64_t word;

    while (end - at >= 8) {
        memcpy(&word, at, sizeof word);
        word = le64toh(word);
        uint64_t marks = bytes_equal(word, '"') | bytes_equal(word, '\\');

        if (marks != 0) {
            return at + __builtin_ctzll(marks) / 8;
        }
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\') {
        at++;
    }
    return at;
}

/* `at` is the opening quote; the place behind the closing one. */
static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
    at = find_mark(at + 1, end);
    while (*at == '\\') {
        at = find_mark(at + 2, end);
    }
    return at + 1;
}

static const uint8_t *skip_container(const uint8_t *at, const uint8_t *end)
{
    int depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']') && --depth == 0) {
            return at + 1;
        }
        at++;
    }
    return end;
}

int json_depth(struct slice text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.len;
    int depth = 0;
    int deepest = 0;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        at++;
    }
    return deepest;
}

static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end)
{
    if (*at == '"') {
        return skip_string(at, end);
    }
    if (*at == '{' || *at == '[') {
        return skip_container(at, end);
    }
    while (at<end && * at> ' ' && *at != ',') {
        at++;
    }
    return at;
}

bool json_next_element(struct json_iter *iter, struct json_value *value)
{
    const uint8_t *start = skip_gap(iter->at, iter->end);

    iter->at = start;
    if (start == iter->end) {
        return false;
    }
    iter->at = skip_value(start, iter->end);
    *value = json_value_of(slice_of(start, (size_t)(iter->at - start)), iter->base);
    return true;
}

bool json_next_member(struct json_iter *iter, struct json_value *key, struct json_value *value)
{
    return json_next_element(iter, key) && json_next_element(iter, value);
}

static uint32_t hex4(const uint8_t *at)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        uint8_t digit = at[i];

        value = value << 4 | (uint32_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return value;
}

static char escaped_letter(uint8_t letter)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const char *found = strchr(letters, letter);

    return found != NULL ? meanings[found - letters] : (char)letter;
}

/* Decodes a \u escape, or a pair of them (RFC 8259, section 7). 0 for a lone surrogate. */
static size_t next_unicode(struct slice *rest, char out[4])
{
    uint32_t point = hex4(rest->data + 2);
    size_t used = 6;

    if (point >= 0xD800 && point <= 0xDBFF && rest->len >= 12 && rest->data[6] == '\\' &&
        rest->data[7] == 'u') {
        uint32_t low = hex4(rest->data + 8);

        if (low >= 0xDC00 && low <= 0xDFFF) {
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            used = 12;
        }
    }
    *rest = slice_of(rest->data + used, rest->len - used);
    return point >= 0xD800 && point <= 0xDFFF ? 0 : utf8_encode(point, out);
}

/* The next decoded bytes of a string's inside: 1 to 4, or 0 for a lone surrogate. */
static size_t next_decoded(struct slice *rest, char out[4])
{
    size_t used = 1;

    if (rest->data[0] == '\\') {
        if (rest->data[1] == 'u') {
            return next_unicode(rest, out);
        }
        out[0] = escaped_letter(rest->data[1]);
        used = 2;
    } else {
        out[0] = (char)rest->data[0];
    }
    *rest = slice_of(rest->data + used, rest->len - used);
    return 1;
}

enum status json_unescape(struct slice string, char *out, size_t cap, size_t *len)
{
    struct slice rest = slice_of(string.data + 1, string.len - 2);
    char piece[4];
    size_t done = 0;

    while (rest.len > 0) {
        size_t got = next_decoded(&rest, piece);

        if (got == 0) {
            return STATUS_INVALID;
        }
        if (got > cap - done) {
            return STATUS_TOO_LARGE;
        }
        memcpy(out + done, piece, got);
        done += got;
    }
    *len = done;
    return STATUS_OK;
}

static char folded(char byte, bool fold)
{
    return fold && byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

bool json_string_is(struct slice string, const char *text, bool fold)
{
    struct slice rest = slice_of(string.data + 1, string.len - 2);
    char piece[4];

    while (rest.len > 0) {
        size_t got = next_decoded(&rest, piece);

        if (got == 0) {
            return false;
        }
        for (size_t i = 0; i < got; i++, text++) {
            if (*text == 0 || folded(piece[i], fold) != folded(*text, fold)) {
                return false;
            }
        }
    }
    return *text == 0;
}

/* A string that is decoded byte by byte. */
struct decoding {
    struct slice rest;
    char piece[4];
    size_t at;
    size_t len;
};

static struct decoding decoding_of(struct slice string)
{
    return (struct decoding){.rest = slice_of(string.data + 1, string.len - 2)};
}

/* The next byte, or -1 at the end. */
static int decoding_next(struct decoding *decoding)
{
    if (decoding->at == decoding->len) {
        decoding->at = 0;
        decoding->len = decoding->rest.len == 0 ? 0 : next_decoded(&decoding->rest, decoding->piece);
    }
    return decoding->at == decoding->len ? -1 : (uint8_t)decoding->piece[decoding->at++];
}

static bool is_escaped(struct slice string)
{
    return memchr(string.data, '\\', string.len) != NULL;
}

bool json_strings_equal(struct slice a, struct slice b)
{
    struct decoding left = decoding_of(a);
    struct decoding right = decoding_of(b);
    int byte;

    if (slice_equal(a, b)) {
        return true;
    }
    if (!is_escaped(a) && !is_escaped(b)) {
        return false;
    }
    do {
        byte = decoding_next(&left);
        if (byte != decoding_next(&right)) {
            return false;
        }
    } while (byte != -1);
    return true;
}
