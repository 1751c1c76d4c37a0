/* SPDX-License-Identifier: Apache-2.0 */
/* Which rooms users are to be in, or out of, whenever they come within some time: what a join or a leave with
 * `seconds` leaves behind. One table for the gateway: the control thread enters, the buckets look when a
 * client is granted. A mutex, and a count that is read first, so that nobody locks while there are none. At
 * most JOIN_ORDERS_MAX; past it the oldest goes, counted by fanfare_gateway_join_orders_dropped_total. Gone
 * with the process. Time is an argument: monotonic ms. */
#ifndef FANFARE_GATEWAY_BUCKET_JOIN_ORDERS_H
#define FANFARE_GATEWAY_BUCKET_JOIN_ORDERS_H

#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { JOIN_ORDERS_MAX = 10000 };

struct join_orders;

enum status join_orders_new(struct join_orders **out);
/* Legal on NULL. */
void join_orders_free(struct join_orders *orders);
/* What becomes of who comes: in front of the room in what join_orders_find gives. */
enum join_order_kind { JOIN_ORDER_IN = '+', JOIN_ORDER_OUT = '-' };

/* From now until `until_ms` the user (its key, audience.h) is to be in the room, or out of it. Of two orders
 * for the same two the later call counts. STATUS_NO_MEMORY. Any thread, as below. */
enum status join_orders_add(struct join_orders *orders, struct slice user, struct slice room,
                            enum join_order_kind kind, int64_t until_ms, int64_t now_ms);
/* Takes the order out, if there is one. */
void join_orders_remove(struct join_orders *orders, struct slice user, struct slice room);
/* Appends the rooms that the user is to be in or out of now to `out`, each with its kind in front (one byte)
 * and a NUL behind it. STATUS_NO_MEMORY: `out` has a part of them. Legal on NULL: none. */
enum status join_orders_find(struct join_orders *orders, struct slice user, int64_t now_ms, struct buf *out);

#endif
