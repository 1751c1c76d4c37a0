/* SPDX-License-Identifier: Apache-2.0 */
/* Finds gateways in DNS: every A and AAAA record of discovery.name is one, at discovery.port. Looks
 * the name up at once and every discovery.refreshSeconds (after a failure within 5 s). A look-up
 * that fails, or that finds no address at all, keeps the last answer; it is counted
 * (fanfare_logic_dns_lookups_total) and logged. A name that ends with a dot is complete; to others
 * the search domains of resolv.conf are applied. /etc/hosts is not read.
 * Bound: evdns knows neither EDNS nor TCP, so an answer above 512 bytes (about 29 A or 17 AAAA
 * records) is cut and counts as failed. The loop's thread only; never blocks. */
#ifndef FANFARE_LOGIC_DNS_SOURCE_H
#define FANFARE_LOGIC_DNS_SOURCE_H

#include <event2/dns.h>
#include <event2/event.h>

#include "logic/gateway_set.h"
#include "logic/logic_conf.h"
#include "shared/status.h"

struct dns_source;

/* Starts at once. `dns`, `conf` (with a discovery.name) and `gateways` outlive the source. */
enum status dns_source_new(struct event_base *base, struct evdns_base *dns, const struct logic_conf *conf,
                           struct gateway_set *gateways, struct dns_source **out);
/* Legal on NULL. The gateways stay in their set. The loop must run once more before `dns` is
 * freed, and once after that. */
void dns_source_free(struct dns_source *source);

#endif
