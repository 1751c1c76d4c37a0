/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a ring of references to pushes. Pure; never frees a push that another link still
 * holds, never reorders. */
#include "logic/link/link_queue.h"

#include <stdlib.h>

enum { RING_MIN = 64, RING_KEEP = 1024 };

void link_queue_init(struct link_queue *queue, size_t max_count, size_t max_bytes)
{
    *queue = (struct link_queue){.max_count = max_count, .max_bytes = max_bytes};
}

void link_queue_bound(struct link_queue *queue, size_t max_count, size_t max_bytes)
{
    queue->max_count = max_count;
    queue->max_bytes = max_bytes;
}

void link_queue_fini(struct link_queue *queue)
{
    while (queue->count > 0)
        encoded_push_unref(link_queue_take(queue));
    free(queue->pushes);
    link_queue_init(queue, queue->max_count, queue->max_bytes);
}

bool link_queue_has_room(const struct link_queue *queue, size_t bytes)
{
    if (queue->count == 0)
        return true;
    return queue->count < queue->max_count && queue->bytes < queue->max_bytes &&
           bytes <= queue->max_bytes - queue->bytes;
}

static size_t ring_place(const struct link_queue *queue, size_t index)
{
    return (queue->head + index) & (queue->cap - 1);
}

const struct encoded_push *link_queue_at(const struct link_queue *queue, size_t index)
{
    return queue->pushes[ring_place(queue, index)];
}

enum status link_queue_reserve(struct link_queue *queue)
{
    if (queue->count < queue->cap)
        return STATUS_OK;
    size_t cap = queue->cap ? queue->cap * 2 : RING_MIN;
    struct encoded_push **pushes = calloc(cap, sizeof *pushes);
    if (pushes == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < queue->count; i++)
        pushes[i] = queue->pushes[ring_place(queue, i)];
    free(queue->pushes);
    queue->pushes = pushes;
    queue->cap = cap;
    queue->head = 0;
    return STATUS_OK;
}

void link_queue_add(struct link_queue *queue, struct encoded_push *push)
{
    queue->pushes[ring_place(queue, queue->count)] = encoded_push_ref(push);
    queue->count++;
    queue->bytes += push->len;
}

/* A burst must not hold a large ring for ever. */
static void ring_shrink(struct link_queue *queue)
{
    if (queue->cap <= RING_KEEP)
        return;
    free(queue->pushes);
    queue->pushes = NULL;
    queue->cap = 0;
    queue->head = 0;
}

struct encoded_push *link_queue_take(struct link_queue *queue)
{
    struct encoded_push *push = queue->pushes[queue->head];

    queue->head = ring_place(queue, 1);
    queue->count--;
    queue->bytes -= push->len;
    if (queue->frozen > 0)
        queue->frozen--;
    if (queue->count == 0)
        ring_shrink(queue);
    return push;
}

size_t link_queue_freeze(struct link_queue *queue, size_t max_count, size_t max_bytes)
{
    if (queue->frozen > 0)
        return queue->frozen;
    size_t bytes = 0;
    while (queue->frozen < queue->count && queue->frozen < max_count) {
        size_t len = link_queue_at(queue, queue->frozen)->len;
        if (queue->frozen > 0 && (bytes >= max_bytes || len > max_bytes - bytes))
            break;
        bytes += len;
        queue->frozen++;
    }
    return queue->frozen;
}

void link_queue_thaw(struct link_queue *queue)
{
    queue->frozen = 0;
}
