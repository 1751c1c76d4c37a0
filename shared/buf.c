/* SPDX-License-Identifier: Apache-2.0 */
/* Grows by doubling up to its limit; a failed append leaves it as it was. */
#include "shared/buf.h"

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
    uint8_t *data = realloc(buf->data, cap);
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
    /* One byte more for the terminator, which is written and not counted. */
    enum status status = buf_reserve(buf, (size_t)len + 1);
    if (status != STATUS_OK)
        return status;
    va_start(args, format);
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return STATUS_OK;
}

static enum status append_json_byte(struct buf *buf, uint8_t byte)
{
    static const char short_escapes[] = "btn?fr";

    if (byte == '"' || byte == '\\')
        return buf_append(buf, (const char[]){'\\', (char)byte}, 2);
    if (byte >= 8 && byte <= 13 && byte != 11)
        return buf_append(buf, (const char[]){'\\', short_escapes[byte - 8]}, 2);
    if (byte < 0x20)
        return buf_printf(buf, "\\u%04x", byte);
    return buf_append(buf, &byte, 1);
}

enum status buf_append_json_string(struct buf *buf, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    size_t before = buf->len;
    enum status status = buf_append(buf, "\"", 1);

    for (size_t i = 0; i < len && status == STATUS_OK; i++)
        status = append_json_byte(buf, bytes[i]);
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
