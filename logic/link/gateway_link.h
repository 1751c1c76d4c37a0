/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered link to one gateway: connects (TLS, HTTP/2), keeps the connection alive, comes
 * back with backoff and jitter, and holds what the gateway has not answered for.
 * Queue: gatewayMaxPendingCount pushes and linkQueueBytes bytes. Past it an up link makes the
 * push be refused (LINK_FULL), one that is not up drops it (LINK_DROPS). A link that has
 * been down for linkQueueSeconds is given up: what it holds is dropped, and it takes nothing until
 * it is up again. Counters: logic_metrics.h.
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_GATEWAY_LINK_H
#define FANFARE_LOGIC_LINK_GATEWAY_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/link/link_env.h"
#include "logic/link/link_limits.h"
#include "logic/link/link_query.h"
#include "logic/push/encoded_push.h"
#include "logic/push/push_measure.h"
#include "shared/base/status.h"

struct gateway_link;

/* Starts connecting to `hostname` (a name, or an address without brackets) from the loop. */
enum status gateway_link_new(const struct link_env *env, const char *hostname, int port,
                             struct gateway_link **out);
/* Closes at once; what is queued is dropped as "shutdown", and who waits for it is told. */
void gateway_link_free(struct gateway_link *link);
/* The gateway is gone: what is queued is dropped as "gone", and who waits for it is told, which
 * may bring the next push to dispatch before the call returns. Only gateway_link_free may follow. */
void gateway_link_give_up(struct gateway_link *link);
/* The gateway is at another address now. For a link that is not up: it tries that one, from the
 * loop, at once; its queue and the time that it has been down stay, but one that has been given
 * up begins anew. STATUS_NO_MEMORY: nothing has changed. */
enum status gateway_link_move(struct gateway_link *link, const char *hostname, int port);
/* Takes the bounds, the batch size and gatewayTimeout that `env->conf` has now. What is queued past a smaller
 * bound stays. */
void gateway_link_apply(struct gateway_link *link);
/* There is reason to think that the gateway is back: a link in its pause tries again at once. */
void gateway_link_retry(struct gateway_link *link);
/* "host:port", "[::1]:7788" for an IPv6 address; the link's own string, until it moves. */
const char *gateway_link_name(const struct gateway_link *link);
/* Whether the link goes to that address; names are compared without regard to ASCII case. */
bool gateway_link_is_at(const struct gateway_link *link, const char *hostname, int port);
bool gateway_link_is_up(const struct gateway_link *link);
/* How long the link has not been up, in ms; 0 while it is. A connection that ended with nothing
 * answered for does not count as having been up. `now_ms` is clock_now_ms(). */
int64_t gateway_link_down_ms(const struct gateway_link *link, int64_t now_ms);
/* Pushes that the gateway has not answered for. */
size_t gateway_link_queued(const struct gateway_link *link);

struct link_details {
    bool up;
    bool given_up;     /* not up for linkQueueSeconds or longer: takes nothing */
    size_t pushes;     /* in the queue */
    size_t bytes;      /* of the same */
    int64_t rtt_us;    /* -1: unknown (link_probe.h) */
    int64_t clients;   /* as the gateway says; -1: unknown */
    int64_t canary_us; /* of the last canary there and back; -1: unknown, or lost (link_canary.h) */
    bool canary_failing;
    const struct hello *hello; /* the gateway's on this connection, or NULL; the link's own */
    limit_set below;           /* its limits that are below this logic's */
    const char *error;         /* why it last broke or was not made, or NULL; the link's own string */
    int64_t error_age_ms;
};

void gateway_link_describe(const struct gateway_link *link, int64_t now_ms, struct link_details *out);
/* What the gateway said of itself on this connection, or NULL; the link's own. */
const struct hello *gateway_link_hello(const struct gateway_link *link);
/* Whether the link is up and its gateway answers queries. */
bool gateway_link_knows_queries(const struct gateway_link *link);
/* Asks such a gateway, see link_queries_ask. */
enum status gateway_link_ask(struct gateway_link *link, struct slice text, link_query_done *done, void *arg,
                             struct link_query **out);

enum link_offer {
    LINK_TAKES,     /* gateway_link_add may follow, before the loop runs on */
    LINK_REFUSES,   /* up, and the push is past a limit of the gateway's, or needs what it does not know */
    LINK_FULL,      /* up, but its queue has no room */
    LINK_DROPS,     /* not up and full, or down for too long */
    LINK_NO_MEMORY, /* the queue cannot grow */
};

/* Whether the link would take the push. Changes nothing but spare memory. `now_ms` is clock_now_ms(). */
enum link_offer gateway_link_offer(struct gateway_link *link, struct push_measure *measure, int64_t now_ms);
/* What a push that LINK_REFUSES was said of needs and the gateway lacks; 0: the push is past a limit. */
capability_set gateway_link_lacks(const struct gateway_link *link, const struct push_measure *measure);
/* Which limit of the gateway a push is past that LINK_REFUSES was said of and that lacks nothing, and what it
 * allows. */
enum hello_limit gateway_link_passed(const struct gateway_link *link, struct push_measure *measure,
                                     int64_t *allowed);
/* Queues the push (takes a reference) and sees that it is sent. */
void gateway_link_add(struct gateway_link *link, struct encoded_push *push);

#endif
