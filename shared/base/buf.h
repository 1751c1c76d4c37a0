/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a limit. Owned by whoever embeds it; one thread at a time. */
#ifndef FANFARE_SHARED_BASE_BUF_H
#define FANFARE_SHARED_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/status.h"

struct buf {
    uint8_t *data; /* NULL while empty and never grown */
    size_t len;    /* bytes in use */
    size_t cap;    /* bytes allocated */
    size_t max;    /* never grows past this many bytes */
};

/* An empty buffer that may hold up to `max` bytes; allocates nothing. */
void buf_init(struct buf *buf, size_t max);
/* Frees the bytes; the buffer is as after buf_init with the same limit. */
void buf_fini(struct buf *buf);
/* Forgets the bytes, keeps the memory. */
void buf_clear(struct buf *buf);
/* Makes room for `extra` more bytes. STATUS_TOO_LARGE past the limit, STATUS_NO_MEMORY. */
enum status buf_reserve(struct buf *buf, size_t extra);
/* Appends; on failure the buffer is as before. Same errors as buf_reserve. */
enum status buf_append(struct buf *buf, const void *data, size_t len);
enum status buf_append_str(struct buf *buf, const char *string);
enum status buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends `len` bytes of UTF-8 as a quoted JSON string (RFC 8259, section 7). */
enum status buf_append_json_string(struct buf *buf, const void *data, size_t len);
/* Drops the first `len` bytes (at most all of them). */
void buf_drop_front(struct buf *buf, size_t len);

#endif
