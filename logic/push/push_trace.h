/* SPDX-License-Identifier: Apache-2.0 */
/* The log lines about traced pushes: info for a sampled trace, else debug. For a push without a
 * trace each function returns at once. The loop's thread only; names no room, shows no item. */
#ifndef FANFARE_LOGIC_PUSH_PUSH_TRACE_H
#define FANFARE_LOGIC_PUSH_PUSH_TRACE_H

#include "logic/metrics/logic_metrics.h"
#include "logic/push/encoded_push.h"
#include "logic/push/push_answer.h"
#include "logic/push/push_fault.h"

/* The push, or the whole request, was refused before it was a push. `header` is the request's own
 * trace, for a push that has none; `caller` who asked, NULL when nobody said. */
void push_trace_invalid(const struct push_fault *fault, const struct traceparent *header, const char *caller);
/* Accepted, or refused for what `outcome` says. `logic_id` here and below is LOGIC_ID_LEN bytes. */
void push_trace_judged(const uint8_t *logic_id, const struct push *push, const struct push_outcome *outcome);
/* A gateway has answered for it, or will not get it. */
void push_trace_acked(const uint8_t *logic_id, const struct encoded_push *push, const char *gateway);
void push_trace_dropped(const uint8_t *logic_id, const struct encoded_push *push, const char *gateway,
                        enum link_drop reason);
/* Redis (its address) has taken it, or will not get it. */
void push_trace_published(const uint8_t *logic_id, const struct encoded_push *push, const char *redis);
void push_trace_unpublished(const uint8_t *logic_id, const struct encoded_push *push, const char *redis,
                            enum bus_drop reason);

#endif
