/* SPDX-License-Identifier: Apache-2.0 */
/* The name servers that look-ups ask (lookup.h), as libevent's evdns has them. The loop's thread. */
#ifndef FANFARE_SHARED_RESOLVER_H
#define FANFARE_SHARED_RESOLVER_H

#include <event2/dns.h>
#include <event2/event.h>

#include "shared/status.h"

/* NULL, or why `nameserver` is not "address" or "address:port" ("[::1]:53"). "" is good. */
const char *resolver_fault(const char *nameserver);
/* Asks `nameserver`, or with "" those of /etc/resolv.conf; /etc/hosts is read in both cases. A
 * server that is silent costs about two seconds a look-up. STATUS_NO_MEMORY; STATUS_INVALID for a
 * name server that resolver_fault would not pass. */
enum status resolver_new(struct event_base *base, const char *nameserver, struct evdns_base **out);
/* Runs the loop for a moment, since look-ups that were cancelled end there: nothing else may be
 * left in it. Legal on NULL. */
void resolver_free(struct event_base *base, struct evdns_base *dns);

#endif
