/* SPDX-License-Identifier: Apache-2.0 */
/* The log lines about traced pushes on the gateway: info for a sampled trace, else debug. For a push
 * without a trace each function returns at once. The control thread only; names no room, shows no
 * item. */
#ifndef FANFARE_GATEWAY_INTAKE_TRACE_LOG_H
#define FANFARE_GATEWAY_INTAKE_TRACE_LOG_H

#include "gateway/intake/push_handler.h"

/* Applied, to so many subscribed clients. `producer` here and below is LOGIC_ID_LEN bytes. */
void trace_log_applied(const uint8_t *producer, const struct push_record *record, enum push_path path,
                       uint32_t clients);
/* Its sequence was applied before, or passed over with a gap: acknowledged, not applied. */
void trace_log_duplicate(const uint8_t *producer, const struct push_record *record, enum push_path path);
/* It waited behind a gap of a logic that was forgotten. */
void trace_log_dropped(const uint8_t *producer, const struct push_record *record);

#endif
