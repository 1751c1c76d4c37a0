/* SPDX-License-Identifier: Apache-2.0 */
/* The header section of an HTTP/1.1 request (RFC 9112, 2 to 6): request line and fields, and what they say
 * about the body. Used by http_request only. Pure; one thread at a time. */
#ifndef FANFARE_SHARED_HTTP_HTTP_HEAD_H
#define FANFARE_SHARED_HTTP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"

enum { HTTP_MAX_FIELDS = 100 };

enum http_head_result { HTTP_HEAD_MORE, HTTP_HEAD_COMPLETE, HTTP_HEAD_BAD, HTTP_HEAD_BIG, HTTP_HEAD_VERSION };

/* A part of the bytes by offset: they may move while they grow. */
struct http_span {
    uint32_t at;
    uint32_t len;
};

struct http_field {
    struct http_span name;
    struct http_span value; /* without the space around it */
};

struct http_head {
    struct buf bytes; /* the section so far, line ends included, empty lines in front of it not */
    size_t taken;     /* of the section so far, those empty lines included */
    size_t line_at;   /* where in `bytes` the line begins that is being read */
    struct http_span method;
    struct http_span target;
    struct http_field *fields; /* field_capacity of them, grown as their lines are complete */
    size_t field_count;
    size_t field_capacity;
    uint64_t content_length; /* 0 without the field */
    uint8_t before;          /* the last byte taken */
    bool begun;              /* a byte has come that is not of an empty line */
    bool chunked;
    bool http10;
    const char *fault; /* after HTTP_HEAD_BAD; static text */
};

/* `max` is the limit in bytes, line ends included. */
void http_head_init(struct http_head *head, size_t max);
void http_head_fini(struct http_head *head);
/* Another limit, before the first byte of a section. */
void http_head_limit(struct http_head *head, size_t max);
/* Ready for another request; keeps modest memory. */
void http_head_reset(struct http_head *head);
/* Takes bytes up to the end of the section; `*used` says how many. HTTP_HEAD_VERSION: a version of HTTP that
 * is not 1.x. What is not HTTP_HEAD_MORE is final; before it, whole lines can be looked at already. */
enum http_head_result http_head_feed(struct http_head *head, const uint8_t *data, size_t len, size_t *used);
struct slice http_head_slice(const struct http_head *head, struct http_span span);
/* The first field of that name (any case) from index `from` on, or NULL. */
const struct http_field *http_head_find(const struct http_head *head, const char *name, size_t from);

#endif
