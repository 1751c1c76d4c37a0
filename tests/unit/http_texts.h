/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds texts to the request parser whole and in pieces of every size: all must give the same. */
#ifndef FANFARE_TESTS_UNIT_HTTP_TEXTS_H
#define FANFARE_TESTS_UNIT_HTTP_TEXTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/http/http_request.h"

enum { MAX_HEADER = 300, MAX_BODY = 20 };

#define HOST    "Host: h\r\n"
#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static inline struct http_request *request_new(void)
{
    struct http_request *request;

    assert_int_equal(http_request_new(MAX_HEADER, MAX_BODY, &request), STATUS_OK);
    return request;
}

/* Feeds pieces of `step` bytes, each in memory of its own, so that reading past it shows. */
static inline enum http_parse feed(struct http_request *request, const char *text, size_t len, size_t step,
                                   size_t *used)
{
    enum http_parse parse = HTTP_PARSE_MORE;
    size_t at = 0;

    while (parse == HTTP_PARSE_HEADERS || (parse == HTTP_PARSE_MORE && at < len)) {
        size_t piece = len - at < step ? len - at : step;
        char *copy = malloc(piece > 0 ? piece : 1);
        size_t taken;

        memcpy(copy, text + at, piece);
        parse = http_request_feed(request, copy, piece, &taken);
        free(copy);
        at += taken;
    }
    *used = at;
    return parse;
}

/* Feeds all of `text` in pieces of every size. */
static inline void expect(const char *text, enum http_parse parse)
{
    size_t len = strlen(text);
    size_t used;

    for (size_t step = 1; step <= len; step++) {
        struct http_request *request = request_new();
        enum http_parse got = feed(request, text, len, step, &used);

        if (got != parse)
            print_error("step %zu of: %s\n", step, text);
        assert_int_equal(got, parse);
        if (parse == HTTP_PARSE_BAD)
            assert_true(strlen(http_request_fault(request)) > 0);
        http_request_free(request);
    }
}

#endif
