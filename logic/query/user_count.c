/* SPDX-License-Identifier: Apache-2.0 */
/* Merges ascending lists of hashes, of which only the smallest are kept. */
#include "logic/query/user_count.h"

#include <endian.h>
#include <string.h>

#include "shared/jose/base64url.h"

bool user_hashes_read(struct slice text, uint64_t out[USER_HASHES], size_t *count)
{
    size_t len;

    if (base64url_decode(text, (uint8_t *)out, USER_HASHES * sizeof *out, &len) != STATUS_OK ||
        len % sizeof *out != 0)
        return false;
    *count = len / sizeof *out;
    for (size_t i = 0; i < *count; i++) {
        out[i] = be64toh(out[i]);
        if (i > 0 && out[i] <= out[i - 1])
            return false;
    }
    return true;
}

void user_count_init(struct user_count *users)
{
    users->count = 0;
}

bool user_count_add(struct user_count *users, struct slice text)
{
    const uint64_t *a = users->hashes, *b = users->other;
    size_t count, i = 0, j = 0, kept = 0;

    if (!user_hashes_read(text, users->other, &count))
        return false;
    while (kept < USER_HASHES && (i < users->count || j < count)) {
        bool first = j == count || (i < users->count && a[i] <= b[j]);
        uint64_t hash = first ? a[i] : b[j];

        i += i < users->count && a[i] == hash;
        j += j < count && b[j] == hash;
        users->merged[kept++] = hash;
    }
    memcpy(users->hashes, users->merged, kept * sizeof users->hashes[0]);
    users->count = kept;
    return true;
}

uint64_t user_count_get(const struct user_count *users, bool *exact)
{
    *exact = users->count < USER_HASHES;
    if (*exact)
        return users->count;
    return (uint64_t)((USER_HASHES - 1) / ((double)users->hashes[USER_HASHES - 1] / 0x1p64));
}
