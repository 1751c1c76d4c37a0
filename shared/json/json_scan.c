/* SPDX-License-Identifier: Apache-2.0 */
/* The validator: every byte of every item passes here once. No recursion: one bit a level says
 * whether it is an object. Every step takes the place where it starts and returns the place
 * behind what it read, or NULL once the fault is noted. */
#include "shared/json/json_scan.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* An item may be JSON_MAX_DEPTH deep, and a batch of pushes adds three levels around it. */
enum { LEVEL_WORDS = JSON_MAX_DEPTH / 64 + 1, LEVELS = LEVEL_WORDS * 64 };

struct scan {
    const uint8_t *end;
    const uint8_t *fault_at;
    const char *reason;
    int depth;
    int max_depth;
    bool too_deep;
    uint64_t objects[LEVEL_WORDS]; /* bit n: the container at depth n is an object */
};

static const char UNEXPECTED_END[] = "unexpected end";
static const char LONE_SURROGATE[] = "half of a surrogate pair";

#define EACH_BYTE(value) (0x0101010101010101U * (uint64_t)(value))

static const uint8_t *fail(struct scan *scan, const uint8_t *at, const char *reason)
{
    scan->fault_at = at;
    scan->reason = at == scan->end ? UNEXPECTED_END : reason;
    return NULL;
}

static const uint8_t *skip_space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
        at++;
    }
    return at;
}

static bool plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The top bit of each byte that is a quote, a backslash, a control character or not ASCII.
 * A borrow can set the bit of a plain byte only above a true one, so the lowest is exact. */
static uint64_t special_bytes(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"');
    uint64_t backslash = word ^ EACH_BYTE('\\');

    return ((((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
             ((word - EACH_BYTE(0x20)) & ~word)) |
            word) &
           EACH_BYTE(0x80);
}

static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
    uint64_t word;

    while (end - at >= 8) {
        memcpy(&word, at, sizeof word);
        uint64_t special = special_bytes(le64toh(word));

        if (special != 0) {
            return at + __builtin_ctzll(special) / 8;
        }
        at += 8;
    }
    while (at < end && plain(*at)) {
        at++;
    }
    return at;
}

static bool hex_digit(uint8_t byte)
{
    uint8_t lower = byte | 0x20;

    return (byte >= '0' && byte <= '9') || (lower >= 'a' && lower <= 'f');
}

/* `at` is behind the \u of the escape that begins at `backslash`; the UTF-16 unit goes to `*unit`. */
static const uint8_t *scan_hex4(struct scan *scan, const uint8_t *at, const uint8_t *backslash,
                                unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, at++) {
        if (at == scan->end) {
            return fail(scan, at, UNEXPECTED_END);
        }
        if (!hex_digit(*at)) {
            return fail(scan, backslash, "bad escape");
        }
        *unit = *unit << 4 | (unsigned)(*at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10);
    }
    return at;
}

/* Behind the escape of a high surrogate that begins at `high`: the escape of a low one has to follow. */
static const uint8_t *scan_low_surrogate(struct scan *scan, const uint8_t *at, const uint8_t *high)
{
    const uint8_t *next = at;
    unsigned unit;

    for (const char *expected = "\\u"; *expected != 0; expected++, next++) {
        if (next == scan->end) {
            return fail(scan, next, UNEXPECTED_END);
        }
        if (*next != (uint8_t)*expected) {
            return fail(scan, high, LONE_SURROGATE);
        }
    }
    next = scan_hex4(scan, next, at, &unit);
    return next == NULL || (unit & 0xFC00) == 0xDC00 ? next : fail(scan, high, LONE_SURROGATE);
}

/* A \u escape, or the pair of them that stands for one character above U+FFFF. */
static const uint8_t *scan_unicode(struct scan *scan, const uint8_t *backslash)
{
    unsigned unit;
    const uint8_t *next = scan_hex4(scan, backslash + 2, backslash, &unit);

    if (next == NULL || (unit & 0xF800) != 0xD800) {
        return next;
    }
    return (unit & 0xFC00) == 0xD800 ? scan_low_surrogate(scan, next, backslash)
                                     : fail(scan, backslash, LONE_SURROGATE);
}

static const uint8_t *scan_escape(struct scan *scan, const uint8_t *at)
{
    const uint8_t *letter = at + 1;

    if (letter == scan->end) {
        return fail(scan, letter, UNEXPECTED_END);
    }
    if (*letter == 'u') {
        return scan_unicode(scan, at);
    }
    return *letter != 0 && strchr("\"\\/bfnrt", *letter) != NULL ? letter + 1 : fail(scan, at, "bad escape");
}

static const uint8_t *scan_wide(struct scan *scan, const uint8_t *at)
{
    const uint8_t *next = utf8_skip_wide(at, scan->end);

    return next < scan->end && *next >= 0x80 ? fail(scan, next, "invalid UTF-8") : next;
}

/* `at` is behind the opening quote. */
static const uint8_t *scan_string(struct scan *scan, const uint8_t *at)
{
    while (at != NULL) {
        at = skip_plain(at, scan->end);
        if (at == scan->end) {
            return fail(scan, at, UNEXPECTED_END);
        }
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\') {
            at = scan_escape(scan, at);
        } else {
            at = *at >= 0x80 ? scan_wide(scan, at) : fail(scan, at, "raw control character");
        }
    }
    return NULL;
}

static bool digit_at(const struct scan *scan, const uint8_t *at)
{
    return at < scan->end && *at >= '0' && *at <= '9';
}

static const uint8_t *scan_digits(struct scan *scan, const uint8_t *at)
{
    if (!digit_at(scan, at)) {
        return fail(scan, at, "expected a digit");
    }
    while (digit_at(scan, at)) {
        at++;
    }
    return at;
}

static const uint8_t *scan_exponent(struct scan *scan, const uint8_t *at)
{
    if (at < scan->end && (*at == '+' || *at == '-')) {
        at++;
    }
    return scan_digits(scan, at);
}

static const uint8_t *scan_number(struct scan *scan, const uint8_t *at)
{
    if (*at == '-') {
        at++;
    }
    if (digit_at(scan, at) && *at == '0' && digit_at(scan, at + 1)) {
        return fail(scan, at, "leading zero");
    }
    at = scan_digits(scan, at);
    if (at != NULL && at < scan->end && *at == '.') {
        at = scan_digits(scan, at + 1);
    }
    if (at != NULL && at < scan->end && (*at | 0x20) == 'e') {
        at = scan_exponent(scan, at + 1);
    }
    return at;
}

static const uint8_t *scan_word(struct scan *scan, const uint8_t *at, const char *word)
{
    const uint8_t *start = at;

    for (; *word != 0; word++, at++) {
        if (at == scan->end) {
            return fail(scan, at, UNEXPECTED_END);
        }
        if (*at != (uint8_t)*word) {
            return fail(scan, start, "expected a value");
        }
    }
    return at;
}

/* `at` is where a member's name has to begin. */
static const uint8_t *scan_name(struct scan *scan, const uint8_t *at)
{
    if (at == scan->end || *at != '"') {
        return fail(scan, at, "expected a member name in quotes");
    }
    at = scan_string(scan, at + 1);
    if (at == NULL) {
        return NULL;
    }
    at = skip_space(at, scan->end);
    return at < scan->end && *at == ':' ? at + 1 : fail(scan, at, "expected ':'");
}

static bool in_object(const struct scan *scan)
{
    return (scan->objects[scan->depth / 64] >> (scan->depth % 64) & 1) != 0;
}

static const uint8_t *push_level(struct scan *scan, const uint8_t *at, bool object)
{
    uint64_t bit;

    if (scan->depth >= scan->max_depth) {
        scan->too_deep = true;
        return fail(scan, at, "nested too deep");
    }
    scan->depth++;
    bit = (uint64_t)1 << (scan->depth % 64);
    if (object) {
        scan->objects[scan->depth / 64] |= bit;
    } else {
        scan->objects[scan->depth / 64] &= ~bit;
    }
    return at + 1;
}

/* Opens a container. An empty one is closed at once; else `*open` says that a value follows. */
static const uint8_t *scan_open(struct scan *scan, const uint8_t *at, bool object, bool *open)
{
    at = push_level(scan, at, object);
    if (at == NULL) {
        return NULL;
    }
    at = skip_space(at, scan->end);
    if (at < scan->end && *at == (object ? '}' : ']')) {
        scan->depth--;
        return at + 1;
    }
    *open = true;
    return object ? scan_name(scan, at) : at;
}

/* A scalar, or the start of a container. */
static const uint8_t *scan_value(struct scan *scan, const uint8_t *at, bool *open)
{
    *open = false;
    if (at == scan->end) {
        return fail(scan, at, UNEXPECTED_END);
    }
    switch (*at) {
    case '"':
        return scan_string(scan, at + 1);
    case '{':
    case '[':
        return scan_open(scan, at, *at == '{', open);
    case 't':
        return scan_word(scan, at, "true");
    case 'f':
        return scan_word(scan, at, "false");
    case 'n':
        return scan_word(scan, at, "null");
    default:
        return *at == '-' || digit_at(scan, at) ? scan_number(scan, at) : fail(scan, at, "expected a value");
    }
}

static const uint8_t *scan_comma(struct scan *scan, const uint8_t *at)
{
    const uint8_t *next = skip_space(at + 1, scan->end);

    if (next < scan->end && (*next == ']' || *next == '}')) {
        return fail(scan, at, "trailing comma");
    }
    return in_object(scan) ? scan_name(scan, next) : next;
}

/* Behind a whole value: closes containers until a comma asks for a value or none is open. */
static const uint8_t *scan_close(struct scan *scan, const uint8_t *at)
{
    while (scan->depth > 0) {
        bool object = in_object(scan);

        at = skip_space(at, scan->end);
        if (at < scan->end && *at == ',') {
            return scan_comma(scan, at);
        }
        if (at == scan->end || *at != (object ? '}' : ']')) {
            return fail(scan, at, object ? "expected ',' or '}'" : "expected ',' or ']'");
        }
        scan->depth--;
        at++;
    }
    return at;
}

static const uint8_t *scan_document(struct scan *scan, const uint8_t *at)
{
    bool open;

    do {
        at = scan_value(scan, skip_space(at, scan->end), &open);
        if (at != NULL && !open) {
            at = scan_close(scan, at);
        }
    } while (at != NULL && scan->depth > 0);
    return at;
}

static enum status report(const struct scan *scan, const uint8_t *base, struct json_error *error)
{
    error->offset = (size_t)(scan->fault_at - base);
    error->reason = scan->reason;
    error->depth = scan->too_deep ? scan->max_depth : 0;
    return STATUS_INVALID;
}

enum status json_scan(struct slice text, int max_depth, struct json_value *out, struct json_error *error)
{
    const uint8_t *base = text.len == 0 ? (const uint8_t *)"" : text.data;
    struct scan scan = {.end = base + text.len, .max_depth = max_depth < LEVELS ? max_depth : LEVELS - 1};
    const uint8_t *start = skip_space(base, scan.end);
    const uint8_t *end = scan_document(&scan, start);
    const uint8_t *behind = end == NULL ? NULL : skip_space(end, scan.end);

    if (behind != NULL && behind < scan.end) {
        behind = fail(&scan, behind, "text after the end");
    }
    if (behind == NULL) {
        return report(&scan, base, error);
    }
    *out = json_value_of(slice_of(start, (size_t)(end - start)), base);
    return STATUS_OK;
}

char *json_error_text(const struct json_error *error, char *out, size_t cap)
{
    if (error->depth > 0) {
        snprintf(out, cap, "at byte %zu: nesting deeper than %d", error->offset, error->depth);
    } else {
        snprintf(out, cap, "at byte %zu: %s", error->offset, error->reason);
    }
    return out;
}
