/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the log lines about links. The loop's thread only; decides nothing. */
#include "logic/link/link_log.h"

#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/log/log.h"

enum {
    GAP_MS = 1000,       /* between two lines about one link */
    DOWN_GAP_MS = 10000, /* between two lines about a link that stays down */
};

static bool may_log(int64_t *logged_ms, int64_t gap_ms)
{
    int64_t now_ms = clock_now_ms();

    if (*logged_ms && now_ms - *logged_ms < gap_ms)
        return false;
    *logged_ms = now_ms;
    return true;
}

void link_log_up(struct link_log *log, const char *gateway, const char *version, size_t queued)
{
    if (may_log(&log->up_ms, GAP_MS))
        log_event(LOG_INFO, "gateway link up", LOG_S("gateway", gateway), LOG_S("version", version),
                  LOG_I("queued", queued));
}

void link_log_limits(struct link_log *log, const char *gateway, limit_set below,
                     const int64_t limits[HELLO_LIMIT_COUNT], const int64_t own[HELLO_LIMIT_COUNT])
{
    struct buf text;
    bool news = below != log->below || memcmp(log->limits, limits, sizeof log->limits) != 0;

    log->below = below;
    memcpy(log->limits, limits, sizeof log->limits);
    if (!news || below == 0)
        return;
    buf_init(&text, 512);
    if (link_limits_print(below, limits, own, &text) != STATUS_OK || buf_append(&text, "", 1) != STATUS_OK)
        buf_clear(&text);
    log_event(LOG_WARN, "gateway takes less than this logic, which refuses what is more for it",
              LOG_S("gateway", gateway), LOG_S("limits", text.data != NULL ? (const char *)text.data : "?"));
    buf_fini(&text);
}

void link_log_down(struct link_log *log, const char *gateway, bool was_up, const char *reason,
                   unsigned failures, size_t queued)
{
    snprintf(log->fault, sizeof log->fault, "%s", reason);
    log->fault_ms = clock_now_ms();
    if (may_log(&log->down_ms, was_up ? GAP_MS : DOWN_GAP_MS))
        log_event(LOG_WARN, was_up ? "gateway link broke" : "gateway link not up", LOG_S("gateway", gateway),
                  LOG_S("reason", reason), LOG_I("failures", failures), LOG_I("queued", queued));
}

void link_log_retry(struct link_log *log, const char *gateway, int http_status)
{
    if (may_log(&log->retry_ms, GAP_MS))
        log_event(LOG_WARN, "gateway could not take a batch, sending it again", LOG_S("gateway", gateway),
                  LOG_I("status", http_status));
}

void link_log_dropped(const char *gateway, const char *why, size_t pushes)
{
    log_event(LOG_WARN, why, LOG_S("gateway", gateway), LOG_I("pushes", pushes));
}
