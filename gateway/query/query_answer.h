/* SPDX-License-Identifier: Apache-2.0 */
/* What the buckets found, put together and written (docs/protocol.md, section 3, "The query"). Pure; any
 * thread. */
#ifndef FANFARE_GATEWAY_QUERY_QUERY_ANSWER_H
#define FANFARE_GATEWAY_QUERY_QUERY_ANSWER_H

#include "gateway/bucket/query_part.h"
#include "shared/base/buf.h"

enum { QUERY_ANSWER_MAX = 1 << 20 }; /* bytes */

void query_found_init(struct query_found *found, const struct query *query);
void query_found_fini(struct query_found *found);
/* Adds what another bucket found; keeps STATUS_NO_MEMORY of either, and its own. */
void query_found_merge(struct query_found *found, struct query_found *from);
/* Makes the JSON in `out`, which is the caller's to fini in every case; an array that would make it longer
 * than QUERY_ANSWER_MAX is cut. STATUS_NO_MEMORY. */
enum status query_answer_print(const struct query *query, struct query_found *found, struct buf *out);

#endif
