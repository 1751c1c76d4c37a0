/* SPDX-License-Identifier: Apache-2.0 */
/* The fan-out of one bucket as a pure core: whose turn it is, which frame goes to which client, and what
 * becomes of each write. It knows no socket, no clock and no thread: these are the edge's (struct
 * rounds_edge), so a test can play them. The bucket's thread only.
 *
 * Its promises, each held by tests/unit/gateway/bucket/test_rounds.c:
 * - The jobs of a room are written in the order in which they were added; each member that stays gets each
 *   of them exactly once.
 * - Rooms take turns, a slice of at most ROUNDS_SLICE visits at a time; who got a job while a large room's
 *   slice was written goes before that room's next one.
 * - No slice names a client twice: two writes to one socket in one submission have no order when the first
 *   finds it full.
 * - Who is excluded from items of a delivery gets a frame of his own with the others, at the same turn; when
 *   none is left, none. It is judged when he is visited, whoever joined, left or changed meanwhile.
 * - What has a deadline is given to nobody from then on; a job that is late before its first visit is dropped
 *   at once.
 * - The edge's calls may close clients, and so change rooms: they come only when no room is walked.
 * - A command has its turn as a batch has, with no slice gathered, and its room stays until it is through. */
#ifndef FANFARE_GATEWAY_BUCKET_ROUNDS_H
#define FANFARE_GATEWAY_BUCKET_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/bucket/client.h"
#include "gateway/bucket/room.h"
#include "gateway/bucket/wire.h"

enum { ROUNDS_SLICE = 128 };

struct rounds_edge {
    /* Monotonic, microseconds. Asked once a round and after each write. */
    int64_t (*now_us)(void *arg);
    /* Writes `count` (1 to ROUNDS_SLICE) operations and fills their results: see wire_write. */
    void (*write)(void *arg, struct wire_op *ops, size_t count);
    /* Sends a push to a client that is behind or speaks TLS: see client_send_push. */
    void (*send)(struct client *client, struct frame *frame);
    /* The socket took `sent` bytes, not all: see client_queue_push. */
    void (*queue)(struct client *client, struct frame *frame, uint32_t sent);
    /* The socket is broken. */
    void (*lost)(struct client *client);
    /* The connection with this id, if it is of this bucket and still here, else NULL. Asked while a room is
     * walked: it changes nothing. */
    struct client *(*connection)(void *arg, struct slice id);
    /* Carries out a part of a command, the room's first job, at `most` members at most; returns how many it
     * looked at. `*through`: nothing is left of it. May close clients and change rooms; this one stays. */
    size_t (*command)(void *arg, struct room *room, struct job *job, size_t most, bool *through);
    /* The room is unused after a command. */
    void (*unused)(void *arg, struct room *room);
    /* `count` jobs are through or dropped, and freed. */
    void (*finished)(void *arg, size_t count);
    void *arg;
};

/* One visit of the slice that is being gathered. */
struct rounds_visit {
    struct client *client;
    struct frame *frame; /* kept alive by its job, or by `own` */
};

struct rounds {
    const struct rounds_edge *edge;
    struct list run; /* rooms with jobs, in turn */
    struct rounds_visit slice[ROUNDS_SLICE];
    struct wire_op ops[ROUNDS_SLICE];
    size_t count;                    /* of the slice */
    struct frame *own[ROUNDS_SLICE]; /* frames of the slice that were made for one client: a reference each */
    size_t own_count;
    struct job *done; /* freed when the slice is written */
    int64_t now_us;   /* when the last slice was written, or the round began */
};

/* `edge` must outlive it. Owns nothing until a job is added; all jobs must be through or dropped at the end.
 */
void rounds_init(struct rounds *rounds, const struct rounds_edge *edge);
/* Queues a job, which belongs to the rounds from here on; `room` NULL: nobody is there, it is dropped. */
void rounds_add(struct rounds *rounds, struct room *room, struct job *job);
/* Drops a job whose room is going (see room_leave); freed by the next rounds_reap. */
void rounds_drop(struct rounds *rounds, struct job *job);
/* Works for one round, about ROUNDS_SLICE visits. True when work is left. */
bool rounds_run(struct rounds *rounds);
/* Frees jobs that are through or dropped, and says so to the edge. Never while a slice is gathered, that is,
 * never from within the edge's calls. */
void rounds_reap(struct rounds *rounds);
/* Whether a job waits for the client, or is under way and has not come by it. */
bool rounds_owe(const struct client *client);

#endif
