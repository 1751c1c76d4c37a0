/* SPDX-License-Identifier: Apache-2.0 */
/* What a reading of the registry has found so far. Pure; one thread at a time. */
#ifndef FANFARE_LOGIC_DISCOVERY_REGISTRY_READING_H
#define FANFARE_LOGIC_DISCOVERY_REGISTRY_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/registry_entry.h"

enum {
    REGISTRY_READING_MAX = 1024,     /* entries that are kept */
    REGISTRY_CURSOR_MAX = 20,        /* digits of an unsigned 64-bit number */
    REGISTRY_PAGES_MAX = 20000,      /* of one reading: a Redis with some twenty million keys */
    REGISTRY_KEYS_MAX = 65536,       /* of one reading, that match; SCAN may name one more than once */
    REGISTRY_READING_MAX_MS = 60000, /* of one reading */
};

/* All zero: an empty reading. */
struct registry_reading {
    char cursor[REGISTRY_CURSOR_MAX + 1]; /* of SCAN: where it goes on */
    size_t pages;                         /* that SCAN has given */
    size_t keys;                          /* on them */
    struct registry_entry *entries;       /* of one id only the last counts */
    size_t count;
    size_t cap;
    size_t noise; /* values that are no entries */
};

/* Notes a page of SCAN: where it goes on, and how many keys it named; `took_ms` is how long the reading
 * has taken. STATUS_INVALID: no cursor; STATUS_TOO_LARGE: past one of the limits above; the reading is then
 * to be given up, and `fault` names why. */
enum status registry_reading_turn(struct registry_reading *reading, struct slice cursor, size_t keys,
                                  int64_t took_ms, struct fault *fault);
/* Whether that was the last page. */
bool registry_reading_is_complete(const struct registry_reading *reading);
/* Adds a value. One that is no entry, is past REGISTRY_READING_MAX, or for which there is no
 * memory, is passed over and counted; the first such one of a reading is logged. Of an id that was added
 * before, the later value replaces the earlier. */
void registry_reading_add(struct registry_reading *reading, struct slice value);
/* Empties it and frees its memory. */
void registry_reading_clear(struct registry_reading *reading);

#endif
