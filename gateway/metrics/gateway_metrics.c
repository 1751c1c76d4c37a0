/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's metrics as data. Any thread; owns nothing. */
#include "gateway/metrics/gateway_metrics.h"

static const struct metric_def defs[] = {
#define X(row, name, labels, type, help) [row] = {name, labels, METRIC_##type, help},
    GATEWAY_METRICS(X)
#undef X
#define X(code, name, advice)                                                                                \
    [M_CLOSED_##code] = {G "closes_total", "code=\"" #code "\"", METRIC_COUNTER,                             \
                         "Close frames sent, by code; 1006: lost without one"},
        CLOSE_CODES(X)
#undef X
            [M_CLOSED_CUSTOM] = {G "closes_total", "code=\"custom\"", METRIC_COUNTER, ""},
};

static const struct {
    int code;
    enum gateway_metric row;
} closes[] = {
#define X(code, name, advice) {code, M_CLOSED_##code},
    CLOSE_CODES(X)
#undef X
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
    metrics_add(close_code_is_free(code) ? M_CLOSED_CUSTOM : M_CLOSED_1006, 1);
}

void gateway_metrics_auth_refused(enum auth_reason reason)
{
    metrics_add((unsigned)M_AUTH_REFUSED_MALFORMED + (unsigned)reason - 1, 1);
}
