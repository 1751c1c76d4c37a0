/* SPDX-License-Identifier: Apache-2.0 */
/* How much a push takes of each limit that a gateway may have. What costs a look at every item is measured
 * when somebody asks, and once. Pure; any thread. */
#ifndef FANFARE_LOGIC_PUSH_PUSH_MEASURE_H
#define FANFARE_LOGIC_PUSH_PUSH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/contract/hello.h"
#include "shared/contract/push.h"

struct push_measure {
    const struct push *push; /* must outlive this */
    size_t bytes;            /* of its record */
    capability_set needs;    /* push_needs */
    bool measured;
    int64_t most[HELLO_LIMIT_COUNT]; /* set once `measured` */
};

/* What a gateway must know to take the push. */
capability_set push_needs(const struct push *push);
/* The record's size and needs, the rest when it is asked for. */
void push_measure_init(struct push_measure *measure, const struct push *push);
/* What the push takes of `limit`: its longest item, deepest nesting, longest name (of whom it is for or
 * excludes, or its key), or the bytes of a request that carries it alone. */
int64_t push_measure_of(struct push_measure *measure, enum hello_limit limit);

#endif
