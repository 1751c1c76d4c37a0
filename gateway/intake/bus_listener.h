/* SPDX-License-Identifier: Apache-2.0 */
/* Takes pushes from the Redis channel and hands them to push_handler, which applies each once,
 * whichever way it came first (docs/protocol.md, "The bus"). The control thread only; never
 * publishes. While held nothing is read: what waits then waits in Redis, up to the bound that Redis
 * sets for a subscriber (client-output-buffer-limit), past which Redis closes the connection. */
#ifndef FANFARE_GATEWAY_INTAKE_BUS_LISTENER_H
#define FANFARE_GATEWAY_INTAKE_BUS_LISTENER_H

#include <event2/event.h>
#include <stdbool.h>

#include "gateway/conf/gateway_conf.h"
#include "gateway/intake/push_handler.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_client.h"

struct bus_listener;

struct bus_listener_conf {
    struct event_base *base;
    struct resolver *dns;
    const struct gateway_conf *conf; /* with a redis.url; outlives the listener */
    struct push_handler *handler;    /* likewise */
    /* Pushes were applied in this turn of the loop: called once at its end. */
    void (*on_turn)(void *arg);
    void *arg;
};

enum status bus_listener_new(const struct bus_listener_conf *conf, struct bus_listener **out);
/* Legal on NULL. */
void bus_listener_free(struct bus_listener *listener);
/* Its connection, or NULL on NULL. */
const struct redis_client *bus_listener_redis(const struct bus_listener *listener);
/* Pushes came by RPC too: what waits for them may be due at another time now. Legal on NULL. */
void bus_listener_look(struct bus_listener *listener);
/* While held no gap is given up for having waited. Legal on NULL; harmless when nothing changes. */
void bus_listener_hold(struct bus_listener *listener, bool hold);

#endif
