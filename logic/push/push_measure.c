/* SPDX-License-Identifier: Apache-2.0 */
/* Measures pushes whose items and rooms have been checked. Pure. */
#include "logic/push/push_measure.h"

#include "shared/json/json_scan.h"

capability_set push_needs(const struct push *push)
{
    return (push->target == AUDIENCE_USER ? 1u << HELLO_USERS : 0) |
           (push_terms_are_set(&push->terms) ? 1u << HELLO_OPTIONS : 0) |
           (push->command ? 1u << HELLO_COMMANDS : 0) | (push->bans ? 1u << HELLO_BANS : 0);
}

void push_measure_init(struct push_measure *measure, const struct push *push)
{
    *measure =
        (struct push_measure){.push = push, .bytes = push_record_size(push), .needs = push_needs(push)};
}

static void raise_to(int64_t *most, int64_t value)
{
    *most = value > *most ? value : *most;
}

/* A gateway holds names in options to the same bound. */
static void measure_terms(struct push_measure *measure, const struct push_terms *terms)
{
    struct slice rest = terms->exclusions;
    struct push_exclusion exclusion;

    raise_to(&measure->most[HELLO_ROOM_NAME_BYTES], (int64_t)terms->key.len);
    while (push_next_exclusion(&rest, &exclusion))
        if (!exclusion.connection)
            raise_to(&measure->most[HELLO_ROOM_NAME_BYTES], (int64_t)exclusion.name.len);
}

static void measure_all(struct push_measure *measure)
{
    const struct push *push = measure->push;

    for (size_t i = 0; i < push->item_count && !push->command; i++) {
        raise_to(&measure->most[HELLO_ITEM_BYTES], (int64_t)push->items[i].len);
        raise_to(&measure->most[HELLO_JSON_DEPTH], json_depth(push->items[i]));
    }
    for (size_t i = 0; i < push->room_count; i++)
        raise_to(&measure->most[HELLO_ROOM_NAME_BYTES], (int64_t)push->rooms[i].len);
    measure_terms(measure, &push->terms);
    measure->measured = true;
}

int64_t push_measure_of(struct push_measure *measure, enum hello_limit limit)
{
    if (limit == HELLO_RPC_BYTES)
        return (int64_t)(measure->bytes + PUSH_BATCH_HEADER_LEN);
    if (!measure->measured)
        measure_all(measure);
    return measure->most[limit];
}
