/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for one gateway: pushes in the order of their sequences. The first ones may be frozen: they are
 * the batch that is under way and is sent again, under the same numbers, until it is answered. Bounds:
 * `max_count` pushes and `max_bytes` bytes of records (linkQueueBytes, gatewayMaxPendingCount). Policy past
 * them: link_queue_has_room says no and the caller refuses or drops the push; it also counts
 * (logic_metrics.h). Pure: no socket, no clock, no metrics. One thread at a time. */
#ifndef FANFARE_LOGIC_LINK_LINK_QUEUE_H
#define FANFARE_LOGIC_LINK_LINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/push/encoded_push.h"
#include "shared/base/status.h"

struct link_queue {
    struct encoded_push **pushes; /* one reference each; a ring of `cap` places, a power of two */
    size_t cap;
    size_t head;   /* place of the oldest */
    size_t count;  /* pushes in the queue, the frozen ones included */
    size_t frozen; /* how many of the oldest are frozen */
    size_t bytes;  /* of all records in the queue */
    size_t max_count;
    size_t max_bytes;
};

/* An empty queue; allocates nothing. */
void link_queue_init(struct link_queue *queue, size_t max_count, size_t max_bytes);
/* Other bounds from now on; what is queued past them stays. */
void link_queue_bound(struct link_queue *queue, size_t max_count, size_t max_bytes);
/* Gives back every push and the memory. */
void link_queue_fini(struct link_queue *queue);
/* Whether a record of `bytes` fits the bounds. An empty queue takes any one record, so that a
 * record above max_bytes does not wait for ever. */
bool link_queue_has_room(const struct link_queue *queue, size_t bytes);
/* Makes sure that the next link_queue_add cannot fail. STATUS_NO_MEMORY. */
enum status link_queue_reserve(struct link_queue *queue);
/* Appends and takes a reference; needs link_queue_reserve before each call. */
void link_queue_add(struct link_queue *queue, struct encoded_push *push);
/* The push at `index` from the oldest (0); index < count. The reference stays the queue's. */
const struct encoded_push *link_queue_at(const struct link_queue *queue, size_t index);
/* Removes the oldest push (count > 0), frozen or not; its reference is the caller's now. */
struct encoded_push *link_queue_take(struct link_queue *queue);
/* Freezes the oldest pushes: at most `max_count` of them and `max_bytes` together, but at
 * least one when there is one. What is frozen already stays as it is. Returns how many are. */
size_t link_queue_freeze(struct link_queue *queue, size_t max_count, size_t max_bytes);
/* Nothing is frozen any more; the pushes stay. */
void link_queue_thaw(struct link_queue *queue);

#endif
