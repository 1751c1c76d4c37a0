/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to the log, and decides when not to. The loop's thread only. */
#include "shared/redis/redis_outage.h"

#include <stddef.h>
#include <stdio.h>

#include "shared/base/clock.h"
#include "shared/log/log.h"

enum { LOG_GAP_MS = 10000 };

void redis_outage_note(struct redis_outage *outage, const char *reason, const char *remedy)
{
    int64_t now_ms = clock_now_ms();

    snprintf(outage->reason, sizeof outage->reason, "%s", reason);
    if (outage->open && now_ms - outage->logged_ms < LOG_GAP_MS)
        return;
    if (!outage->open)
        outage->since_ms = now_ms;
    outage->open = true;
    outage->logged_ms = now_ms;
    if (remedy != NULL)
        log_event(LOG_ERROR, "redis refuses us", LOG_S("what", outage->what), LOG_S("redis", outage->redis),
                  LOG_S("reason", reason), LOG_S("remedy", remedy),
                  LOG_I("seconds", (now_ms - outage->since_ms) / 1000));
    else
        log_event(LOG_WARN, "redis is not reachable", LOG_S("what", outage->what),
                  LOG_S("redis", outage->redis), LOG_S("reason", reason),
                  LOG_I("seconds", (now_ms - outage->since_ms) / 1000));
}

void redis_outage_note_moved(const struct redis_outage *outage, const char *host, int port)
{
    if (!outage->open)
        log_event(LOG_INFO, "redis moved the slot", LOG_S("what", outage->what),
                  LOG_S("redis", outage->redis), LOG_S("host", host), LOG_I("port", port));
}

void redis_outage_end(struct redis_outage *outage)
{
    if (outage->told_up && !outage->open)
        return;
    log_event(LOG_INFO, "redis is up", LOG_S("what", outage->what), LOG_S("redis", outage->redis),
              LOG_I("seconds", outage->open ? (clock_now_ms() - outage->since_ms) / 1000 : 0));
    outage->told_up = true;
    outage->open = false;
}
