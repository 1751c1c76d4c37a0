/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted list of copies per producer. The bus brings them in order, so that a copy's place is found
 * from the end. Pure; one thread at a time; knows nothing of when anything is applied. */
#include "gateway/intake/reorder_buffer.h"

#include <stdlib.h>

#include "gateway/intake/trace_log.h"
#include "gateway/metrics/gateway_metrics.h"

void reorder_buffer_init(struct reorder_buffer *buffer, size_t max_bytes)
{
    *buffer = (struct reorder_buffer){.max_bytes = max_bytes};
    list_init(&buffer->producers);
}

static void count_records(struct early *early)
{
    struct slice rest = early->rest;
    struct push_record record;

    for (size_t i = 0; push_next_record(&rest, &record); i++) {
        if (i == 0)
            early->first = record.sequence;
        early->waits += record.wait;
    }
}

struct early *early_new(struct slice records, int64_t now_ms)
{
    struct early *early = malloc(sizeof *early + records.len);

    if (early == NULL)
        return NULL;
    *early = (struct early){.came_ms = now_ms, .len = records.len};
    memcpy(early->bytes, records.data, records.len);
    early->rest = slice_of(early->bytes, records.len);
    list_init(&early->node);
    count_records(early);
    return early;
}

static void put_in_place(struct producer *producer, struct early *early)
{
    struct list *after = producer->early.prev;

    while (after != &producer->early && container_of(after, struct early, node)->first > early->first)
        after = after->prev;
    list_add_tail(after->next, &early->node);
}

static size_t size_of(const struct early *early)
{
    return sizeof *early + early->len;
}

void reorder_buffer_add(struct reorder_buffer *buffer, struct producer *producer, struct early *early)
{
    if (list_empty(&producer->early))
        list_add_tail(&buffer->producers, &producer->waiting);
    put_in_place(producer, early);
    producer->early_waits += early->waits;
    buffer->bytes += size_of(early);
    metrics_add(M_BUS_WAITING_BYTES, size_of(early));
}

static void drop(struct reorder_buffer *buffer, struct producer *producer, struct early *early)
{
    list_remove(&early->node);
    if (list_empty(&producer->early))
        list_remove(&producer->waiting);
    producer->early_waits -= early->waits;
    buffer->bytes -= size_of(early);
    metrics_sub(M_BUS_WAITING_BYTES, size_of(early));
    free(early);
}

struct early *reorder_buffer_first(const struct producer *producer)
{
    struct list *first = list_first(&producer->early);

    return first != NULL ? container_of(first, struct early, node) : NULL;
}

struct push_record reorder_buffer_cut(struct producer *producer, struct early *early)
{
    struct push_record record = {0};
    struct push_record next;
    struct slice rest;

    push_next_record(&early->rest, &record);
    rest = early->rest;
    if (push_next_record(&rest, &next))
        early->first = next.sequence;
    if (record.wait) {
        early->waits--;
        producer->early_waits--;
    }
    return record;
}

/* Behind a hole in one copy another may come first. */
static void move_back(struct producer *producer, struct early *early)
{
    struct list *before = early->node.next;

    while (before != &producer->early && container_of(before, struct early, node)->first < early->first)
        before = before->next;
    list_remove(&early->node);
    list_add_tail(before, &early->node);
}

void reorder_buffer_put_back(struct reorder_buffer *buffer, struct producer *producer, struct early *early)
{
    if (early->rest.len == 0)
        drop(buffer, producer, early);
    else
        move_back(producer, early);
}

size_t reorder_buffer_clear(struct reorder_buffer *buffer, struct producer *producer)
{
    struct early *early;
    struct push_record record;
    size_t count = 0;

    while ((early = reorder_buffer_first(producer)) != NULL) {
        for (; push_next_record(&early->rest, &record); count++)
            trace_log_dropped(producer->id, &record);
        drop(buffer, producer, early);
    }
    return count;
}

bool reorder_buffer_is_over(const struct reorder_buffer *buffer)
{
    return buffer->bytes > buffer->max_bytes;
}
