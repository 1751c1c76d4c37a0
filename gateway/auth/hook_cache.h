/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the operator's service that are good for a while, by exactly what was asked: all bytes are
 * compared, the hash (SipHash under a key of this process) only finds them. Bounded by entries and bytes;
 * past either the least recently used goes. Time is passed in, in Unix seconds. The control thread. */
#ifndef FANFARE_GATEWAY_AUTH_HOOK_CACHE_H
#define FANFARE_GATEWAY_AUTH_HOOK_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct hook_cache;

/* HOOK_CACHE_BYTES: questions and answers of all entries together. */
enum { HOOK_CACHE_BYTES = 64 << 20 };

struct hook_kept {
    struct slice answer; /* valid until the next call for this cache */
    int64_t expires_s;
};

enum status hook_cache_new(size_t max_entries, struct hook_cache **out);
/* Legal on NULL. */
void hook_cache_free(struct hook_cache *cache);
/* Forgets everything, and keeps at most `max_entries` from now on; 0: nothing. */
void hook_cache_reset(struct hook_cache *cache, size_t max_entries);
/* Whether an answer is there that is good beyond `now_s`; then it counts as used. */
bool hook_cache_find(struct hook_cache *cache, struct slice asked, int64_t now_s, struct hook_kept *out);
/* Keeps a copy, in place of what was there. Without memory, or where it is larger than all may be, nothing is
 * kept: the next one asks again. */
void hook_cache_keep(struct hook_cache *cache, struct slice asked, struct slice answer, int64_t expires_s);
size_t hook_cache_count(const struct hook_cache *cache);

#endif
