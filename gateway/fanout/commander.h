/* SPDX-License-Identifier: Apache-2.0 */
/* From a command to the buckets that have whom it is about: it goes into the queue of its key there, behind
 * what was pushed to that key before and in front of what comes after. The control thread. */
#ifndef FANFARE_GATEWAY_FANOUT_COMMANDER_H
#define FANFARE_GATEWAY_FANOUT_COMMANDER_H

#include "gateway/bucket/bucket.h"
#include "shared/contract/command.h"

struct commander {
    struct directory *directory;
    struct bucket *const *buckets;
    unsigned bucket_count;
    struct join_orders *orders;
    struct ban_table *bans;                     /* NULL: nobody is kept out */
    const struct connection_table *connections; /* NULL: nobody has an id */
    /* Sends the open batch of a key, so that the command comes behind it. */
    void (*seal)(void *arg, struct slice key, uint64_t hash);
    void *arg;
};

/* A ban is entered before its kick goes to every bucket: whom a bucket had given the user before is met, and
 * whoever comes later is kept out.
 *
 * Carries the command out for one key of its target (audience.h). Returns how many clients it is about now.
 * For want of memory, or of room in a bucket's mailbox, a part of it is dropped and counted
 * (fanfare_gateway_commands_dropped_total). */
uint32_t commander_apply(const struct commander *commander, struct slice key, const struct command *command);

#endif
