/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes a gateway's hashes whole before any is looked at; 32 KiB of the heap for so long. */
#include "logic/query/user_hashes.h"

#include <endian.h>
#include <stdlib.h>

#include "shared/jose/base64url.h"

/* Into `out`, which has room for DISTINCT_MAX; false: it is no such text. */
static bool decode(struct slice text, uint64_t *out, size_t *count)
{
    size_t len;

    if (base64url_decode(text, (uint8_t *)out, DISTINCT_MAX * sizeof *out, &len) != STATUS_OK ||
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

bool user_hashes_valid(struct slice text)
{
    uint64_t *hashes = malloc(DISTINCT_MAX * sizeof *hashes);
    size_t count;
    bool valid = hashes != NULL && decode(text, hashes, &count);

    free(hashes);
    return valid;
}

enum status user_hashes_add(struct distinct *users, struct slice text)
{
    uint64_t *hashes = malloc(DISTINCT_MAX * sizeof *hashes);
    enum status status = hashes != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    size_t count = 0;

    if (hashes != NULL && !decode(text, hashes, &count))
        count = 0;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = distinct_add(users, hashes[i]);
    free(hashes);
    return status;
}
