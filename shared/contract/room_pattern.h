/* SPDX-License-Identifier: Apache-2.0 */
/* Which rooms somebody may reach: patterns against which a room's name is held. Pure; any thread.
 *   *       any run of bytes, also none
 *   {sub}   the user, byte for byte: a `*` in a user's name is no wildcard
 * and everything else is itself, case included. In a list, a pattern that begins with `!` takes away what the
 * rest of it matches, wherever it stands: ["*", "!private.*"] is every room but the private ones. A name that
 * begins with ! is reached by a pattern that begins with `*`. There is no other escape: a room whose name
 * holds a `*` is reached by a pattern with `*` at that place. There is no backtracking, so no pattern costs
 * more than its length times the name's. Bounds: ROOM_PATTERNS_MAX patterns of ROOM_PATTERN_MAX bytes in a
 * list; what is past them is refused. */
#ifndef FANFARE_SHARED_CONTRACT_ROOM_PATTERN_H
#define FANFARE_SHARED_CONTRACT_ROOM_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { ROOM_PATTERN_MAX = 256, ROOM_PATTERNS_MAX = 64 };

/* NULL, or why a text is no pattern (static, a clause behind the option's name): 1 to ROOM_PATTERN_MAX bytes
 * of UTF-8 without control characters. */
const char *room_pattern_fault(struct slice pattern);
/* Whether `room` matches one pattern, in which ! is nothing special. `user` is what {sub} stands for; with
 * its data NULL a pattern with {sub} matches nothing. */
bool room_pattern_matches(struct slice pattern, struct slice user, struct slice room);

/* A list, in one allocation: all zero is an empty one, which matches nothing. */
struct room_patterns {
    char *texts; /* each ends with a NUL */
    uint32_t bytes;
    uint32_t count;
};

/* Appends a copy. STATUS_INVALID: no pattern; STATUS_FULL: the list has ROOM_PATTERNS_MAX; STATUS_NO_MEMORY.
 * The list is as before then. */
enum status room_patterns_add(struct room_patterns *patterns, struct slice pattern);
/* Whether one of them matches, and none that begins with ! does. */
bool room_patterns_match(const struct room_patterns *patterns, struct slice user, struct slice room);
void room_patterns_fini(struct room_patterns *patterns);

#endif
