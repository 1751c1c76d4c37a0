/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr: one event a line, logfmt or JSON. A line that stderr has no room for is dropped and
 * counted, never waited for. Any thread. Never logs item bodies, tokens or keys: callers pass none. */
#ifndef FANFARE_SHARED_LOG_LOG_H
#define FANFARE_SHARED_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

enum log_field_kind { LOG_FIELD_END, LOG_FIELD_STRING, LOG_FIELD_INT };

struct log_field {
    enum log_field_kind kind;
    const char *key;
    const char *string; /* UTF-8 or not: what is not printable is escaped */
    int64_t integer;
};

#define LOG_S(key, value)                                                                                    \
    {                                                                                                        \
        LOG_FIELD_STRING, (key), (value), 0                                                                  \
    }
#define LOG_I(key, value)                                                                                    \
    {                                                                                                        \
        LOG_FIELD_INT, (key), 0, (int64_t)(value)                                                            \
    }

/* Sets level and format for the process; call before threads start, or on SIGHUP. */
void log_setup(enum log_level level, enum log_format format);

/* "debug", "info", "warn" or "error"; static. */
const char *log_level_name(enum log_level level);

/* Whether a line of that level would be written, for callers whose fields cost something to make. */
bool log_is_on(enum log_level level);

/* Writes `ts=… level=… msg=<msg> key=value …`. `fields` ends with LOG_FIELD_END. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields);

/* Lines of warn and above are also kept for a while (log_recent.h).
 * Of one message at most 10 lines are written in a second; the rest are counted, and a later line
 * of any message is preceded by `msg=<msg> suppressed=N`. A string value is cut at 1,024 bytes, a
 * line at 4,096 (it then ends in cut=1). */

/* From now on a thread of its own writes the lines (log_writer.h); each that is lost is counted in the row
 * `dropped_row` of the daemon's metrics, and `msg="log lines dropped" lines=N` says so where they are
 * missing. Main thread, once, after metrics_setup and before other threads start. */
void log_start(unsigned dropped_row);

/* Writes what is still suppressed, and gives stderr time to take the rest: until it has, or until it has
 * taken nothing for 200 ms. Call before the process ends. Any thread. */
void log_end(void);

/* A line as it stands, for the person at the terminal; a newline is added, and at most 4,096 bytes go
 * out. Neither level nor rate hold it back. */
void log_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* At least one field. log_event(LOG_INFO, "listening", LOG_S("what", "ws"), LOG_I("port", 7777)); */
#define log_event(level, msg, ...)                                                                           \
    log_write((level), (msg), (const struct log_field[]){__VA_ARGS__, {LOG_FIELD_END, 0, 0, 0}})

#endif
