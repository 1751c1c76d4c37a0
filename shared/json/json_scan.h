/* SPDX-License-Identifier: Apache-2.0 */
/* Strict RFC 8259 scanner: validates, splits, allocates nothing, never changes a byte.
 * Pure; any thread. UTF-8 is checked as RFC 3629 has it (no overlong forms, no surrogates).
 * A lone surrogate escape (\uD800) is refused in values and names: the grammar has it, but no
 * character stands behind it (RFC 8259, 8.2), and a strict reader refuses the whole text that it
 * is merged into. */
#ifndef FANFARE_SHARED_JSON_JSON_SCAN_H
#define FANFARE_SHARED_JSON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/base/utf8.h"

enum { JSON_MAX_DEPTH = 512 }; /* the highest max_depth that a configuration may ask for */

/* Where and why a text is not valid. `reason` is static, e.g. "trailing comma". */
struct json_error {
    size_t offset; /* byte offset in the whole text */
    const char *reason;
    int depth; /* the limit, when the text is nested deeper than it; else 0 */
};

/* Writes "at byte 17: trailing comma", cut to `cap` bytes with the final 0; returns `out`. */
char *json_error_text(const struct json_error *error, char *out, size_t cap);

enum json_type { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

struct json_value {
    enum json_type type;
    struct slice text; /* the value's own bytes, without surrounding space; a string with its quotes */
    size_t offset;     /* of text in the whole text */
};

/* Checks that `text` is exactly one value (space around it allowed), nested at most
 * `max_depth` deep ([] is depth 1; at most JSON_MAX_DEPTH and a few levels for what wraps an
 * item). STATUS_INVALID fills `error`. */
enum status json_scan(struct slice text, int max_depth, struct json_value *out, struct json_error *error);

/* Describes `text`, a valid value without space around it; `base` as below. */
struct json_value json_value_of(struct slice text, const uint8_t *base);

/* Walks the elements of a value that json_scan has passed. */
struct json_iter {
    const uint8_t *base; /* start of the whole text, for offsets */
    const uint8_t *at;
    const uint8_t *end;
};

/* `base` is the whole text that offsets count from. Over anything but a container: at its end. */
struct json_iter json_iter_of(const struct json_value *container, const uint8_t *base);
/* The next element of an array; false at its end. */
bool json_next_element(struct json_iter *iter, struct json_value *value);
/* The next member of an object; `key` is the key's text with its quotes; false at its end. */
bool json_next_member(struct json_iter *iter, struct json_value *key, struct json_value *value);

/* How deep a value that json_scan has passed is nested: [] is 1, a number 0. */
int json_depth(struct slice text);

/* Decodes a JSON string (with its quotes, already valid) into UTF-8. `*len` is the length.
 * STATUS_TOO_LARGE when it does not fit `cap`; STATUS_INVALID when an escape is a lone surrogate,
 * which json_scan lets nobody meet. */
enum status json_unescape(struct slice string, char *out, size_t cap, size_t *len);
/* Whether a JSON string (with its quotes) decodes to exactly `text`; `fold` ignores ASCII case. */
bool json_string_is(struct slice string, const char *text, bool fold);
/* Whether two JSON strings (with their quotes) decode to the same characters, however they are escaped. */
bool json_strings_equal(struct slice a, struct slice b);

#endif
