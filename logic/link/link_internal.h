/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a link share, from the ground up: link_down.c (how a connection ends, the pause, and what
 * is given up), link_talk.c (what is said over one, from the hello to the last answer), link_connect.c (how
 * one is made), link_clock.c (what time does), gateway_link.c (what dispatch and gateway_set ask of a link).
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LINK_INTERNAL_H
#define FANFARE_LOGIC_LINK_LINK_INTERNAL_H

#include <event2/event.h>

#include "logic/link/gateway_link.h"
#include "logic/link/link_address.h"
#include "logic/link/link_bans.h"
#include "logic/link/link_canary.h"
#include "logic/link/link_hello.h"
#include "logic/link/link_ledger.h"
#include "logic/link/link_log.h"
#include "logic/link/link_probe.h"
#include "logic/link/link_query.h"
#include "logic/link/link_sender.h"
#include "logic/link/liveness.h"
#include "shared/net/address_list.h"
#include "shared/net/lookup.h"

enum link_state { LINK_UP, LINK_CONNECTING, LINK_WAITING };

struct gateway_link {
    const struct link_env *env;
    struct link_address address;
    enum link_state state;
    bool named;                      /* by a name, not by an address */
    struct address_list *remembered; /* that the name last had, or NULL */
    struct lookup *lookup;           /* while the name is resolved, or NULL */
    struct h2_conn *conn;            /* then, or NULL */
    struct event *again;             /* ends a pause: before a new connection, or before a repetition */
    struct event *tick;              /* liveness, time-outs, expiry */
    struct event *kick;              /* sends at the end of the loop's turn, so that pushes gather */
    unsigned failures;               /* in a row: connections, or refused repetitions */
    int64_t since_ms;                /* of the present state */
    int64_t down_since_ms;           /* meaningful while not up */
    bool served;                     /* this connection has answered for a push */
    struct liveness liveness;
    struct link_ledger ledger;
    struct link_sender sender;
    struct link_hello hello;
    limit_set below; /* limits of the gateway that are below this logic's; none while they are not known */
    struct link_bans bans;
    struct link_probe probe;
    struct link_canary canary;
    struct link_queries queries;
    struct link_log log;
};

/* link_down.c */

/* A link is there, and waits; or is no more. */
void link_down_begin(struct gateway_link *link);
void link_down_end(struct gateway_link *link);

/* Counts the link as what it is now, since now. */
void link_down_set_state(struct gateway_link *link, enum link_state state);
/* Waits before the next connection, or the next repetition of a batch: link->again. */
void link_down_pause(struct gateway_link *link);
/* Closes at once; the link waits. What was said over the connection is forgotten, the queue stays. */
void link_down_drop_connection(struct gateway_link *link);
/* The same for a connection that ended or was not made, with a pause; `reason` is for the log. */
void link_down_break(struct gateway_link *link, const char *reason);
/* Whether the gateway has been down for so long that the past is not kept for it. */
bool link_down_is_given_up(const struct gateway_link *link, int64_t now_ms);
/* Then: drops what is queued. */
void link_down_expire(struct gateway_link *link);

/* link_talk.c */

/* What a connection of a link tells; `arg` is the link. */
extern const struct h2_callbacks link_talk_callbacks;
/* Sends the next batch if the link is up, nothing is owed and no pause is on. */
void link_talk_send(struct gateway_link *link);
/* Says the next hello when it is due. */
void link_talk_tick_hello(struct gateway_link *link);
/* The gateway's limits, or this logic's own, may be other ones. */
void link_talk_compare_limits(struct gateway_link *link);

/* link_connect.c */

/* Looks the name up and connects; what comes of it is told to link_talk_callbacks. */
void link_connect(struct gateway_link *link);
/* Where the next connection goes. STATUS_NO_MEMORY: as before. */
enum status link_connect_to(struct gateway_link *link, const char *hostname, int port);

/* link_clock.c */

/* Makes the link's events; it connects from the loop. */
enum status link_clock_start(struct gateway_link *link);
/* Frees them; legal when some were not made. */
void link_clock_stop(struct gateway_link *link);
/* gatewayTimeout may be another one: how often the link looks at the time. */
void link_clock_apply(struct gateway_link *link);

#endif
