/* SPDX-License-Identifier: Apache-2.0 */
/* Who a push is for: one table of the kinds, and how each is written as the target of a record and as a key.
 * A key is what a gateway merges by and looks up: for a room its name, which never begins with a control
 * character (push_name_fault); for everyone no bytes; for other kinds a mark, a control character that no
 * client can name, with the name behind it where the kind has names. A new kind is one row. Pure; any
 * thread. */
#ifndef FANFARE_SHARED_CONTRACT_AUDIENCE_H
#define FANFARE_SHARED_CONTRACT_AUDIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/slice.h"

enum { AUDIENCE_NO_TARGET = -1 }; /* no push of a logic goes there */
enum { AUDIENCE_NAME_MAX = 1024, AUDIENCE_KEY_MAX = 1 + AUDIENCE_NAME_MAX }; /* bytes */

/* Kind, its name in logs, the target byte of its records, the first byte of its keys (0: none), what one of
 * its names is called (NULL: the kind is one audience and has no names). */
#define AUDIENCES(X)                                                                                         \
    X(EVERYONE, "all", 0, 0, NULL)                                                                           \
    X(ROOM, "rooms", 1, 0, "room")                                                                           \
    X(USER, "users", 2, 2, "user")                   /* every connection of a user */                        \
    X(CONNECTION, "connections", 3, 3, "connection") /* one connection, by its id: for commands only */      \
    X(CANARY, "canary", AUDIENCE_NO_TARGET, 1, NULL) /* the gateway's own client: gateway/rpc/canary.h */

#define AUDIENCE_ENUM(kind, name, target, mark, noun) AUDIENCE_##kind,
enum audience { AUDIENCES(AUDIENCE_ENUM) AUDIENCE_KINDS };
#undef AUDIENCE_ENUM

/* The name of a kind in logs; static. */
const char *audience_name(enum audience kind);
/* What one name of the kind is called: "room", "user"; static. NULL: pushes of the kind name nobody. */
const char *audience_noun(enum audience kind);
/* Whether pushes of the kind name whom they are for: their records have 1 or more names, others none. */
bool audience_has_names(enum audience kind);
/* The target byte of a record for `kind`, which has one. */
uint8_t audience_target(enum audience kind);
/* The kind that a record's target byte means. False: it means none, and `out` is not set. */
bool audience_of_target(uint8_t target, enum audience *out);
/* The key of a kind that has but one: everyone, the canary. Static bytes, never NULL. */
struct slice audience_key(enum audience kind);
/* The key of one name of a kind that has names. A room's is the name itself; others are written to `out` and
 * live as long. `name` has passed push_name_fault, so that it has at most AUDIENCE_NAME_MAX bytes. */
struct slice audience_key_of(enum audience kind, struct slice name, uint8_t out[AUDIENCE_KEY_MAX]);
/* Whose key this is. */
enum audience audience_of(struct slice key);
/* The name in a key of a kind that has names; within `key`. */
struct slice audience_key_name(struct slice key);

#endif
