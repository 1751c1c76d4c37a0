/* SPDX-License-Identifier: Apache-2.0 */
/* One event a function. The control thread only; decides and counts nothing. */
#include "gateway/intake/trace_log.h"

#include "shared/log/trace_line.h"

static bool begin(struct trace_line *line, const uint8_t *producer, const struct push_record *record)
{
    struct traceparent trace;

    return record->trace != NULL && traceparent_decode(record->trace, &trace) &&
           trace_line_begin(line, &trace, producer, record->sequence);
}

static const char *path_name(enum push_path path)
{
    return path == PUSH_BY_BUS ? "bus" : "rpc";
}

void trace_log_applied(const uint8_t *producer, const struct push_record *record, enum push_path path,
                       uint32_t clients)
{
    struct trace_line line;

    if (begin(&line, producer, record))
        log_event(line.level, "push applied", LOG_S("traceparent", line.traceparent), LOG_S("id", line.id),
                  LOG_S("path", path_name(path)), LOG_S("target", audience_name(record->target)),
                  LOG_I("rooms", record->room_count), LOG_I("items", record->item_count),
                  LOG_S("audience", clients > 0 ? "yes" : "no"), LOG_I("clients", clients));
}

void trace_log_duplicate(const uint8_t *producer, const struct push_record *record, enum push_path path)
{
    struct trace_line line;

    if (begin(&line, producer, record))
        log_event(line.level, "push passed over as duplicate", LOG_S("traceparent", line.traceparent),
                  LOG_S("id", line.id), LOG_S("path", path_name(path)));
}

void trace_log_dropped(const uint8_t *producer, const struct push_record *record)
{
    struct trace_line line;

    if (begin(&line, producer, record))
        log_event(line.level, "push dropped", LOG_S("traceparent", line.traceparent), LOG_S("id", line.id),
                  LOG_S("path", "bus"), LOG_S("reason", "gap"));
}
