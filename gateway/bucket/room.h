/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket's rooms: who is in, and which deliveries wait for them. One per key
 * (audience.h) and bucket. The bucket's thread only. */
#ifndef FANFARE_GATEWAY_BUCKET_ROOM_H
#define FANFARE_GATEWAY_BUCKET_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/bucket/delivery.h"
#include "gateway/bucket/directory.h"
#include "gateway/bucket/ticket.h"
#include "shared/base/hashmap.h"
#include "shared/base/list.h"

struct client;

/* One client's place in a room. */
struct room_member {
    struct client *client;
    uint32_t slot;  /* the index of the room in the client's memberships */
    uint32_t stamp; /* the last job that came by here: see room_visit */
};

struct room {
    struct hashmap_node node; /* in the bucket's table; the key is the directory entry's */
    struct directory_entry *entry;
    struct room_member *members;
    uint32_t count;
    uint32_t capacity;
    uint32_t job_stamp; /* of the job under way */
    uint32_t cursor;    /* members below it are still to visit; meaningful while a job is under way */
    bool visiting;      /* the first job is under way */
    uint16_t kicks;     /* that were queued here so far: who joins notes it (struct membership) */
    uint32_t pins;      /* commands among its jobs: while there are any, it stays without members too */
    struct job *first;  /* jobs in order */
    struct job *last;
    struct list run; /* in the bucket's run queue while it has jobs */
};

struct rooms {
    struct hashmap table;
    struct directory *directory;
    unsigned bucket;
};

enum status rooms_init(struct rooms *rooms, struct directory *directory, unsigned bucket);
/* All clients must have left. */
void rooms_fini(struct rooms *rooms);
/* NULL when nobody of this bucket is in it. */
struct room *rooms_find(const struct rooms *rooms, struct slice name, uint64_t hash);

/* The same; made, without members, when there is none. The caller pins it or closes it. NULL for want of
 * memory. */
struct room *rooms_open(struct rooms *rooms, struct slice name, uint64_t hash);
/* Whether nobody is in it and no command waits for it, so that it is to be closed. */
static inline bool room_is_unused(const struct room *room)
{
    return room->count == 0 && room->pins == 0;
}

/* The room of everyone, or NULL while the bucket has no client. */
struct room *rooms_everyone(const struct rooms *rooms);

/* Makes `client` a member; the room and its directory entry appear with the first one.
 * `encoding`: enum encoding. `slot` is where the client notes it; the place is returned in `*index`. */
enum status room_join(struct rooms *rooms, struct slice name, struct client *client, unsigned encoding,
                      uint32_t slot, struct room **out, uint32_t *index);
/* Takes the member at `index` out. Returns the member that stands there now, whose client must note its new
 * place, or NULL: it was the last. A room that is unused then is the caller's to close. */
const struct room_member *room_leave(struct room *room, uint32_t index, unsigned encoding);
/* Frees an unused room. Returns its jobs, chained by `next`, which are the caller's. */
struct job *rooms_close(struct rooms *rooms, struct room *room);

/* Whether a job waits, or is under way, that has not come by the member at `index`. */
bool room_owes(const struct room *room, uint32_t index);
/* The next member that the job under way has not come by, or NULL when there is none. Members
 * may join and leave between the calls: each one that stays is visited exactly once. */
struct client *room_visit(struct room *room);

#endif
