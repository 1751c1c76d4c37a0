/* SPDX-License-Identifier: Apache-2.0 */
/* What every log line about a traced push has in common: its level, the traceparent and the push's
 * id. Any thread; writes nothing. */
#ifndef FANFARE_SHARED_LOG_TRACE_LINE_H
#define FANFARE_SHARED_LOG_TRACE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/log/log.h"
#include "shared/log/traceparent.h"

struct trace_line {
    enum log_level level; /* LOG_INFO for a sampled trace, else LOG_DEBUG */
    char traceparent[TRACEPARENT_TEXT_LEN + 1];
    char id[40]; /* as in the API's answers: the first 8 bytes of the logic id in hex, '-', sequence */
};

/* False when there is no trace, or the log's level leaves the line out; `line` is then not filled.
 * `logic_id` is LOGIC_ID_LEN bytes, or NULL for a push that has no id: `id` is then "". */
bool trace_line_begin(struct trace_line *line, const struct traceparent *trace, const uint8_t *logic_id,
                      uint64_t sequence);

#endif
