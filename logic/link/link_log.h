/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a link: log lines, few enough that a link that flaps or stays down does not
 * fill the log, and its last fault for GET /gateways. The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LINK_LOG_H
#define FANFARE_LOGIC_LINK_LINK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/link/link_limits.h"

/* All zero: nothing was said yet. Times are clock_now_ms(). */
struct link_log {
    int64_t up_ms; /* when the last line of each kind was written */
    int64_t down_ms;
    int64_t retry_ms;
    char fault[160]; /* why it last broke or was not made, or "" */
    int64_t fault_ms;
    limit_set below;                   /* what the last line about limits named */
    int64_t limits[HELLO_LIMIT_COUNT]; /* of the gateway, then */
};

/* `version` is the gateway's, "" when it has not said. */
void link_log_up(struct link_log *log, const char *gateway, const char *version, size_t queued);
/* Warns of the gateway's limits that are below this logic's, when they are not those of the last time. */
void link_log_limits(struct link_log *log, const char *gateway, limit_set below,
                     const int64_t limits[HELLO_LIMIT_COUNT], const int64_t own[HELLO_LIMIT_COUNT]);
/* It broke (`was_up`) or could not be made; keeps the reason as the fault. */
void link_log_down(struct link_log *log, const char *gateway, bool was_up, const char *reason,
                   unsigned failures, size_t queued);
/* The gateway could not take a batch, which will be sent again. */
void link_log_retry(struct link_log *log, const char *gateway, int http_status);
/* Pushes were dropped; said each time. `why` is the message. */
void link_log_dropped(const char *gateway, const char *why, size_t pushes);

#endif
