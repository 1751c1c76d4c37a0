/* SPDX-License-Identifier: Apache-2.0 */
/* One name's records: its A and AAAA side by side, or its SRV, along the search list of resolv.conf. The
 * loop's thread only; never blocks. Reads no /etc/hosts (lookup.h does). */
#ifndef FANFARE_SHARED_NET_DNS_QUERY_H
#define FANFARE_SHARED_NET_DNS_QUERY_H

#include "shared/base/status.h"
#include "shared/net/dns_answer.h"
#include "shared/net/resolver.h"

enum dns_kind { DNS_HOST, DNS_SERVICE };

struct dns_reply {
    enum dns_result result;
    struct dns_answer answer; /* with DNS_FOUND, else empty */
};

struct dns_query;

/* DNS_HOST: replies[0] is A's, replies[1] AAAA's. DNS_SERVICE: replies[0] is SRV's, replies[1] has
 * DNS_NO_DATA. Valid during the call. */
typedef void dns_query_done(const struct dns_reply replies[2], void *arg);

/* `*slot` (NULL before) names the query until `done` is called, once, in a later turn of the loop. A
 * name that a server denies (NXDOMAIN, or no record of either type) is tried in the next domain; so
 * is one that is refused, but then the refusal is the result when nothing is found. Silence ends the
 * query: every other name would wait as long. STATUS_NO_MEMORY, STATUS_FULL: `done` is not called. */
enum status dns_query_start(struct resolver *resolver, const char *name, enum dns_kind kind,
                            dns_query_done *done, void *arg, struct dns_query **slot);
/* `done` is not called any more. Harmless when there is no query. */
void dns_query_cancel(struct dns_query **slot);

#endif
