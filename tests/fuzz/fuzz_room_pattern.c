/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern, a user and a room, with a NUL between each: the answer is that of a matcher that tries
 * everything. */
#include <string.h>

#include "shared/contract/room_pattern.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 4096 };

/* Row by row of pattern against room; `text` is the pattern with {sub} written out, a star as `stars` says.
 */
static bool tries_all(const uint8_t *text, const bool *stars, size_t len, struct slice room)
{
    static bool row[TEXT_MAX + 1];

    memset(row, 0, room.len + 1);
    row[0] = true;
    for (size_t i = 0; i < len; i++) {
        bool corner = row[0];

        row[0] = row[0] && stars[i];
        for (size_t j = 1; j <= room.len; j++) {
            bool above = row[j];

            row[j] = stars[i] ? above || row[j - 1] : corner && text[i] == room.data[j - 1];
            corner = above;
        }
    }
    return row[room.len];
}

static bool expected(struct slice pattern, struct slice user, struct slice room)
{
    static uint8_t text[64 * TEXT_MAX];
    static bool stars[64 * TEXT_MAX];
    size_t len = 0;

    for (size_t i = 0; i < pattern.len;) {
        bool sub = pattern.len - i >= 5 && memcmp(pattern.data + i, "{sub}", 5) == 0;

        if (sub)
            memcpy(text + len, user.data, user.len);
        else
            text[len] = pattern.data[i];
        memset(stars + len, 0, sub ? user.len : 1);
        if (!sub)
            stars[len] = pattern.data[i] == '*';
        len += sub ? user.len : 1;
        i += sub ? 5 : 1;
    }
    return room.len > 0 && tries_all(text, stars, len, room);
}

static struct slice take(const uint8_t **at, size_t *left)
{
    const uint8_t *end = memchr(*at, '\0', *left);
    size_t len = end != NULL ? (size_t)(end - *at) : *left;
    struct slice piece = slice_of(*at, len);

    *at += end != NULL ? len + 1 : len;
    *left -= end != NULL ? len + 1 : len;
    return piece;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice pattern = take(&data, &size);
    struct slice user = take(&data, &size);
    struct slice room = slice_of(data, size);

    if (pattern.len > ROOM_PATTERN_MAX || user.len > 1024 || room.len > 1024)
        return 0;
    fuzz_check(room_pattern_matches(pattern, user, room) == expected(pattern, user, room));
    return 0;
}
