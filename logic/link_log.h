/* SPDX-License-Identifier: Apache-2.0 */
/* What is said about a link: log lines, few enough that a link that flaps or stays down does not
 * fill the log, and its last fault for GET /gateways. The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LOG_H
#define FANFARE_LOGIC_LINK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: nothing was said yet. Times are clock_now_ms(). */
struct link_log {
    int64_t up_ms; /* when the last line of each kind was written */
    int64_t down_ms;
    int64_t retry_ms;
    char fault[160]; /* why it last broke or was not made, or "" */
    int64_t fault_ms;
};

void link_log_up(struct link_log *log, const char *gateway, size_t queued);
/* It broke (`was_up`) or could not be made; keeps the reason as the fault. */
void link_log_down(struct link_log *log, const char *gateway, bool was_up, const char *reason,
                   unsigned failures, size_t queued);
/* The gateway could not take a batch, which will be sent again. */
void link_log_retry(struct link_log *log, const char *gateway, int http_status);
/* Pushes were dropped; said each time. `why` is the message. */
void link_log_dropped(const char *gateway, const char *why, size_t pushes);

#endif
