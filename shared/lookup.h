/* SPDX-License-Identifier: Apache-2.0 */
/* Host names to addresses over evdns, without blocking, and cancelled at once where
 * bufferevent_socket_connect_hostname would hold its bufferevent until the name server answers.
 * The loop's thread only. */
#ifndef FANFARE_SHARED_LOOKUP_H
#define FANFARE_SHARED_LOOKUP_H

#include <event2/dns.h>
#include <event2/util.h>

#include "shared/status.h"

struct lookup;

/* `error` is NULL when there is at least one address. `addresses` are valid during the call. */
typedef void lookup_done(const char *error, const struct evutil_addrinfo *addresses, void *arg);

/* Resolves `hostname` (a name or an address without brackets) for TCP to `port`. `*slot` (NULL
 * before) names the lookup until `done` was called; that happens once, and for addresses and
 * names of /etc/hosts before this returns. STATUS_NO_MEMORY: `done` is not called. */
enum status lookup_start(struct evdns_base *dns, const char *hostname, int port, lookup_done *done, void *arg,
                         struct lookup **slot);
/* Ends the lookup, if there is one: `done` is not called any more. The loop must run once
 * more before its evdns_base is freed. */
void lookup_cancel(struct lookup **slot);

#endif
