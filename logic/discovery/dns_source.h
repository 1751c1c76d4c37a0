/* SPDX-License-Identifier: Apache-2.0 */
/* Finds gateways in DNS. discovery.name is looked up at once, then when its records' TTL has passed, at
 * most every second and at least every discovery.refreshSeconds (after a failure within 5 s):
 * - a plain name: every A record is a gateway at discovery.port; where it has none, every AAAA record
 *   (dns_family_choose says why not both);
 * - _service._tcp.name: every SRV record is one, at its own port. Its target is the gateway's name,
 *   which the link looks up itself, both families.
 * A look-up that fails, or that finds nothing at all, keeps what is known; it is counted
 * (fanfare_logic_dns_lookups_total) and logged. A name that ends with a dot is complete; to others
 * the search domains of resolv.conf are applied. /etc/hosts is not read. The loop's thread only;
 * never blocks. */
#ifndef FANFARE_LOGIC_DISCOVERY_DNS_SOURCE_H
#define FANFARE_LOGIC_DISCOVERY_DNS_SOURCE_H

#include <event2/event.h>

#include "logic/conf/logic_conf.h"
#include "logic/discovery/gateway_set.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"

struct dns_source;

/* Starts at once. `dns`, `conf` (with a discovery.name) and `gateways` outlive the source. */
enum status dns_source_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                           struct gateway_set *gateways, struct dns_source **out);
/* Legal on NULL. The gateways stay in their set. */
void dns_source_free(struct dns_source *source);

#endif
