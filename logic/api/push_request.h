/* SPDX-License-Identifier: Apache-2.0 */
/* From the body of an API request to pushes, by the rules of docs/protocol.md, section 1.
 * Pure: bytes in, pushes or a refusal out; no socket, no clock. Any thread. */
#ifndef FANFARE_LOGIC_API_PUSH_REQUEST_H
#define FANFARE_LOGIC_API_PUSH_REQUEST_H

#include <stddef.h>

#include "logic/push/push_fault.h"
#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/push.h"

struct push_request_limits {
    size_t max_items;      /* per push */
    size_t max_item_len;   /* bytes */
    size_t max_rooms;      /* rooms or users per push, counted before duplicates are dropped */
    size_t max_room_len;   /* bytes of a room's or user's name, decoded */
    size_t max_pushes;     /* per batch */
    int max_depth;         /* nesting inside an item, at most JSON_MAX_DEPTH */
    struct ban_list *bans; /* who is kept out: a ban is ordered later than what is known. NULL: nothing is */
    int64_t now_ms;        /* since 1970, when a ban is ordered now */
};

/* /push/all, /push/room, /push/batch, /push/user, and those of commands, which take JSON only: /kick, /join,
 * /leave, /unban */
enum push_door {
    PUSH_DOOR_ALL,
    PUSH_DOOR_ROOM,
    PUSH_DOOR_BATCH,
    PUSH_DOOR_USER,
    PUSH_DOOR_KICK,
    PUSH_DOOR_JOIN,
    PUSH_DOOR_LEAVE,
    PUSH_DOOR_UNBAN,
    PUSH_DOOR_COUNT,
    PUSH_DOOR_COMMANDS = PUSH_DOOR_KICK /* from here on */
};

/* Whether forms come in there; JSON does everywhere. */
static inline bool push_door_takes_forms(enum push_door door)
{
    return door == PUSH_DOOR_ALL || door == PUSH_DOOR_ROOM || door == PUSH_DOOR_USER;
}

enum push_body { PUSH_BODY_FORM, PUSH_BODY_JSON };

struct push_entry {
    struct push push;             /* when fault is NULL */
    struct slice idempotency_key; /* no bytes: none */
    struct push_fault *fault;     /* an element of a batch that was refused; owned by the request */
};

/* Owns its entries and whatever had to be decoded; slices that did not need decoding point
 * into the caller's body, which must live as long. */
struct push_request {
    struct push_entry *entries; /* in the order of the body */
    size_t count;               /* 1 but for a batch */

    struct slice *slices; /* every entry's names and items, in the order of the entries */
    size_t slice_count;
    size_t slice_cap;
    struct buf decoded; /* a form's items, or JSON's names that had escapes */
    struct buf name;    /* a form's room or user */
    struct buf command; /* the item of a command */
};

/* Reads a whole body. `wait` and `trace` are what the body says; the query's wait=1 and the header's
 * traceparent are the caller's to add.
 * STATUS_OK: `*out` is the caller's to free, and has at least one entry. STATUS_INVALID: the
 * request is refused whole, `fault` says why. STATUS_NO_MEMORY. */
enum status push_request_parse(enum push_door door, enum push_body kind, struct slice body,
                               const struct push_request_limits *limits, struct push_request **out,
                               struct push_fault *fault);
/* Legal on NULL. */
void push_request_free(struct push_request *request);

#endif
