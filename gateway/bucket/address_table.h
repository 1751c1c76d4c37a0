/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each client address has, and how many it may have (maxClientsPerAddress). Any thread:
 * the acceptor counts direct connections, a bucket those that come through a trusted proxy, whose address it
 * learns from the request. A mutex guards the table; it is taken once when a connection comes and once when
 * it goes, never for a message or a frame. Has as many entries as there are addresses with a connection. */
#ifndef FANFARE_GATEWAY_BUCKET_ADDRESS_TABLE_H
#define FANFARE_GATEWAY_BUCKET_ADDRESS_TABLE_H

#include <stdbool.h>

#include "shared/base/status.h"
#include "shared/net/cidr.h"

struct address_table;
struct address; /* one that has connections; the table's */

enum status address_table_new(struct address_table **out);
/* All connections must be out again. Legal on NULL. */
void address_table_free(struct address_table *table);
/* At most so many connections for each address; 0: no limit. For those who come from now on. */
void address_table_limit(struct address_table *table, size_t max_each);
/* Counts one more connection of `address`: IPv4 whole, IPv6 by its /64. Whether it is within the limit; it
 * counts in either case, until address_table_remove. Without memory `*out` is NULL, which counts nowhere:
 * that is within no limit. */
bool address_table_add(struct address_table *table, const uint8_t address[CIDR_ADDRESS_LEN],
                       struct address **out);
/* One fewer; the address goes with its last. `address` may be NULL. */
void address_table_remove(struct address_table *table, struct address *address);
/* Addresses that have a connection. */
size_t address_table_count(struct address_table *table);

#endif
