/* SPDX-License-Identifier: Apache-2.0 */
/* One event a function. The loop's thread only; decides and counts nothing. */
#include "logic/push/push_trace.h"

#include "shared/log/trace_line.h"

/* The last field of a line: no name ends it before. */
static struct log_field caller_field(const char *caller)
{
    return (struct log_field){caller != NULL ? LOG_FIELD_STRING : LOG_FIELD_END, "caller", caller, 0};
}

static bool begin(struct trace_line *line, const uint8_t *logic_id, const struct encoded_push *push)
{
    struct traceparent trace;

    return push_record_traceparent(slice_of(push->bytes, push->len), &trace) &&
           trace_line_begin(line, &trace, logic_id, push->sequence);
}

void push_trace_invalid(const struct push_fault *fault, const struct traceparent *header, const char *caller)
{
    struct trace_line line;

    if (trace_line_begin(&line, fault->trace.set ? &fault->trace : header, NULL, 0))
        log_event(line.level, "push refused", LOG_S("traceparent", line.traceparent),
                  LOG_S("code", fault->code), LOG_I("status", fault->status), caller_field(caller));
}

static void log_accepted(const struct trace_line *line, const struct push *push,
                         const struct push_outcome *outcome)
{
    log_event(line->level, "push accepted", LOG_S("traceparent", line->traceparent), LOG_S("id", line->id),
              LOG_S("target", audience_name(push->target)), LOG_I("rooms", push->room_count),
              LOG_I("items", push->item_count), LOG_I("known", outcome->known),
              LOG_I("queued", outcome->queued), LOG_S("bus_only", outcome->bus_only ? "yes" : "no"),
              caller_field(push->caller));
}

void push_trace_judged(const uint8_t *logic_id, const struct push *push, const struct push_outcome *outcome)
{
    bool taken = outcome->verdict == PUSH_TAKEN;
    struct trace_line line;

    if (!push->trace.set ||
        !trace_line_begin(&line, &push->trace, taken ? logic_id : NULL, outcome->sequence))
        return;
    if (taken)
        log_accepted(&line, push, outcome);
    else
        log_event(line.level, "push refused", LOG_S("traceparent", line.traceparent),
                  LOG_S("code", push_verdict_code(outcome->verdict)), LOG_I("known", outcome->known),
                  LOG_I("items", push->item_count), caller_field(push->caller));
}

void push_trace_acked(const uint8_t *logic_id, const struct encoded_push *push, const char *gateway)
{
    struct trace_line line;

    if (begin(&line, logic_id, push))
        log_event(line.level, "push acked", LOG_S("traceparent", line.traceparent), LOG_S("id", line.id),
                  LOG_S("gateway", gateway));
}

void push_trace_dropped(const uint8_t *logic_id, const struct encoded_push *push, const char *gateway,
                        enum link_drop reason)
{
    static const char *const reasons[] = {[LINK_DROP_EXPIRED] = "expired",
                                          [LINK_DROP_DOWN] = "down",
                                          [LINK_DROP_REFUSED] = "refused",
                                          [LINK_DROP_GONE] = "gone",
                                          [LINK_DROP_SHUTDOWN] = "shutdown"};
    struct trace_line line;

    if (begin(&line, logic_id, push))
        log_event(line.level, "push dropped", LOG_S("traceparent", line.traceparent), LOG_S("id", line.id),
                  LOG_S("gateway", gateway), LOG_S("reason", reasons[reason]));
}

void push_trace_published(const uint8_t *logic_id, const struct encoded_push *push, const char *redis)
{
    struct trace_line line;

    if (begin(&line, logic_id, push))
        log_event(line.level, "push published", LOG_S("traceparent", line.traceparent), LOG_S("id", line.id),
                  LOG_S("redis", redis));
}

void push_trace_unpublished(const uint8_t *logic_id, const struct encoded_push *push, const char *redis,
                            enum bus_drop reason)
{
    static const char *const reasons[] = {[BUS_DROP_EXPIRED] = "expired",
                                          [BUS_DROP_DOWN] = "down",
                                          [BUS_DROP_REFUSED] = "refused",
                                          [BUS_DROP_FULL] = "queue_full",
                                          [BUS_DROP_SHUTDOWN] = "shutdown"};
    struct trace_line line;

    if (begin(&line, logic_id, push))
        log_event(line.level, "push dropped", LOG_S("traceparent", line.traceparent), LOG_S("id", line.id),
                  LOG_S("redis", redis), LOG_S("reason", reasons[reason]));
}
