/* SPDX-License-Identifier: Apache-2.0 */
/* What a reading of the registry has found so far. Pure; one thread at a time. */
#ifndef FANFARE_LOGIC_REGISTRY_READING_H
#define FANFARE_LOGIC_REGISTRY_READING_H

#include <stddef.h>

#include "shared/registry_entry.h"
#include "shared/slice.h"

enum { REGISTRY_READING_MAX = 1024, REGISTRY_CURSOR_MAX = 24 };

/* All zero: an empty reading. */
struct registry_reading {
    char cursor[REGISTRY_CURSOR_MAX]; /* of SCAN: where it goes on */
    struct registry_entry *entries;   /* of one id only the last counts */
    size_t count;
    size_t cap;
    size_t noise; /* values that are no entries */
};

/* Adds a value. One that is no entry, is past REGISTRY_READING_MAX, or for which there is no
 * memory, is passed over and counted; the first such one of a reading is logged. Of an id that was added
 * before, the later value replaces the earlier. */
void registry_reading_add(struct registry_reading *reading, struct slice value);
/* Empties it and frees its memory. */
void registry_reading_clear(struct registry_reading *reading);

#endif
