/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted list of copies per origin. The bus brings them in order, so that a copy's place is found
 * from the end. Pure; one thread at a time; knows nothing of when anything is applied. */
#include "gateway/parking.h"

#include <stdlib.h>

#include "gateway/gateway_metrics.h"
#include "gateway/trace_log.h"

void parking_init(struct parking *parking, size_t max_bytes)
{
    *parking = (struct parking){.max_bytes = max_bytes};
    list_init(&parking->origins);
}

static void count_records(struct parked *parked)
{
    struct slice rest = parked->rest;
    struct push_record record;

    for (size_t i = 0; push_next_record(&rest, &record); i++) {
        if (i == 0)
            parked->first = record.sequence;
        parked->waits += record.wait;
    }
}

struct parked *parked_new(struct slice records, int64_t now_ms)
{
    struct parked *parked = malloc(sizeof *parked + records.len);

    if (!parked)
        return NULL;
    *parked = (struct parked){.came_ms = now_ms, .len = records.len};
    memcpy(parked->bytes, records.data, records.len);
    parked->rest = slice_of(parked->bytes, records.len);
    list_init(&parked->node);
    count_records(parked);
    return parked;
}

static void put_in_place(struct origin *origin, struct parked *parked)
{
    struct list *after = origin->parked.prev;

    while (after != &origin->parked && container_of(after, struct parked, node)->first > parked->first)
        after = after->prev;
    list_add_tail(after->next, &parked->node);
}

static size_t size_of(const struct parked *parked)
{
    return sizeof *parked + parked->len;
}

void parking_add(struct parking *parking, struct origin *origin, struct parked *parked)
{
    if (list_empty(&origin->parked))
        list_add_tail(&parking->origins, &origin->waiting);
    put_in_place(origin, parked);
    origin->parked_waits += parked->waits;
    parking->bytes += size_of(parked);
    metrics_add(M_BUS_WAITING_BYTES, size_of(parked));
}

static void drop(struct parking *parking, struct origin *origin, struct parked *parked)
{
    list_remove(&parked->node);
    if (list_empty(&origin->parked))
        list_remove(&origin->waiting);
    origin->parked_waits -= parked->waits;
    parking->bytes -= size_of(parked);
    metrics_sub(M_BUS_WAITING_BYTES, size_of(parked));
    free(parked);
}

struct parked *parking_first(const struct origin *origin)
{
    struct list *first = list_first(&origin->parked);

    return first ? container_of(first, struct parked, node) : NULL;
}

struct push_record parking_cut(struct origin *origin, struct parked *parked)
{
    struct push_record record = {0};
    struct push_record next;
    struct slice rest;

    push_next_record(&parked->rest, &record);
    rest = parked->rest;
    if (push_next_record(&rest, &next))
        parked->first = next.sequence;
    if (record.wait) {
        parked->waits--;
        origin->parked_waits--;
    }
    return record;
}

/* Behind a hole in one copy another may come first. */
static void move_back(struct origin *origin, struct parked *parked)
{
    struct list *before = parked->node.next;

    while (before != &origin->parked && container_of(before, struct parked, node)->first < parked->first)
        before = before->next;
    list_remove(&parked->node);
    list_add_tail(before, &parked->node);
}

void parking_put_back(struct parking *parking, struct origin *origin, struct parked *parked)
{
    if (parked->rest.len == 0)
        drop(parking, origin, parked);
    else
        move_back(origin, parked);
}

size_t parking_clear(struct parking *parking, struct origin *origin)
{
    struct parked *parked;
    struct push_record record;
    size_t count = 0;

    while ((parked = parking_first(origin)) != NULL) {
        for (; push_next_record(&parked->rest, &record); count++)
            trace_log_dropped(origin->id, &record);
        drop(parking, origin, parked);
    }
    return count;
}

bool parking_is_over(const struct parking *parking)
{
    return parking->bytes > parking->max_bytes;
}
