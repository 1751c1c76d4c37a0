/* SPDX-License-Identifier: Apache-2.0 */
/* Which log lines are too many: past LOG_LIMIT_PER_SECOND of one message within a second the rest
 * of that second is only counted. Any thread; time is an argument, what is due goes out through a
 * callback, nothing is written here. */
#ifndef FANFARE_SHARED_LOG_LOG_LIMIT_H
#define FANFARE_SHARED_LOG_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/log/log.h"

enum { LOG_LIMIT_PER_SECOND = 10 };

/* Receives how many lines of `msg` were held back; called without a lock held. */
typedef void log_limit_report(enum log_level level, const char *msg, uint64_t count);

/* Whether a line of `msg` may be written at `now_ms` (monotonic). Reports first what earlier
 * seconds held back. Messages are told apart by their text (the first 63 bytes); more than 64
 * different ones in one second share places, and then pass unlimited. */
bool log_limit_pass(enum log_level level, const char *msg, int64_t now_ms, log_limit_report *report);
/* Reports everything that is held back, whatever the time. */
void log_limit_flush(log_limit_report *report);

#endif
