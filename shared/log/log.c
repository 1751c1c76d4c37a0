/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink: builds a line on the stack and hands it to log_writer.c, whose thread writes it; until that
 * runs, and where the system gives no thread, it goes to stderr at once if there is room. Which messages
 * repeat is log_limit.c's business. Any thread; never waits, never allocates and never fails (a line that
 * cannot be written is counted). */
#include "shared/log/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/base/utf8.h"
#include "shared/log/log_limit.h"
#include "shared/log/log_recent.h"
#include "shared/log/log_writer.h"
#include "shared/log/metrics.h"

/* The tail is what closes a cut line. */
enum { TAIL_BYTES = 32, VALUE_MAX_BYTES = 1024, NO_ROW = -1 };

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    bool full; /* the last thing put did not fit */
    bool json;
};

static _Atomic int level_in_force = LOG_INFO;
static _Atomic int format_in_force = LOG_LOGFMT;
static _Atomic int dropped_row = NO_ROW; /* of the daemon's metrics */

static void put(struct line *line, const char *data, size_t len)
{
    if (line->full || len > sizeof line->text - TAIL_BYTES - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, data, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct line *line, const char *format, ...)
{
    char text[64];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len > 0)
        put(line, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

/* Controls (C0, DEL and the two-byte C1) could forge lines or move a terminal's cursor. */
static size_t put_escaped(struct line *line, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *next;

    if (*at == '"' || *at == '\\') {
        put_format(line, "\\%c", *at);
        return 1;
    }
    if (*at < 0x20 || *at == 0x7f) {
        put_format(line, "\\u%04x", *at);
        return 1;
    }
    if (*at < 0x80) {
        put(line, (const char *)at, 1);
        return 1;
    }
    if (end - at >= 2 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
        put_format(line, "\\u%04x", at[1]);
        return 2;
    }
    next = at;
    while (next < end && next < at + 4 && !utf8_valid(slice_of(at, (size_t)(next + 1 - at)), NULL))
        next++;
    if (next == end || next == at + 4) {
        put_text(line, "\\ufffd");
        return 1;
    }
    put(line, (const char *)at, (size_t)(next + 1 - at));
    return (size_t)(next + 1 - at);
}

static void put_quoted(struct line *line, const char *value)
{
    const uint8_t *at = (const uint8_t *)value;
    size_t len = strnlen(value, VALUE_MAX_BYTES + 1);
    const uint8_t *end = at + (len > VALUE_MAX_BYTES ? VALUE_MAX_BYTES : len);

    put_text(line, "\"");
    while (at < end)
        at += put_escaped(line, at, end);
    put_text(line, len > VALUE_MAX_BYTES ? "...\"" : "\"");
}

/* logfmt: a value without space, quote, equals sign or anything unprintable stands bare. */
static bool is_bare(const char *value)
{
    const char *at = value;

    while (*at > ' ' && *at < 0x7f && *at != '"' && *at != '=' && *at != '\\')
        at++;
    return at > value && *at == '\0' && at - value <= VALUE_MAX_BYTES;
}

static void put_key(struct line *line, const char *key)
{
    if (line->len > 0)
        put_text(line, line->json ? "," : " ");
    if (line->json) {
        put_quoted(line, key);
        put_text(line, ":");
    } else {
        put_text(line, key);
        put_text(line, "=");
    }
}

static void put_string(struct line *line, const char *value)
{
    if (!line->json && is_bare(value))
        put_text(line, value);
    else
        put_quoted(line, value);
}

/* A field that does not fit is left out whole, and the line says so at its end. */
static void put_field(struct line *line, const struct log_field *field)
{
    size_t before = line->len;

    put_key(line, field->key);
    if (field->kind == LOG_FIELD_INT)
        put_format(line, "%" PRId64, field->integer);
    else
        put_string(line, field->string != NULL ? field->string : "");
    if (line->full)
        line->len = before;
}

static void put_time(struct line *line)
{
    struct timespec now;
    struct tm utc;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    put_key(line, "ts");
    put_format(line, line->json ? "\"%s.%03ldZ\"" : "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    return names[level];
}

static void put_head(struct line *line, enum log_level level, const char *msg)
{
    put_time(line);
    put_field(line, &(struct log_field)LOG_S("level", log_level_name(level)));
    put_field(line, &(struct log_field)LOG_S("msg", msg));
}

static void count_dropped(void)
{
    int row = atomic_load_explicit(&dropped_row, memory_order_relaxed);

    if (row != NO_ROW)
        metrics_add((unsigned)row, 1);
}

/* Without the writer's thread. POLLOUT of a pipe promises one page, and no line is longer. */
static void write_at_once(const char *text, size_t len)
{
    struct pollfd room = {STDERR_FILENO, POLLOUT, 0};

    if (poll(&room, 1, 0) != 1 || write(STDERR_FILENO, text, len) != (ssize_t)len)
        count_dropped();
}

static void hand_over(const char *text, size_t len)
{
    if (!log_writer_put(text, len))
        write_at_once(text, len);
}

static void append(struct line *line, const char *text)
{
    size_t len = strlen(text);

    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void compose(struct line *line, enum log_level level, const char *msg, const struct log_field *fields)
{
    line->len = 0;
    line->full = false;
    line->json = atomic_load_explicit(&format_in_force, memory_order_relaxed) == LOG_JSON;
    put_head(line, level, msg);
    for (; fields->kind != LOG_FIELD_END && !line->full; fields++)
        put_field(line, fields);
    if (line->full)
        append(line, line->json ? ",\"cut\":1" : " cut=1");
    if (line->json) {
        memmove(line->text + 1, line->text, line->len++);
        line->text[0] = '{';
        append(line, "}");
    }
    append(line, "\n");
}

/* What it says, without when and how bad: whoever asks is told these apart. */
static void keep_recent(enum log_level level, const char *msg, const struct log_field *fields)
{
    struct line line;

    line.len = 0;
    line.full = line.json = false;
    put_text(&line, msg);
    for (; fields->kind != LOG_FIELD_END && !line.full; fields++)
        put_field(&line, fields);
    log_recent_note(level, line.text, line.len, clock_now_ms());
}

static void emit(enum log_level level, const char *msg, const struct log_field *fields)
{
    struct line line;

    compose(&line, level, msg, fields);
    hand_over(line.text, line.len);
    if (level >= LOG_WARN)
        keep_recent(level, msg, fields);
}

/* Stands where the lines are missing, whatever the level in force. */
static size_t note_dropped(uint64_t dropped, char out[LOG_LINE_MAX])
{
    const struct log_field fields[] = {
        LOG_I("lines", dropped), LOG_S("reason", "stderr did not take them"), {LOG_FIELD_END, 0, 0, 0}};
    struct line line;

    compose(&line, LOG_WARN, "log lines dropped", fields);
    memcpy(out, line.text, line.len);
    return line.len;
}

static void emit_suppressed(enum log_level level, const char *msg, uint64_t count)
{
    emit(level, msg, (const struct log_field[]){LOG_I("suppressed", count), {LOG_FIELD_END, 0, 0, 0}});
}

void log_setup(enum log_level level, enum log_format format)
{
    atomic_store(&level_in_force, (int)level);
    atomic_store(&format_in_force, (int)format);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&level_in_force, memory_order_relaxed);
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields)
{
    if (!log_is_on(level))
        return;
    if (log_limit_pass(level, msg, clock_now_ms(), emit_suppressed))
        emit(level, msg, fields);
}

void log_text(const char *format, ...)
{
    char text[LOG_LINE_MAX];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len <= 0)
        return;
    len = len < (int)sizeof text ? len : (int)sizeof text - 1;
    text[len] = '\n';
    hand_over(text, (size_t)len + 1);
}

void log_start(unsigned row)
{
    const struct log_writer_conf conf = {STDERR_FILENO, count_dropped, note_dropped};

    atomic_store(&dropped_row, (int)row);
    if (log_writer_start(&conf) != STATUS_OK)
        log_event(LOG_WARN, "no thread for the log",
                  LOG_S("effect", "lines are written where they are made"));
}

void log_end(void)
{
    log_limit_flush(emit_suppressed);
    log_writer_end();
}
