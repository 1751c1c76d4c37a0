/* SPDX-License-Identifier: Apache-2.0 */
/* Which client has which connection id: one table for the process, in which a client stands at the place of
 * its descriptor. 16 bytes each, in memory that is touched when a place is used first; a client itself keeps
 * nothing. No lock: a place belongs to whoever has the descriptor.
 *
 * A serial carries its bucket (its lowest bits), so each bucket numbers its own connections, an id says which
 * bucket to ask, and what another bucket has at the same place by now is not mistaken for it. */
#ifndef FANFARE_GATEWAY_BUCKET_CONNECTION_TABLE_H
#define FANFARE_GATEWAY_BUCKET_CONNECTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"
#include "shared/contract/connection_id.h"

struct connection_table;
struct client;

/* For the descriptors below `places`, at most CONNECTION_ID_PLACES of them. `instance`: the gateway's
 * (connection_id_instance). STATUS_NO_MEMORY. */
enum status connection_table_new(size_t places, uint64_t instance, struct connection_table **out);
/* All clients must be out. Legal on NULL. */
void connection_table_free(struct connection_table *table);

/* Enters the client under a new id. Without a table, and at a place that the table does not have, it has
 * none. The thread of `bucket`, which the client is of, here and below. */
void connection_table_add(struct connection_table *table, unsigned bucket, int place, struct client *client);
/* Takes the client out; legal when it is not in. */
void connection_table_remove(struct connection_table *table, unsigned bucket, int place,
                             const struct client *client);
/* Its id; false: it has none. */
bool connection_table_id(const struct connection_table *table, unsigned bucket, int place,
                         const struct client *client, struct connection_id *out);
/* The client of that id if it is one of `bucket`'s, and still there; else NULL. */
struct client *connection_table_find(const struct connection_table *table, unsigned bucket,
                                     const struct connection_id *id);
/* Whether a client of that id is there at this moment, and whose it is: any thread. */
bool connection_table_has(const struct connection_table *table, const struct connection_id *id,
                          unsigned *bucket);
/* Whose client it is, if it is there: any thread. False: no client of this process has or had the id. */
bool connection_table_bucket(const struct connection_table *table, const struct connection_id *id,
                             unsigned *bucket);

#endif
