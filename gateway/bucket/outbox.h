/* SPDX-License-Identifier: Apache-2.0 */
/* What one client's socket did not take: frame references in order. Pure; the bucket's thread.
 * Bounded by its caller (client.c): `clientQueueBytes` and `wsOutChannelSize`, the policy is
 * `slowClientPolicy`, what is dropped is counted in fanfare_gateway_frames_dropped_total. */
#ifndef FANFARE_GATEWAY_BUCKET_OUTBOX_H
#define FANFARE_GATEWAY_BUCKET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/websocket/frame.h"
#include "shared/base/status.h"

struct outbox_entry {
    struct outbox_entry *next;
    struct frame *frame;
    bool control; /* PONG, ACK, ERROR, close, HTTP: never dropped by policy */
};

struct outbox {
    struct outbox_entry *head;
    struct outbox_entry *tail;
    size_t bytes;       /* of all frames, what is sent of the head included */
    uint32_t frames;    /* entries */
    uint32_t pushes;    /* entries that are not control */
    uint32_t head_sent; /* bytes of the head that the socket has */
    uint32_t expiring;  /* entries whose frame has a deadline */
};

/* Appends a reference of its own to `frame`. `sent`: bytes of it that the socket already took
 * (the outbox must be empty then). STATUS_NO_MEMORY: nothing changed. */
enum status outbox_add(struct outbox *outbox, struct frame *frame, bool control, uint32_t sent);
/* Drops the head, sent or not. */
void outbox_pop(struct outbox *outbox);
/* Drops the oldest push of which nothing was sent; false when there is none. */
bool outbox_drop_oldest(struct outbox *outbox);
/* Drops every frame whose deadline is `now_us` (monotonic) or earlier and of which nothing was sent; returns
 * how many. They are pushes: nothing else has one. Costs nothing while no frame has a deadline. */
uint32_t outbox_drop_expired(struct outbox *outbox, int64_t now_us);
/* Drops every push of which nothing was sent; returns how many. */
uint32_t outbox_drop_pushes(struct outbox *outbox);
/* Drops all. */
void outbox_fini(struct outbox *outbox);

#endif
