/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes pushes on the Redis channel, in order, as the batches that the links send too
 * (shared/contract/push.h): one message under way, the next one gathers meanwhile. A message whose answer
 * did not come is published again, under the same numbers: gateways apply a number once.
 * Queue: gatewayMaxPendingCount pushes and linkQueueBytes bytes. A bus that has been down for
 * linkQueueSeconds drops its queue. Mode mirror never refuses a push: what the queue does not
 * take is counted (queue_full, down), the links bring it. Mode only is the only way, and full is
 * full. Counters: logic_metrics.h. The loop's thread only; never blocks. */
#ifndef FANFARE_LOGIC_DISPATCH_BUS_PUBLISHER_H
#define FANFARE_LOGIC_DISPATCH_BUS_PUBLISHER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/conf/logic_conf.h"
#include "logic/link/gateway_link.h"
#include "logic/push/encoded_push.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_client.h"

struct bus_publisher;

/* Starts connecting. `conf` has a redis.url and a bus.mode other than off, and outlives the bus;
 * `logic_id` is LOGIC_ID_LEN bytes, copied. */
enum status bus_publisher_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                              const uint8_t *logic_id, struct bus_publisher **out);
/* Closes at once; what is queued is dropped as "shutdown". Legal on NULL. */
void bus_publisher_free(struct bus_publisher *bus);
/* Takes the bounds that the settings have now; what is queued past a smaller one stays. Legal on NULL. */
void bus_publisher_apply(struct bus_publisher *bus);
/* Whether it is the only way of a push. False on NULL. */
bool bus_publisher_is_only(const struct bus_publisher *bus);
/* Whether Redis takes messages now. False on NULL. */
bool bus_publisher_is_up(const struct bus_publisher *bus);
/* Its connection, or NULL on NULL. */
const struct redis_client *bus_publisher_redis(const struct bus_publisher *bus);
/* Pushes that a shutdown should wait for: what Redis has not taken, but not the mirror's copies while
 * Redis is away, since the links bring those. 0 on NULL. */
size_t bus_publisher_owes(const struct bus_publisher *bus);
/* Whether the queue would take a record of `bytes`; see enum link_offer. `now_ms` is
 * clock_now_ms(). */
enum link_offer bus_publisher_offer(struct bus_publisher *bus, size_t bytes, int64_t now_ms);
/* Queues an accepted push (takes a reference), or, in mode mirror, counts why it could not. Legal
 * on NULL. */
void bus_publisher_add(struct bus_publisher *bus, struct encoded_push *push, int64_t now_ms);

#endif
