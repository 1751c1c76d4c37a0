/* SPDX-License-Identifier: Apache-2.0 */
/* Judges a gateway by what reaches its own client. The loop's thread only. */
#include "logic/link/link_canary.h"

#include "logic/metrics/logic_metrics.h"

void link_canary_init(struct link_canary *canary, int64_t interval_us)
{
    *canary = (struct link_canary){.interval_us = interval_us, .us = -1};
}

void link_canary_start(struct link_canary *canary, struct h2_conn *conn)
{
    canary->conn = conn;
    canary->owed = false;
    canary->unknown_there = false;
    canary->sent_us = 0;
}

void link_canary_stop(struct link_canary *canary)
{
    canary->conn = NULL;
    canary->owed = false;
    canary->us = -1;
}

static void note_failure(struct link_canary *canary)
{
    canary->us = -1;
    canary->failures++;
    metrics_add(LM_CANARY_FAILED, 1);
}

void link_canary_tick(struct link_canary *canary, int64_t now_us)
{
    if (canary->conn == NULL || canary->interval_us == 0 || canary->unknown_there)
        return;
    if (canary->owed && now_us - canary->sent_us >= (int64_t)LINK_CANARY_TIMEOUT_MS * 1000) {
        canary->owed = false;
        note_failure(canary);
    }
    if (canary->owed || (canary->sent_us && now_us - canary->sent_us < canary->interval_us))
        return;
    canary->sent_us = now_us;
    canary->owed = h2_request(canary->conn, "POST", "/rpc/canary", NULL, NULL, &canary->stream) == STATUS_OK;
}

bool link_canary_answer(struct link_canary *canary, int32_t stream, int status, int64_t now_us)
{
    if (!canary->owed || stream != canary->stream)
        return false;
    canary->owed = false;
    if (status == 200) {
        canary->us = now_us - canary->sent_us;
        canary->failures = 0;
        metrics_add(LM_CANARY_ARRIVED, 1);
        metrics_observe(LM_CANARY_SECONDS, canary->us);
    } else if (status == 404 || status == 405) {
        canary->unknown_there = true;
        canary->failures = 0;
    } else if (status != 503) {
        note_failure(canary);
    }
    return true;
}

bool link_canary_is_failing(const struct link_canary *canary)
{
    return canary->failures >= LINK_CANARY_FAILURES;
}
