/* SPDX-License-Identifier: Apache-2.0 */
/* What the intake needs of the fan-out: a place to deliver to. */
#ifndef FANFARE_GATEWAY_FANOUT_PUSH_SINK_H
#define FANFARE_GATEWAY_FANOUT_PUSH_SINK_H

#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/contract/command.h"
#include "shared/contract/push_options.h"

/* Where applied pushes go: called once per key (audience.h), that is, once per room or user, or once for
 * everyone. `items` is walked with push_next_item (push.h), `terms` says how they are delivered (NULL: the
 * push has no options; its time to live counts from this call); both are valid during the call. Returns how
 * many clients are subscribed now. */
struct push_sink {
    uint32_t (*deliver)(void *arg, struct slice key, struct slice items, uint32_t item_count,
                        const struct push_terms *terms);
    /* The same for a command: once per key of its target. Returns how many clients it is about. */
    uint32_t (*command)(void *arg, struct slice key, const struct command *command);
    void *arg;
};

#endif
