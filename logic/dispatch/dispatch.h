/* SPDX-License-Identifier: Apache-2.0 */
/* Gives each push its number and its place in every gateway's queue, and the bus's, all or nothing.
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_DISPATCH_DISPATCH_H
#define FANFARE_LOGIC_DISPATCH_DISPATCH_H

#include <event2/event.h>

#include "logic/discovery/gateway_set.h"
#include "logic/dispatch/bus_publisher.h"
#include "logic/push/push_answer.h"
#include "logic/push/push_wait.h"
#include "shared/contract/ban_list.h"
#include "shared/contract/push.h"

struct dispatch {
    struct event_base *base;
    struct gateway_set *gateways; /* the owner's, outlives this */
    struct bus_publisher *bus;    /* likewise; NULL: there is none */
    struct ban_list *bans;        /* likewise; who is kept out; NULL: no such list is kept */
    const uint8_t *logic_id;      /* likewise, LOGIC_ID_LEN bytes: names pushes in the log */
    int wait_ms;
    uint64_t sequence; /* of the last push that was queued */
};

void dispatch_init(struct dispatch *dispatch, struct event_base *base, struct gateway_set *gateways,
                   int wait_ms);
/* Queues the push, or refuses it. `done` is told exactly once: before this returns, or, for a
 * push that waits and was queued, when the gateways have answered. The push's bytes are not
 * needed afterwards. */
void dispatch_push(struct dispatch *dispatch, const struct push *push, push_done *done, void *arg);

/* Links and bus take the settings anew; pushes that come wait for `wait_ms`. */
void dispatch_apply(struct dispatch *dispatch, int wait_ms);

/* NULL when a push could be delivered now, else why not (a literal). */
const char *dispatch_why_not_ready(const struct dispatch *dispatch);
/* Pushes that a shutdown should wait for. */
size_t dispatch_queued(const struct dispatch *dispatch);

#endif
