/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of RFC 3629, section 4: the second byte's range depends on the first, every other
 * continuation is 80..BF. Text is taken eight bytes at a time while it is ASCII. */
#include "shared/base/utf8.h"

#include <string.h>

static const uint64_t HIGH_BITS = 0x8080808080808080U;

static bool continues(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

static bool wide3(const uint8_t *at)
{
    return continues(at[1]) && continues(at[2]) && (at[0] != 0xE0 || at[1] >= 0xA0) &&
           (at[0] != 0xED || at[1] < 0xA0);
}

static bool wide4(const uint8_t *at)
{
    return at[0] <= 0xF4 && continues(at[1]) && continues(at[2]) && continues(at[3]) &&
           (at[0] != 0xF0 || at[1] >= 0x90) && (at[0] != 0xF4 || at[1] < 0x90);
}

/* The length of the sequence at `at`, or 0. */
static size_t wide_length(const uint8_t *at, size_t left)
{
    if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        return left >= 3 && wide3(at) ? 3 : 0;
    }
    if (at[0] >= 0xC2 && at[0] < 0xE0) {
        return left >= 2 && continues(at[1]) ? 2 : 0;
    }
    return at[0] >= 0xF0 && left >= 4 && wide4(at) ? 4 : 0;
}

const uint8_t *utf8_skip_wide(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= 0x80) {
        size_t len = wide_length(at, (size_t)(end - at));

        if (len == 0) {
            break;
        }
        at += len;
    }
    return at;
}

static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end)
{
    uint64_t word;

    while (end - at >= 8) {
        memcpy(&word, at, sizeof word);
        if ((word & HIGH_BITS) != 0) {
            break;
        }
        at += 8;
    }
    while (at < end && *at < 0x80) {
        at++;
    }
    return at;
}

bool utf8_valid(struct slice text, size_t *bad)
{
    const uint8_t *at = text.len == 0 ? (const uint8_t *)"" : text.data;
    const uint8_t *end = at + text.len;

    while ((at = skip_ascii(at, end)) < end) {
        const uint8_t *next = utf8_skip_wide(at, end);

        if (next < end && *next >= 0x80) {
            if (bad != NULL) {
                *bad = (size_t)(next - text.data);
            }
            return false;
        }
        at = next;
    }
    return true;
}

size_t utf8_encode(uint32_t point, char out[4])
{
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (char)(lead[len] | point);
    return len;
}
