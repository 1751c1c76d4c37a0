/* SPDX-License-Identifier: Apache-2.0 */
/* How this gateway does, for whoever asks: clients, rates of the last ten seconds, what waits, the last bad
 * log lines (docs/protocol.md, section 3, "The query"). Looks at its counters once a second. The control
 * thread. */
#ifndef FANFARE_GATEWAY_QUERY_NODE_REPORT_H
#define FANFARE_GATEWAY_QUERY_NODE_REPORT_H

#include <event2/event.h>

#include "gateway/bucket/readiness.h"
#include "shared/base/buf.h"

struct node_report;

/* `readiness` must outlive it. STATUS_NO_MEMORY. */
enum status node_report_new(struct event_base *base, const struct readiness *readiness,
                            struct node_report **out);
/* Legal on NULL. */
void node_report_free(struct node_report *report);
/* Appends the JSON of now. Errors as buf_append. */
enum status node_report_print(const struct node_report *report, struct buf *out);

#endif
