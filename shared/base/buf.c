/* SPDX-License-Identifier: Apache-2.0 */
/* Grows by doubling up to its limit; a failed append leaves it as it was. */
#include "shared/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

static size_t grown(const struct buf *buf, size_t need)
{
    size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAPACITY;

    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    return cap > buf->max ? buf->max : cap;
}

enum status buf_reserve(struct buf *buf, size_t extra)
{
    if (extra > buf->max || buf->len > buf->max - extra)
        return STATUS_TOO_LARGE;
    if (extra <= buf->cap - buf->len)
        return STATUS_OK;
    size_t cap = grown(buf, buf->len + extra);
    if (cap >= PTRDIFF_MAX)
        return STATUS_NO_MEMORY;
    /* One byte more than is told, so that vsnprintf has room for its terminator. */
    uint8_t *data = realloc(buf->data, cap + 1);
    if (data == NULL)
        return STATUS_NO_MEMORY;
    buf->data = data;
    buf->cap = cap;
    return STATUS_OK;
}

enum status buf_append(struct buf *buf, const void *data, size_t len)
{
    enum status status = buf_reserve(buf, len);

    if (status == STATUS_OK && len > 0) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
    return status;
}

enum status buf_append_str(struct buf *buf, const char *string)
{
    return buf_append(buf, string, strlen(string));
}

enum status buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return STATUS_INVALID;
    enum status status = len > 0 ? buf_reserve(buf, (size_t)len) : STATUS_OK;
    if (status != STATUS_OK || len == 0)
        return status;
    va_start(args, format);
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return STATUS_OK;
}

/* The bytes from `at` on that stand in a JSON string as they are. */
static size_t plain_run(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;

    while (at < end && *at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - from);
}

static enum status append_escape(struct buf *buf, uint8_t byte)
{
    static const char short_escapes[] = "btn?fr";

    if (byte == '"' || byte == '\\')
        return buf_append(buf, (const char[]){'\\', (char)byte}, 2);
    if (byte >= '\b' && byte <= '\r' && byte != '\v')
        return buf_append(buf, (const char[]){'\\', short_escapes[byte - '\b']}, 2);
    return buf_printf(buf, "\\u%04x", byte);
}

static enum status append_escaped(struct buf *buf, const uint8_t *at, const uint8_t *end)
{
    enum status status = STATUS_OK;

    while (at < end && status == STATUS_OK) {
        size_t run = plain_run(at, end);

        status = buf_append(buf, at, run);
        at += run;
        if (at < end && status == STATUS_OK)
            status = append_escape(buf, *at++);
    }
    return status;
}

enum status buf_append_json_string(struct buf *buf, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t before = buf->len;
    enum status status = buf_append(buf, "\"", 1);

    if (status == STATUS_OK && len > 0)
        status = append_escaped(buf, bytes, bytes + len);
    if (status == STATUS_OK)
        status = buf_append(buf, "\"", 1);
    if (status != STATUS_OK)
        buf->len = before;
    return status;
}

void buf_drop_front(struct buf *buf, size_t len)
{
    size_t drop = len < buf->len ? len : buf->len;

    if (drop > 0 && drop < buf->len)
        memmove(buf->data, buf->data + drop, buf->len - drop);
    buf->len -= drop;
}
