/* SPDX-License-Identifier: Apache-2.0 */
/* How many different users several gateways have together, each of which gives the smallest hashes of its
 * own: the smallest of all of them are kept. Fewer than USER_HASHES are all that there are; else the largest
 * kept tells how dense they lie (Bar-Yossef et al. 2002, k minimum values; error about 1/sqrt(k), 1.6 %).
 * Pure; any thread; about 100 KiB, for the heap. */
#ifndef FANFARE_LOGIC_QUERY_USER_COUNT_H
#define FANFARE_LOGIC_QUERY_USER_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"

enum { USER_HASHES = 4096 };

struct user_count {
    size_t count;
    uint64_t hashes[USER_HASHES]; /* ascending */
    uint64_t other[USER_HASHES];  /* those of a gateway, and room to merge */
    uint64_t merged[USER_HASHES];
};

/* Reads the base64url text of up to USER_HASHES big-endian hashes, ascending and each once, into `out`.
 * False: it is no such text. */
bool user_hashes_read(struct slice text, uint64_t out[USER_HASHES], size_t *count);
/* Nobody yet. */
void user_count_init(struct user_count *users);
/* Adds a gateway's, as user_hashes_read takes them; false and unchanged when it does not. */
bool user_count_add(struct user_count *users, struct slice text);
/* How many there are; `*exact` when that is no estimate. */
uint64_t user_count_get(const struct user_count *users, bool *exact);

#endif
