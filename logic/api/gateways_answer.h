/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to GET /gateways (docs/protocol.md, section 1, "Gateways"). The loop's thread. */
#ifndef FANFARE_LOGIC_API_GATEWAYS_ANSWER_H
#define FANFARE_LOGIC_API_GATEWAYS_ANSWER_H

#include "logic/discovery/gateway_set.h"
#include "shared/base/buf.h"

/* Appends one gateway as an object: what is known of its entry, and of its link. Pure: of `entry`
 * everything but the link is read. */
enum status gateways_answer_append_one(struct buf *out, const char *address,
                                       const struct gateway_entry *entry, const struct link_details *link);
/* Appends {"gateways":[…]} in the order in which they became known. `now_ms` is clock_now_ms().
 * STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status gateways_answer_append(struct buf *out, const struct gateway_set *set, int64_t now_ms);

#endif
