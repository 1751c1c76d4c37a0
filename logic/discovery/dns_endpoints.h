/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of the DNS says of the gateways: which family counts, which endpoints there are, and
 * when to ask again. Pure. */
#ifndef FANFARE_LOGIC_DISCOVERY_DNS_ENDPOINTS_H
#define FANFARE_LOGIC_DISCOVERY_DNS_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"
#include "shared/net/dns_query.h"

struct dns_endpoint {
    char host[DNS_NAME_MAX + 2]; /* an address, or a complete name with its last dot */
    int port;
};

struct dns_endpoints {
    struct dns_endpoint *items; /* sorted; none stands twice */
    size_t count;
};

/* The family whose addresses are the gateways now, AF_INET or AF_INET6; 0: neither, what was known
 * stays. A gateway that has an A and an AAAA record must count once, and nothing in DNS says which
 * A belongs to which AAAA, so one family is taken whole. `chosen` is the one taken before (0: none
 * yet): it stays for as long as it has addresses or its answers fail, since a change would link
 * every gateway a second time. `routed` says for A and AAAA whether this host has a route there;
 * IPv4 is preferred where both have, or neither. */
int dns_family_choose(int chosen, const struct dns_reply replies[2], const bool routed[2]);
/* Of A or AAAA records, all at `port`. STATUS_NO_MEMORY. Free with dns_endpoints_fini. */
enum status dns_endpoints_of_hosts(const struct dns_answer *answer, int family, int port,
                                   struct dns_endpoints *out);
/* Of SRV records, each at its own port. Priority and weight are for those who look for one server (RFC
 * 2782); here each one holds clients, and all are taken. */
enum status dns_endpoints_of_services(const struct dns_answer *answer, struct dns_endpoints *out);
void dns_endpoints_fini(struct dns_endpoints *endpoints);
/* Seconds to the next look-up: the TTL, at least 1, at most `refresh_seconds`. */
int64_t dns_refresh_after(uint32_t ttl, int64_t refresh_seconds);

#endif
