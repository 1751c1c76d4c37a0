/* SPDX-License-Identifier: Apache-2.0 */
/* The logic's rows for the registry in shared/metrics. Start-up only. */
#include "logic/logic_metrics.h"

#define LOGIC_METRIC_DEF(row, name, labels, type, help) {name, labels, METRIC_##type, help},
static const struct metric_def defs[] = {LOGIC_METRICS(LOGIC_METRIC_DEF)};
#undef LOGIC_METRIC_DEF

void logic_metrics_setup(void)
{
    metrics_setup(defs, LOGIC_METRIC_COUNT);
}
