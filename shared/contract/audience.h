/* SPDX-License-Identifier: Apache-2.0 */
/* Who a push is for: one table of the kinds, and how each is written as the target of a record and as a key.
 * A key is what a gateway merges by and looks up: for a room its name, which never begins with a control
 * character (push_room_fault); for everyone no bytes; for other kinds a mark, a control character that no
 * client can name. A new kind is one row. Pure; any thread. */
#ifndef FANFARE_SHARED_CONTRACT_AUDIENCE_H
#define FANFARE_SHARED_CONTRACT_AUDIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/slice.h"

enum { AUDIENCE_NO_TARGET = -1 }; /* no push of a logic goes there */

/* Kind, its name in logs, the target byte of its records, the first byte of its keys (0: none). */
#define AUDIENCES(X)                                                                                         \
    X(EVERYONE, "all", 0, 0)                                                                                 \
    X(ROOM, "rooms", 1, 0)                                                                                   \
    X(CANARY, "canary", AUDIENCE_NO_TARGET, 1) /* the gateway's own client: gateway/rpc/canary.h */

#define AUDIENCE_ENUM(kind, name, target, mark) AUDIENCE_##kind,
enum audience { AUDIENCES(AUDIENCE_ENUM) AUDIENCE_KINDS };
#undef AUDIENCE_ENUM

/* The name of a kind in logs; static. */
const char *audience_name(enum audience kind);
/* The target byte of a record for `kind`, which has one. */
uint8_t audience_target(enum audience kind);
/* The kind that a record's target byte means. False: it means none, and `out` is not set. */
bool audience_of_target(uint8_t target, enum audience *out);
/* The key of a kind that has but one: everyone, the canary. Static bytes, never NULL. */
struct slice audience_key(enum audience kind);
/* Whose key this is. */
enum audience audience_of(struct slice key);

#endif
