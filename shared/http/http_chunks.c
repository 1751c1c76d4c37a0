/* SPDX-License-Identifier: Apache-2.0 */
/* One function per state, each taking one byte; only chunk data is taken in bulk. Knows no
 * socket and keeps no bytes. */
#include "shared/http/http_chunks.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "shared/http/http_text.h"

enum { MAX_SIZE_DIGITS = 15 };

/* Fields of framing, routing, authentication, request modifiers and of the content (RFC 9110, 6.5.1). */
static const char *const not_trailers[] = {
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "traceparent",
};

void http_chunks_init(struct http_chunks *chunks, size_t max_ignored)
{
    *chunks = (struct http_chunks){.state = CHUNK_SIZE, .max_ignored = max_ignored};
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool is_text(uint8_t byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static enum chunk_state ignore(struct http_chunks *chunks, uint8_t byte, enum chunk_state next)
{
    if (!is_text(byte))
        return CHUNK_BAD;
    return ++chunks->ignored <= chunks->max_ignored ? next : CHUNK_TRAILER_BIG;
}

static enum chunk_state on_size(struct http_chunks *chunks, uint8_t byte)
{
    int value = hex_value(byte);

    if (value >= 0) {
        chunks->left = chunks->left * 16 + (uint64_t)value;
        return ++chunks->digits <= MAX_SIZE_DIGITS ? CHUNK_SIZE : CHUNK_BAD;
    }
    if (chunks->digits == 0)
        return CHUNK_BAD;
    if (byte == '\r')
        return CHUNK_SIZE_LF;
    if (byte == ';')
        return CHUNK_EXTENSION;
    return byte == ' ' || byte == '\t' ? CHUNK_SIZE_SPACE : CHUNK_BAD;
}

static enum chunk_state on_size_space(struct http_chunks *chunks, uint8_t byte)
{
    if (byte == ';')
        return CHUNK_EXTENSION;
    return byte == ' ' || byte == '\t' ? ignore(chunks, byte, CHUNK_SIZE_SPACE) : CHUNK_BAD;
}

static enum chunk_state on_extension(struct http_chunks *chunks, uint8_t byte)
{
    return byte == '\r' ? CHUNK_SIZE_LF : ignore(chunks, byte, CHUNK_EXTENSION);
}

static enum chunk_state on_size_lf(struct http_chunks *chunks, uint8_t byte)
{
    if (byte != '\n')
        return CHUNK_BAD;
    return chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER_START;
}

static enum chunk_state on_data_cr(struct http_chunks *chunks, uint8_t byte)
{
    (void)chunks;
    return byte == '\r' ? CHUNK_DATA_LF : CHUNK_BAD;
}

static enum chunk_state on_data_lf(struct http_chunks *chunks, uint8_t byte)
{
    chunks->digits = 0;
    return byte == '\n' ? CHUNK_SIZE : CHUNK_BAD;
}

static bool may_be_trailer(const struct http_chunks *chunks)
{
    for (size_t i = 0; i < sizeof not_trailers / sizeof *not_trailers; i++)
        if (strlen(not_trailers[i]) == chunks->name_len &&
            strncasecmp(not_trailers[i], chunks->name, chunks->name_len) == 0)
            return false;
    return chunks->name_len > 0;
}

static enum chunk_state on_trailer_name(struct http_chunks *chunks, uint8_t byte)
{
    if (byte == ':')
        return may_be_trailer(chunks) ? ignore(chunks, byte, CHUNK_TRAILER_VALUE) : CHUNK_TRAILER_BAD;
    if (!http_text_is_tchar(byte))
        return CHUNK_TRAILER_BAD;
    if (chunks->name_len < sizeof chunks->name)
        chunks->name[chunks->name_len] = (char)byte;
    chunks->name_len++;
    return ignore(chunks, byte, CHUNK_TRAILER_NAME);
}

static enum chunk_state on_trailer_start(struct http_chunks *chunks, uint8_t byte)
{
    chunks->name_len = 0;
    return byte == '\r' ? CHUNK_END_LF : on_trailer_name(chunks, byte);
}

static enum chunk_state on_trailer_value(struct http_chunks *chunks, uint8_t byte)
{
    return byte == '\r' ? CHUNK_TRAILER_LF : ignore(chunks, byte, CHUNK_TRAILER_VALUE);
}

static enum chunk_state on_trailer_lf(struct http_chunks *chunks, uint8_t byte)
{
    (void)chunks;
    return byte == '\n' ? CHUNK_TRAILER_START : CHUNK_BAD;
}

static enum chunk_state on_end_lf(struct http_chunks *chunks, uint8_t byte)
{
    (void)chunks;
    return byte == '\n' ? CHUNK_DONE : CHUNK_BAD;
}

static enum chunk_state (*const on_byte[])(struct http_chunks *chunks, uint8_t byte) = {
    [CHUNK_SIZE] = on_size,
    [CHUNK_SIZE_SPACE] = on_size_space,
    [CHUNK_EXTENSION] = on_extension,
    [CHUNK_SIZE_LF] = on_size_lf,
    [CHUNK_DATA_CR] = on_data_cr,
    [CHUNK_DATA_LF] = on_data_lf,
    [CHUNK_TRAILER_START] = on_trailer_start,
    [CHUNK_TRAILER_NAME] = on_trailer_name,
    [CHUNK_TRAILER_VALUE] = on_trailer_value,
    [CHUNK_TRAILER_LF] = on_trailer_lf,
    [CHUNK_END_LF] = on_end_lf,
};

static size_t take_data(struct http_chunks *chunks, const uint8_t *data, size_t len, struct buf *body)
{
    size_t take = len < chunks->left ? len : (size_t)chunks->left;

    /* Judged by the announced size, so that nothing is kept of a chunk that cannot fit. */
    if (chunks->left > body->max - body->len || buf_append(body, data, take) != STATUS_OK) {
        chunks->state = CHUNK_BODY_BIG;
        return 0;
    }
    chunks->left -= take;
    if (chunks->left == 0)
        chunks->state = CHUNK_DATA_CR;
    return take;
}

enum chunk_state http_chunks_feed(struct http_chunks *chunks, const uint8_t *data, size_t len,
                                  struct buf *body, size_t *used)
{
    size_t at = 0;

    while (at < len && chunks->state < CHUNK_DONE) {
        if (chunks->state == CHUNK_DATA)
            at += take_data(chunks, data + at, len - at, body);
        else
            chunks->state = on_byte[chunks->state](chunks, data[at++]);
    }
    *used = at;
    return chunks->state;
}
