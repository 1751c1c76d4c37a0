/* SPDX-License-Identifier: Apache-2.0 */
/* The chunked transfer coding (RFC 9112, 7.1), taken apart strictly: what another server might
 * read differently is refused, because that is how requests are smuggled. Pure; any thread. */
#ifndef FANFARE_SHARED_HTTP_HTTP_CHUNKS_H
#define FANFARE_SHARED_HTTP_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"

enum chunk_state {
    CHUNK_SIZE,       /* hex digits */
    CHUNK_SIZE_SPACE, /* bad whitespace in front of an extension */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_END_LF,
    CHUNK_DONE,
    CHUNK_BAD,
    CHUNK_TRAILER_BAD, /* not a field line, or a field that may not stand there */
    CHUNK_TRAILER_BIG, /* more bytes of extensions and trailers than allowed */
    CHUNK_BODY_BIG,    /* the body is past the limit of its buffer */
};

/* No name of a field that may not be a trailer is longer. */
enum { CHUNK_TRAILER_NAME_MAX = 32 };

struct http_chunks {
    enum chunk_state state;
    uint64_t left;  /* bytes of the present chunk, while its size or its data is read */
    int digits;     /* of the size so far */
    size_t ignored; /* bytes of extensions and trailers, which have no meaning here */
    size_t max_ignored;
    size_t name_len; /* of the trailer's name, of which the first bytes stand in `name` */
    char name[CHUNK_TRAILER_NAME_MAX];
};

/* Ready for a body; more than `max_ignored` bytes of extensions and trailers are CHUNK_TRAILER_BIG. Trailers
 * are checked as field lines (RFC 9112, 5) and thrown away. One that says how to read, route or authorize the
 * request is CHUNK_TRAILER_BAD (RFC 9110, 6.5.1): whoever merges it has read another request than we. */
void http_chunks_init(struct http_chunks *chunks, size_t max_ignored);
/* Takes bytes up to the end of the body and appends its data to `body`; `*used` says how many
 * were taken. Returns the state: CHUNK_DONE and what stands behind it are final. */
enum chunk_state http_chunks_feed(struct http_chunks *chunks, const uint8_t *data, size_t len,
                                  struct buf *body, size_t *used);

#endif
