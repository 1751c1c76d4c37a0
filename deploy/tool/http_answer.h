/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one HTTP/1.1 answer (RFC 9112) over http_parser: status, the few fields that matter, and
 * the body, bounded. Pure. */
#ifndef FANFARE_DEPLOY_TOOL_HTTP_ANSWER_H
#define FANFARE_DEPLOY_TOOL_HTTP_ANSWER_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#include "shared/base/buf.h"

enum { HTTP_ANSWER_VALUE_MAX = 128 };
enum http_answer_field {
    FIELD_ACCEPT,
    FIELD_CONNECTION,
    FIELD_EXTENSIONS,
    FIELD_PROTOCOL,
    FIELD_RETRY_AFTER,
    FIELD_UPGRADE,
    FIELD_COUNT,
    FIELD_OTHER = FIELD_COUNT
};

struct http_answer {
    http_parser parser;
    struct buf body;
    char name[32]; /* of the present field; longer ones are none of ours */
    size_t name_len;
    bool in_value;
    enum http_answer_field field;
    char values[FIELD_COUNT][HTTP_ANSWER_VALUE_MAX]; /* "" when absent; lines joined; cut when long */
    int status;                                      /* 0 before the status line is read */
    bool upgraded;                                   /* 101: what follows is no HTTP */
    bool complete;
    const char *fault; /* static text, when the bytes are no such answer */
};

/* `max` bounds the body in bytes. */
void http_answer_init(struct http_answer *answer, size_t max);
void http_answer_fini(struct http_answer *answer);
/* Takes bytes; how many were taken (fewer only when complete, upgraded or at a fault). */
size_t http_answer_feed(struct http_answer *answer, const void *data, size_t len);
/* The connection has ended: completes an answer without a length, else sets `fault`. */
void http_answer_end(struct http_answer *answer);
/* The name of a field, in small letters. */
const char *http_answer_name(enum http_answer_field field);
/* Retry-After in seconds, 0 when absent or a date. */
int http_answer_retry_after(const struct http_answer *answer);

#endif
