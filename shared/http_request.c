/* SPDX-License-Identifier: Apache-2.0 */
/* http_parser does the parsing; this file gathers its pieces, keeps the limits, and refuses what a
 * proxy in front could read in two ways. Target, names and values land in `head` as spans. */
#include "shared/http_request.h"

#include <http_parser.h>
#include <stdlib.h>
#include <strings.h>

#include "shared/buf.h"

enum { MAX_HEADERS = 100, FIRST_HEADERS = 16, KEEP_BODY = 65536 };

/* Offsets into `head`, which may move while it grows. */
struct span {
    size_t at;
    size_t len;
};

struct header {
    struct span name;
    struct span value;
};

enum feeding { FEEDING_NAME, FEEDING_VALUE };

struct http_request {
    http_parser parser;
    struct buf head; /* target, then names and values one after the other */
    struct buf body;
    struct span target;
    struct header *headers;
    size_t header_count;
    size_t header_capacity;
    enum feeding feeding;
    size_t head_bytes; /* of the header section so far, line ends included */
    size_t max_header;
    enum http_parse fault; /* set by a callback that stops the parser */
    const char *reason;    /* of HTTP_PARSE_BAD */
    bool begun;
    bool headers_done;
    bool headers_told;
    bool complete;
};

static int stop(struct http_request *request, enum http_parse fault)
{
    request->fault = fault;
    return -1;
}

static int refuse(struct http_request *request, const char *reason)
{
    request->reason = reason;
    return stop(request, HTTP_PARSE_BAD);
}

static int on_begin(http_parser *parser)
{
    struct http_request *request = parser->data;

    request->begun = true;
    return 0;
}

static int append(struct http_request *request, struct span *span, const char *at, size_t len)
{
    if (span->len == 0)
        span->at = request->head.len;
    if (buf_append(&request->head, at, len) != STATUS_OK)
        return stop(request, HTTP_PARSE_HEADER_BIG);
    span->len += len;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;

    return append(request, &request->target, at, len);
}

static bool make_header(struct http_request *request)
{
    size_t capacity = request->header_capacity == 0 ? FIRST_HEADERS : request->header_capacity * 2;

    if (request->header_count == MAX_HEADERS)
        return false;
    if (request->header_count < request->header_capacity)
        return true;
    struct header *headers = realloc(request->headers, capacity * sizeof *headers);
    if (headers == NULL)
        return false;
    request->headers = headers;
    request->header_capacity = capacity;
    return true;
}

static int on_header_field(http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;

    if (request->headers_done)
        return 0; /* a trailer; RFC 9110, section 6.5.1 lets us drop it */
    if (request->feeding == FEEDING_VALUE || request->header_count == 0) {
        if (!make_header(request))
            return stop(request, HTTP_PARSE_HEADER_BIG);
        request->headers[request->header_count++] = (struct header){0};
        request->feeding = FEEDING_NAME;
    }
    return append(request, &request->headers[request->header_count - 1].name, at, len);
}

static int on_header_value(http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;

    if (request->headers_done)
        return 0;
    request->feeding = FEEDING_VALUE;
    return append(request, &request->headers[request->header_count - 1].value, at, len);
}

static struct slice span_slice(const struct http_request *request, struct span span)
{
    return slice_of(request->head.data + span.at, span.len);
}

static bool equal_fold(struct slice text, const char *name)
{
    size_t len = strlen(name);

    return text.len == len && strncasecmp((const char *)text.data, name, len) == 0;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = slice_of(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static size_t count_headers(const struct http_request *request, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < request->header_count; i++)
        if (equal_fold(span_slice(request, request->headers[i].name), name))
            count++;
    return count;
}

/* RFC 9112, sections 3.2 (Host) and 6.1 (transfer codings); 11.2 says why so strict. */
static const char *ambiguity(const struct http_request *request)
{
    const http_parser *parser = &request->parser;
    struct slice coding = http_request_header(request, "Transfer-Encoding");

    if (parser->http_major != 1)
        return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    if (parser->http_minor >= 1 && count_headers(request, "Host") != 1)
        return "HTTP/1.1 needs exactly one Host";
    if (coding.data != NULL && ((parser->flags & F_CONTENTLENGTH) != 0 || !equal_fold(trim(coding), "chunked") ||
                                count_headers(request, "Transfer-Encoding") != 1))
        return "Transfer-Encoding may only be chunked, once, without Content-Length";
    return NULL;
}

static int on_headers_complete(http_parser *parser)
{
    struct http_request *request = parser->data;
    const char *reason = ambiguity(request);

    if (reason != NULL)
        return refuse(request, reason);
    request->headers_done = true;
    if ((parser->flags & F_CONTENTLENGTH) != 0 && parser->content_length > request->body.max)
        return stop(request, HTTP_PARSE_BODY_BIG);
    http_parser_pause(parser, 1);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct http_request *request = parser->data;
    enum status status = buf_append(&request->body, at, len);

    return status == STATUS_OK ? 0 : stop(request, HTTP_PARSE_BODY_BIG);
}

static int on_message_complete(http_parser *parser)
{
    struct http_request *request = parser->data;

    request->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

enum status http_request_new(size_t max_header, size_t max_body, struct http_request **out)
{
    struct http_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        return STATUS_NO_MEMORY;
    buf_init(&request->head, max_header);
    buf_init(&request->body, max_body);
    request->max_header = max_header;
    http_request_reset(request);
    *out = request;
    return STATUS_OK;
}

void http_request_free(struct http_request *request)
{
    if (request == NULL)
        return;
    buf_fini(&request->head);
    buf_fini(&request->body);
    free(request->headers);
    free(request);
}

void http_request_reset(struct http_request *request)
{
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
    buf_clear(&request->head);
    if (request->body.cap > KEEP_BODY)
        buf_fini(&request->body);
    else
        buf_clear(&request->body);
    request->target = (struct span){0};
    request->header_count = 0;
    request->feeding = FEEDING_VALUE;
    request->head_bytes = 0;
    request->fault = HTTP_PARSE_MORE;
    request->reason = NULL;
    request->begun = false;
    request->headers_done = false;
    request->headers_told = false;
    request->complete = false;
}

static enum http_parse outcome(struct http_request *request)
{
    if (request->fault != HTTP_PARSE_MORE)
        return request->fault;
    if (!request->headers_done && request->head_bytes > request->max_header)
        return HTTP_PARSE_HEADER_BIG;
    if (request->headers_done && !request->headers_told) {
        request->headers_told = true;
        return HTTP_PARSE_HEADERS;
    }
    if (request->complete)
        return HTTP_PARSE_COMPLETE;
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (error == HPE_HEADER_OVERFLOW)
        return HTTP_PARSE_HEADER_BIG;
    if (error == HPE_OK || error == HPE_PAUSED)
        return HTTP_PARSE_MORE;
    request->reason = http_errno_description(error);
    request->fault = HTTP_PARSE_BAD;
    return HTTP_PARSE_BAD;
}

enum http_parse http_request_feed(struct http_request *request, const void *data, size_t len, size_t *used)
{
    bool headers = !request->headers_done;

    *used = 0;
    /* An empty feed would tell the parser that the connection has ended. */
    if (request->complete || request->fault != HTTP_PARSE_MORE || len == 0)
        return outcome(request);
    if (HTTP_PARSER_ERRNO(&request->parser) == HPE_PAUSED)
        http_parser_pause(&request->parser, 0);
    *used = http_parser_execute(&request->parser, &settings, data, len);
    if (headers)
        request->head_bytes += *used;
    return outcome(request);
}

struct slice http_request_method(const struct http_request *request)
{
    return slice_str(http_method_str((enum http_method)request->parser.method));
}

/* The target up to '?', or behind it. */
static struct slice target_part(const struct http_request *request, bool query)
{
    struct slice target = span_slice(request, request->target);
    const uint8_t *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    size_t path_len = mark != NULL ? (size_t)(mark - target.data) : target.len;

    if (!query)
        return slice_of(target.data, path_len);
    return mark != NULL ? slice_of(mark + 1, target.len - path_len - 1) : slice_of(target.data, 0);
}

struct slice http_request_path(const struct http_request *request)
{
    return target_part(request, false);
}

struct slice http_request_query(const struct http_request *request)
{
    return target_part(request, true);
}

struct slice http_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (equal_fold(span_slice(request, request->headers[i].name), name))
            return span_slice(request, request->headers[i].value);
    return slice_of(NULL, 0);
}

static bool list_has(struct slice list, const char *token)
{
    while (list.len > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.len);
        size_t len = comma != NULL ? (size_t)(comma - list.data) : list.len;

        if (equal_fold(trim(slice_of(list.data, len)), token))
            return true;
        len += comma != NULL ? 1 : 0;
        list = slice_of(list.data + len, list.len - len);
    }
    return false;
}

bool http_request_has_token(const struct http_request *request, const char *name, const char *token)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (equal_fold(span_slice(request, request->headers[i].name), name) &&
            list_has(span_slice(request, request->headers[i].value), token))
            return true;
    return false;
}

struct slice http_request_body(const struct http_request *request)
{
    return slice_of(request->body.data, request->body.len);
}

bool http_request_keep_alive(const struct http_request *request)
{
    return http_should_keep_alive(&request->parser) != 0;
}

bool http_request_is_upgrade(const struct http_request *request)
{
    return request->parser.upgrade != 0;
}

bool http_request_expects_continue(const struct http_request *request)
{
    return http_request_has_token(request, "Expect", "100-continue");
}

bool http_request_is_http10(const struct http_request *request)
{
    return request->parser.http_major == 1 && request->parser.http_minor == 0;
}

bool http_request_begun(const struct http_request *request)
{
    return request->begun;
}

const char *http_request_fault(const struct http_request *request)
{
    return request->reason != NULL ? request->reason : "not an HTTP request";
}
