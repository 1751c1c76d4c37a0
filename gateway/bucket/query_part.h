/* SPDX-License-Identifier: Apache-2.0 */
/* A query of a logic, and the part of its answer that one bucket finds (docs/protocol.md, section 3, "The
 * query"). The control thread makes both and owns them; a bucket has a part from its mail to its way back,
 * and gives every one back, also at its end. */
#ifndef FANFARE_GATEWAY_BUCKET_QUERY_PART_H
#define FANFARE_GATEWAY_BUCKET_QUERY_PART_H

#include <stdatomic.h>

#include "gateway/bucket/query_page.h"
#include "gateway/bucket/room_scan.h"
#include "gateway/bucket/ticket.h"
#include "shared/base/distinct.h"
#include "shared/contract/audience.h"
#include "shared/contract/connection_id.h"

enum query_op { QUERY_ROOM, QUERY_ROOMS, QUERY_USER, QUERY_CLIENT, QUERY_NODE, QUERY_OPS };

/* What is asked; it does not change while a bucket has a part, but for `given_up`. */
struct query {
    enum query_op op;
    uint32_t limit;                 /* entries of the page, 1 to QUERY_PAGE_ENTRIES */
    bool users;                     /* QUERY_ROOM: a page of users is wanted */
    uint64_t hash_key[2];           /* QUERY_ROOM: of SipHash */
    uint8_t name[AUDIENCE_KEY_MAX]; /* the room's or user's key (audience.h); QUERY_ROOMS: a prefix */
    size_t name_len;
    uint8_t after[AUDIENCE_NAME_MAX]; /* QUERY_ROOM: users above it */
    size_t after_len;
    struct connection_id connection; /* QUERY_CLIENT */
    atomic_bool given_up;            /* nobody waits for the answer any more */
};

/* What was found. The pages' keys and payloads:
 *   QUERY_ROOM    a user's name; its info, or nothing
 *   QUERY_ROOMS   how many connections a room has, from many to few (query_rooms_key), and its name
 *   QUERY_USER    the id of a connection; its JSON (client_report.h)
 *   QUERY_CLIENT  the same */
struct query_found {
    enum status status;    /* STATUS_NO_MEMORY: not all of it */
    uint64_t count;        /* connections, or rooms */
    struct distinct users; /* hashes of the room's users */
    struct query_page page;
};

struct query_part {
    union {
        struct bucket_mail head;  /* on its way in */
        struct control_mail back; /* and out */
    };
    const struct query *query;
    void *owner; /* the control thread's */
    struct query_found found;
    struct list link;      /* the bucket's, from here on: among those that it works on */
    struct room_scan scan; /* of a room */
    size_t cursor;         /* in the directory */
    bool begun;
};

#endif
