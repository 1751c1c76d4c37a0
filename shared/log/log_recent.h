/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of warn and above that were logged, for whoever asks how a daemon is. A ring of
 * LOG_RECENT_LINES behind a mutex that is taken for such a line only, and for a copy; the oldest gives way.
 * Any thread. */
#ifndef FANFARE_SHARED_LOG_LOG_RECENT_H
#define FANFARE_SHARED_LOG_LOG_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "shared/log/log.h"

/* LOG_RECENT_TEXT: bytes of a line's text, with its NUL; what is longer is cut. */
enum { LOG_RECENT_LINES = 32, LOG_RECENT_TEXT = 256 };

struct log_recent_line {
    int64_t at_ms; /* monotonic */
    enum log_level level;
    char text[LOG_RECENT_TEXT]; /* UTF-8: "msg key=value …", as in the log but for time and level */
};

/* Keeps a line of `len` bytes of UTF-8. */
void log_recent_note(enum log_level level, const char *text, size_t len, int64_t now_ms);
/* Copies what is kept, the newest first; returns how many. */
size_t log_recent_copy(struct log_recent_line out[LOG_RECENT_LINES]);

#endif
