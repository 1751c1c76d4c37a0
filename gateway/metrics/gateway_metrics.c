/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's metric and close code tables as data. Any thread; owns nothing. */
#include "gateway/metrics/gateway_metrics.h"

static const struct metric_def defs[] = {
#define X(row, name, labels, type, help) [row] = {name, labels, METRIC_##type, help},
    GATEWAY_METRICS(X)
#undef X
};

static const struct {
    int code;
    const char *name;
} codes[] = {
#define X(code, name) {code, #name},
    CLOSE_CODES(X)
#undef X
};

static const struct {
    int code;
    enum gateway_metric row;
} closes[] = {
    {1000, M_CLOSED_1000}, {1001, M_CLOSED_1001}, {1002, M_CLOSED_1002}, {1007, M_CLOSED_1007},
    {1009, M_CLOSED_1009}, {1011, M_CLOSED_1011}, {4000, M_CLOSED_4000}, {4001, M_CLOSED_4001},
    {4100, M_CLOSED_4100}, {4200, M_CLOSED_4200}, {4201, M_CLOSED_4201},
};

void gateway_metrics_setup(void)
{
    metrics_setup(defs, M_COUNT);
}

void gateway_metrics_closed(int code)
{
    for (size_t i = 0; i < sizeof closes / sizeof closes[0]; i++)
        if (closes[i].code == code) {
            metrics_add(closes[i].row, 1);
            return;
        }
    metrics_add(M_CLOSED_1006, 1);
}

const char *close_code_name(int code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return codes[i].name;
    return "";
}
