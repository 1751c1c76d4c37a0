/* SPDX-License-Identifier: Apache-2.0 */
/* What ws.origins, ws.subprotocols and trustedProxies say, as something that never changes: made by the
 * control thread, read by the buckets, each of which holds a reference; a reload makes another. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_HANDSHAKE_RULES_H
#define FANFARE_GATEWAY_WEBSOCKET_HANDSHAKE_RULES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shared/base/status.h"
#include "shared/conf/conf.h"
#include "shared/http/http_request.h"
#include "shared/net/cidr.h"

struct handshake_rules {
    atomic_uint references;
    struct conf_list origins;      /* empty: any, and none asked for */
    struct conf_list subprotocols; /* empty: none is selected */
    struct cidr_list *proxies;     /* a reference; NULL: there are none */
};

/* Copies both lists and takes a reference of its own to `proxies`; one reference. STATUS_NO_MEMORY. */
enum status handshake_rules_new(const struct conf_list *origins, const struct conf_list *subprotocols,
                                struct cidr_list *proxies, struct handshake_rules **out);
/* Any thread. */
struct handshake_rules *handshake_rules_ref(struct handshake_rules *rules);
/* Frees with the last one. Any thread; legal on NULL. */
void handshake_rules_unref(struct handshake_rules *rules);

/* Whether a request may go on: without an Origin (no browser sent it), or with one, and one only, that
 * ws.origins lists (RFC 6455, 10.2; shared/http/origin.h says how it is compared). NULL allows everything. */
bool handshake_rules_allow(const struct handshake_rules *rules, const struct http_request *request);
/* Whether a request has an Origin, and one only, that ws.origins lists. NULL, and no list, list none. */
bool handshake_rules_know_page(const struct handshake_rules *rules, const struct http_request *request);
/* The first subprotocol that the client offers and ws.subprotocols lists (RFC 6455, 4.2.2), compared byte by
 * byte; NULL: none. Belongs to the rules. `rules` may be NULL. */
const char *handshake_rules_subprotocol(const struct handshake_rules *rules,
                                        const struct http_request *request);

#endif
