/* SPDX-License-Identifier: Apache-2.0 */
/* A host's name or address to addresses, without blocking: what is an address already, /etc/hosts,
 * localhost (RFC 6761), then DNS. The loop's thread only. */
#ifndef FANFARE_SHARED_NET_LOOKUP_H
#define FANFARE_SHARED_NET_LOOKUP_H

#include <netdb.h>

#include "shared/base/status.h"
#include "shared/net/resolver.h"

struct lookup;

/* With DNS_FOUND there is at least one address, ready for connect(2) with the port; else none. They are
 * valid during the call. Families take turns, IPv4 first; one that this host has no route for is left out
 * when the other has one. */
typedef void lookup_done(enum dns_result result, const struct addrinfo *addresses, void *arg);

/* Resolves `hostname` (a name or an address without brackets) for TCP to `port`. `*slot` (NULL
 * before) names the lookup until `done` was called; that happens once, and for addresses, localhost
 * and names of /etc/hosts before this returns. STATUS_NO_MEMORY, STATUS_FULL (too many are under way),
 * STATUS_INVALID (too long to be a name): `done` is not called. */
enum status lookup_start(struct resolver *resolver, const char *hostname, int port, lookup_done *done,
                         void *arg, struct lookup **slot);
/* As dns_result_text, of a host. */
const char *lookup_result_text(enum dns_result result);
/* Why lookup_start could not begin; static. */
const char *lookup_start_text(enum status status);
/* Ends the lookup, if there is one: `done` is not called any more. */
void lookup_cancel(struct lookup **slot);

#endif
