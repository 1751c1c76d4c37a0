/* SPDX-License-Identifier: Apache-2.0 */
/* The logic's rows for the registry in shared/log/metrics. Owns no number. */
#include "logic/metrics/logic_metrics.h"

#define LOGIC_METRIC_DEF(row, name, labels, type, help) {name, labels, METRIC_##type, help},
static const struct metric_def defs[] = {LOGIC_METRICS(LOGIC_METRIC_DEF)};
#undef LOGIC_METRIC_DEF

void logic_metrics_count_answer(int http_status)
{
    metrics_add(http_status >= 500 ? LM_HTTP_5XX : http_status >= 400 ? LM_HTTP_4XX : LM_HTTP_2XX, 1);
}

void logic_metrics_count_ban(enum status status)
{
    if (status == STATUS_FULL)
        metrics_add(LM_BANS_DROPPED_FULL, 1);
    else if (status == STATUS_INVALID)
        metrics_add(LM_BANS_DROPPED_CLOCK, 1);
    else if (status != STATUS_OK)
        metrics_add(LM_BANS_DROPPED_MEMORY, 1);
}

void logic_metrics_setup(void)
{
    metrics_setup(defs, LOGIC_METRIC_COUNT);
}
