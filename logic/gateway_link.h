/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered link to one gateway: connects (TLS, HTTP/2), keeps the connection alive, comes
 * back with backoff and jitter, and holds what the gateway has not answered for.
 * Queue: gatewayMaxPendingCount pushes and linkQueueBytes bytes. Past it an up link makes the
 * push be refused (LINK_FULL), one that is not up lets it go (LINK_LETS_GO). A link that has
 * been down for linkQueueSeconds is given up: what it holds is let go, and it takes nothing until
 * it is up again. Counters: logic_metrics.h.
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_GATEWAY_LINK_H
#define FANFARE_LOGIC_GATEWAY_LINK_H

#include <event2/dns.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/encoded_push.h"
#include "logic/logic_conf.h"
#include "shared/status.h"

struct gateway_link;

/* What all links share; the owner's, and outlives them. */
struct link_env {
    struct event_base *base;
    struct evdns_base *dns;
    SSL_CTX *tls;
    const struct logic_conf *conf;
    uint8_t logic_id[LOGIC_ID_LEN];
};

/* Starts connecting to `hostname` (a name, or an address without brackets) from the loop. */
enum status gateway_link_new(const struct link_env *env, const char *hostname, int port,
                             struct gateway_link **out);
/* Closes at once; what is queued is let go as "shutdown", and who waits for it is told. */
void gateway_link_free(struct gateway_link *link);
/* "host:port", "[::1]:7788" for an IPv6 address; the link's own string. */
const char *gateway_link_name(const struct gateway_link *link);
bool gateway_link_is_up(const struct gateway_link *link);
/* Pushes that the gateway has not answered for. */
size_t gateway_link_queued(const struct gateway_link *link);

enum link_offer {
    LINK_TAKES,     /* gateway_link_add may follow, before the loop runs on */
    LINK_FULL,      /* up, but its queue has no room */
    LINK_LETS_GO,   /* not up and full, or down for too long */
    LINK_NO_MEMORY, /* the queue cannot grow */
};

/* Whether the link would take a record of `bytes`. Changes nothing but spare memory. `now_ms`
 * is clock_now_ms(). */
enum link_offer gateway_link_offer(struct gateway_link *link, size_t bytes, int64_t now_ms);
/* Queues the push (takes a reference) and sees that it is sent. */
void gateway_link_add(struct gateway_link *link, struct encoded_push *push);

#endif
