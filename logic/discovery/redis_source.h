/* SPDX-License-Identifier: Apache-2.0 */
/* Finds gateways in the registry (shared/contract/registry_entry.h): reads it whole when the connection
 * comes up and every discovery.refreshSeconds, and follows its channel in between. Only a whole
 * reading can say that a gateway is not registered any more; Redis's absence says nothing, and a
 * Redis that is empty takes no gateway away whose link works (gateway_set.h).
 * Bounds: 1,024 entries in one reading, and as many news during one; what is more is passed over
 * and logged. The loop's thread only; never blocks. */
#ifndef FANFARE_LOGIC_DISCOVERY_REDIS_SOURCE_H
#define FANFARE_LOGIC_DISCOVERY_REDIS_SOURCE_H

#include <event2/event.h>

#include "logic/conf/logic_conf.h"
#include "logic/discovery/gateway_set.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_client.h"

struct redis_source;

/* Starts at once. `conf` (with a redis.url) and `gateways` outlive the source. */
enum status redis_source_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                             struct gateway_set *gateways, struct redis_source **out);
/* Its connections, for readings and for news; NULL on NULL. */
const struct redis_client *redis_source_redis(const struct redis_source *source);
const struct redis_client *redis_source_news(const struct redis_source *source);
/* Legal on NULL. The gateways stay in their set. */
void redis_source_free(struct redis_source *source);

#endif
