/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the metrics, three of them as rates. */
#include "gateway/query/node_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/base/rate_window.h"
#include "shared/log/log_recent.h"
#include "shared/net/loop_event.h"

enum { LOOK_MS = 1000 };

static const struct {
    const char *name;
    enum gateway_metric row;
} rated[] = {
    {"itemsPerSecond", M_ITEMS_RECEIVED},
    {"framesPerSecond", M_FRAMES_DELIVERED},
    {"bytesPerSecond", M_BYTES_DELIVERED},
};

enum { RATES = sizeof rated / sizeof rated[0] };

struct node_report {
    const struct readiness *readiness;
    struct event *look;
    int64_t started_ms;
    struct rate_window rates[RATES];
};

static void look(struct node_report *report)
{
    for (size_t i = 0; i < RATES; i++)
        rate_window_note(&report->rates[i], clock_now_ms(), metrics_get(rated[i].row));
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look(arg);
}

enum status node_report_new(struct event_base *base, const struct readiness *readiness,
                            struct node_report **out)
{
    struct node_report *report = calloc(1, sizeof *report);

    if (report == NULL)
        return STATUS_NO_MEMORY;
    report->readiness = readiness;
    report->started_ms = clock_now_ms();
    report->look = event_new(base, -1, EV_PERSIST, on_look, report);
    if (report->look == NULL || loop_event_after_ms(report->look, LOOK_MS) != STATUS_OK) {
        node_report_free(report);
        return STATUS_NO_MEMORY;
    }
    look(report);
    *out = report;
    return STATUS_OK;
}

void node_report_free(struct node_report *report)
{
    if (report == NULL)
        return;
    loop_event_free(report->look);
    free(report);
}

static enum status append_gauges(const struct node_report *report, struct buf *out)
{
    return buf_printf(out,
                      "{\"clients\":%" PRIu64 ",\"rooms\":%" PRIu64 ",\"users\":%" PRIu64
                      ",\"uptime\":%" PRId64 ",\"version\":\"" FANFARE_VERSION
                      "\",\"draining\":%s,\"jobs\":%" PRIu64 ",\"framesQueued\":%" PRIu64,
                      metrics_get(M_CLIENTS), metrics_get(M_ROOMS), metrics_get(M_USERS),
                      (clock_now_ms() - report->started_ms) / 1000,
                      readiness_is(report->readiness, UNREADY_DRAINING) ? "true" : "false",
                      metrics_get(M_JOBS_PENDING), metrics_get(M_FRAMES_QUEUED));
}

static enum status append_rates(const struct node_report *report, struct buf *out)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < RATES && status == STATUS_OK; i++)
        status =
            buf_printf(out, ",\"%s\":%.1f", rated[i].name,
                       rate_window_per_second(&report->rates[i], clock_now_ms(), metrics_get(rated[i].row)));
    return status;
}

static enum status append_line(const struct log_recent_line *line, struct buf *out)
{
    enum status status = buf_printf(out, "{\"secondsAgo\":%" PRId64 ",\"level\":\"%s\",\"text\":",
                                    (clock_now_ms() - line->at_ms) / 1000, log_level_name(line->level));

    if (status == STATUS_OK)
        status = buf_append_json_string(out, line->text, strlen(line->text));
    return status == STATUS_OK ? buf_append_str(out, "}") : status;
}

static enum status append_errors(struct buf *out)
{
    struct log_recent_line lines[LOG_RECENT_LINES];
    size_t count = log_recent_copy(lines);
    enum status status = buf_append_str(out, ",\"errors\":[");

    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = i > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = append_line(&lines[i], out);
    }
    return status == STATUS_OK ? buf_append_str(out, "]}") : status;
}

enum status node_report_print(const struct node_report *report, struct buf *out)
{
    enum status status = append_gauges(report, out);

    if (status == STATUS_OK)
        status = append_rates(report, out);
    return status == STATUS_OK ? append_errors(out) : status;
}
