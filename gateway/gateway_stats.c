/* SPDX-License-Identifier: Apache-2.0 */
/* A table from go-push's names to metric rows, and what of ours stands beside them. */
#include "gateway/gateway_stats.h"

#include "gateway/metrics/gateway_metrics.h"

static uint64_t frames_dropped(void)
{
    static const unsigned rows[] = {M_FRAMES_DROPPED_SLOW, M_FRAMES_DROPPED_OLDEST, M_FRAMES_DROPPED_NEWEST,
                                    M_FRAMES_DROPPED_GONE, M_FRAMES_DROPPED_MEMORY};
    uint64_t total = 0;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        total += metrics_get(rows[i]);
    return total;
}

enum status gateway_stats_print(struct buf *out, const struct fanout *fanout)
{
    uint64_t lost_items = metrics_get(M_ITEMS_DROPPED_MEMORY);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"onlineConnections", metrics_get(M_CLIENTS)},
        {"sendMessageTotal", metrics_get(M_FRAMES_DELIVERED)},
        {"sendMessageFail", frames_dropped()},
        {"dispatchPending", 0},
        {"pushJobPending", metrics_get(M_JOBS_PENDING)},
        {"dispatchFail", metrics_get(M_ITEMS_DROPPED_BUCKET)},
        {"roomCount", metrics_get(M_ROOMS)},
        {"mergerPending", fanout_pending(fanout)},
        {"mergerRoomTotal", metrics_get(M_ITEMS_ROOM)},
        {"mergerAllTotal", metrics_get(M_ITEMS_ALL)},
        {"mergerRoomFail", lost_items},
        {"mergerAllFail", 0},
    };
    enum status status = buf_append_str(out, "{");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && status == STATUS_OK; i++)
        status = buf_printf(out, "%s\"%s\":%llu", i > 0 ? "," : "", rows[i].name,
                            (unsigned long long)rows[i].value);
    return status == STATUS_OK
               ? buf_printf(out, ",\"wire\":\"%s\"}\n", metrics_get(M_WIRE_SEND) > 0 ? "send" : "uring")
               : status;
}
