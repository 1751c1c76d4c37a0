/* SPDX-License-Identifier: Apache-2.0 */
/* Texts are made only for a line that will be written. Any thread. */
#include "shared/log/trace_line.h"

#include <inttypes.h>
#include <stdio.h>

enum { ID_PREFIX_BYTES = 8 };

bool trace_line_begin(struct trace_line *line, const struct traceparent *trace, const uint8_t *logic_id,
                      uint64_t sequence)
{
    size_t len = 0;

    line->level = trace->sampled ? LOG_INFO : LOG_DEBUG;
    if (!trace->set || !log_is_on(line->level))
        return false;
    traceparent_print(trace, line->traceparent);
    line->id[0] = '\0';
    if (logic_id == NULL)
        return true;
    for (; len < ID_PREFIX_BYTES; len++)
        snprintf(line->id + 2 * len, 3, "%02x", logic_id[len]);
    snprintf(line->id + 2 * len, sizeof line->id - 2 * len, "-%" PRIu64, sequence);
    return true;
}
