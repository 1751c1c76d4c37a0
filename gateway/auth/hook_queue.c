/* SPDX-License-Identifier: Apache-2.0 */
/* An inquiry's key is the JSON of its first question, which stays with it until its end. */
#include "gateway/auth/hook_queue.h"

#include <stdlib.h>

enum status hook_queue_init(struct hook_queue *queue, const struct hook_limits *limits)
{
    queue->limits = *limits;
    list_init(&queue->waiting);
    list_init(&queue->asked);
    return hashmap_init(&queue->inquiries);
}

void hook_queue_fini(struct hook_queue *queue)
{
    hashmap_fini(&queue->inquiries);
}

static struct hook_inquiry *first_of(const struct list *list)
{
    struct list *first = list_first(list);

    return first != NULL ? container_of(first, struct hook_inquiry, place) : NULL;
}

static struct hook_inquiry *inquiry_new(struct hook_queue *queue, struct slice key, uint64_t hash,
                                        int64_t now_ms)
{
    struct hook_inquiry *inquiry = calloc(1, sizeof *inquiry);

    if (inquiry == NULL)
        return NULL;
    *inquiry = (struct hook_inquiry){.node = {.key = key, .hash = hash},
                                     .ask_by_ms = now_ms + queue->limits.timeout_ms / 2,
                                     .deadline_ms = now_ms + queue->limits.timeout_ms};
    list_init(&inquiry->questions);
    list_add_tail(&queue->waiting, &inquiry->place);
    hashmap_add(&queue->inquiries, &inquiry->node);
    return inquiry;
}

enum status hook_queue_add(struct hook_queue *queue, struct hook_question *question, int64_t now_ms)
{
    struct slice key = slice_of(question->json.data, question->json.len);
    uint64_t hash = hashmap_hash(key);
    struct hook_inquiry *inquiry;

    if (queue->questions >= queue->limits.max_asked + queue->limits.max_waiting)
        return STATUS_FULL;
    struct hashmap_node *node = hashmap_find(&queue->inquiries, key, hash);
    inquiry =
        node != NULL ? container_of(node, struct hook_inquiry, node) : inquiry_new(queue, key, hash, now_ms);
    if (inquiry == NULL)
        return STATUS_NO_MEMORY;
    list_add_tail(&inquiry->questions, &question->node);
    inquiry->count++;
    queue->questions++;
    return STATUS_OK;
}

struct hook_inquiry *hook_queue_next(struct hook_queue *queue, int64_t now_ms)
{
    struct hook_inquiry *inquiry = first_of(&queue->waiting);

    if (inquiry == NULL || inquiry->ask_by_ms <= now_ms || queue->asked_count >= queue->limits.max_asked)
        return NULL;
    list_remove(&inquiry->place);
    list_add_tail(&queue->asked, &inquiry->place);
    inquiry->is_asked = true;
    queue->asked_count++;
    return inquiry;
}

struct hook_inquiry *hook_queue_late(struct hook_queue *queue, int64_t now_ms)
{
    return hook_queue_deadline(queue) <= now_ms ? first_of(&queue->waiting) : NULL;
}

int64_t hook_queue_deadline(const struct hook_queue *queue)
{
    const struct hook_inquiry *inquiry = first_of(&queue->waiting);

    return inquiry != NULL ? inquiry->ask_by_ms : INT64_MAX;
}

struct hook_inquiry *hook_queue_any(const struct hook_queue *queue)
{
    struct hook_inquiry *asked = first_of(&queue->asked);

    return asked != NULL ? asked : first_of(&queue->waiting);
}

struct slice hook_inquiry_json(const struct hook_inquiry *inquiry)
{
    return inquiry->node.key;
}

void hook_queue_end(struct hook_queue *queue, struct hook_inquiry *inquiry, struct list *questions)
{
    hashmap_remove(&queue->inquiries, &inquiry->node);
    list_remove(&inquiry->place);
    if (inquiry->is_asked)
        queue->asked_count--;
    queue->questions -= inquiry->count;
    list_add_tail(&inquiry->questions, questions); /* takes the whole list over */
    list_remove(&inquiry->questions);
    free(inquiry);
}

size_t hook_queue_questions(const struct hook_queue *queue)
{
    return queue->questions;
}
