/* SPDX-License-Identifier: Apache-2.0 */
/* The rooms of a gateway with most connections, from its directory, which has the numbers of all buckets: so
 * one bucket answers for all. The bucket's thread; the directory's lock is held for a slice. */
#ifndef FANFARE_GATEWAY_BUCKET_QUERY_ROOMS_H
#define FANFARE_GATEWAY_BUCKET_QUERY_ROOMS_H

#include "gateway/bucket/directory.h"
#include "gateway/bucket/query_part.h"

/* The first bytes of a page's key: so many connections, more before fewer. */
enum { QUERY_ROOMS_MARK = 4 };

/* Goes through `slots` more slots of the directory. True when there are more. */
bool query_rooms_some(struct directory *directory, struct query_part *part, unsigned slots);
/* What an entry of the page says. */
uint32_t query_rooms_connections(const struct query_entry *entry);
struct slice query_rooms_name(const struct query_entry *entry);

#endif
