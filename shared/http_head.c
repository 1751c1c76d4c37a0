/* SPDX-License-Identifier: Apache-2.0 */
/* http_parser takes the section apart; this file gathers its pieces, keeps the limits, and refuses
 * what a proxy in front could read in two ways (RFC 9112, 11.2). The library is packaged as it is
 * built by default, which is not strict: it passes a space in a header's name, a lone LF, and any
 * two bytes behind a chunk. Hence the guards here, and hence it never sees a body. */
#include "shared/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_FIELDS = 16, KEEP_BYTES = 16384 };

void http_head_init(struct http_head *head, size_t max)
{
    *head = (struct http_head){0};
    http_head_limit(head, max);
    http_head_reset(head);
}

void http_head_limit(struct http_head *head, size_t max)
{
    head->bytes.max = max < UINT32_MAX ? max : UINT32_MAX;
}

void http_head_fini(struct http_head *head)
{
    buf_fini(&head->bytes);
    free(head->fields);
}

void http_head_reset(struct http_head *head)
{
    struct http_head fresh = {
        .bytes = head->bytes,
        .fields = head->fields,
        .field_capacity = head->field_capacity,
        .fault = "",
    };

    if (fresh.bytes.cap > KEEP_BYTES)
        buf_fini(&fresh.bytes);
    buf_clear(&fresh.bytes);
    http_parser_init(&fresh.parser, HTTP_REQUEST);
    *head = fresh;
    head->parser.data = head;
}

struct slice http_head_slice(const struct http_head *head, struct http_span span)
{
    return slice_of(head->bytes.data + span.at, span.len);
}

static bool is_text(struct slice text, const char *other)
{
    return text.len == strlen(other) && strncasecmp((const char *)text.data, other, text.len) == 0;
}

const struct http_field *http_head_find(const struct http_head *head, const char *name, size_t from)
{
    for (size_t i = from; i < head->field_count; i++)
        if (is_text(http_head_slice(head, head->fields[i].name), name))
            return &head->fields[i];
    return NULL;
}

/* Each of the parser's callbacks returns 0 to go on. */
static int stop_big(struct http_head *head)
{
    head->big = true;
    return -1;
}

static int append(struct http_head *head, struct http_span *span, const char *at, size_t len)
{
    if (span->len == 0)
        span->at = (uint32_t)head->bytes.len;
    span->len += (uint32_t)len;
    return buf_append(&head->bytes, at, len) == STATUS_OK ? 0 : stop_big(head);
}

static int on_begin(http_parser *parser)
{
    struct http_head *head = parser->data;

    head->begun = true;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;

    return append(head, &head->target, at, len);
}

static bool grow_fields(struct http_head *head)
{
    size_t capacity = head->field_capacity == 0 ? FIRST_FIELDS : head->field_capacity * 2;
    struct http_field *fields = realloc(head->fields, capacity * sizeof *fields);

    if (fields == NULL)
        return false;
    head->fields = fields;
    head->field_capacity = capacity;
    return true;
}

static bool begin_field(struct http_head *head)
{
    if (head->field_count == HTTP_MAX_FIELDS)
        return false;
    if (head->field_count == head->field_capacity && !grow_fields(head))
        return false;
    head->fields[head->field_count++] = (struct http_field){0};
    head->in_value = false;
    return true;
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;

    if ((head->field_count == 0 || head->in_value) && !begin_field(head))
        return stop_big(head);
    return append(head, &head->fields[head->field_count - 1].name, at, len);
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct http_head *head = parser->data;

    head->in_value = true;
    return append(head, &head->fields[head->field_count - 1].value, at, len);
}

static struct http_span trimmed(const struct http_head *head, struct http_span span)
{
    const uint8_t *bytes = head->bytes.data;

    while (span.len > 0 && (bytes[span.at] == ' ' || bytes[span.at] == '\t')) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && (bytes[span.at + span.len - 1] == ' ' || bytes[span.at + span.len - 1] == '\t'))
        span.len--;
    return span;
}

static unsigned count_fields(const struct http_head *head, const char *name)
{
    const struct http_field *field = http_head_find(head, name, 0);
    unsigned count = 0;

    for (; field != NULL; count++)
        field = http_head_find(head, name, (size_t)(field - head->fields) + 1);
    return count;
}

static bool has_bad_name(const struct http_head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct slice name = http_head_slice(head, head->fields[i].name);

        if (memchr(name.data, ' ', name.len) != NULL)
            return true;
    }
    return false;
}

/* Visible ASCII without '#': a path, "*", or an absolute form for HTTP (RFC 9112, 3.2). */
static bool has_good_target(const struct http_head *head)
{
    struct slice target = http_head_slice(head, head->target);

    for (size_t i = 0; i < target.len; i++)
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#')
            return false;
    if (head->parser.method == HTTP_CONNECT || target.len == 0)
        return false;
    return target.data[0] == '/' || is_text(target, "*") ||
           (target.len > 7 && strncasecmp((const char *)target.data, "http://", 7) == 0) ||
           (target.len > 8 && strncasecmp((const char *)target.data, "https://", 8) == 0);
}

/* RFC 9112, 6.1: what we do not decode we refuse. */
static bool has_good_coding(const struct http_head *head)
{
    const struct http_field *coding = http_head_find(head, "Transfer-Encoding", 0);

    return coding == NULL || (!head->http10 && (head->parser.flags & F_CONTENTLENGTH) == 0 &&
                              is_text(http_head_slice(head, coding->value), "chunked") &&
                              count_fields(head, "Transfer-Encoding") == 1);
}

static const char *section_fault(const struct http_head *head)
{
    unsigned hosts = count_fields(head, "Host");

    if (head->parser.http_major != 1)
        return "the version is not HTTP/1.1 or HTTP/1.0";
    if (!has_good_target(head))
        return "the request target is not a path";
    if (has_bad_name(head))
        return "a space in the name of a header";
    if (hosts > 1 || (hosts == 0 && !head->http10))
        return "HTTP/1.1 wants exactly one Host";
    if (!has_good_coding(head))
        return "Transfer-Encoding may only be chunked, once, without Content-Length, in HTTP/1.1";
    return NULL;
}

/* Returns 1: as far as the parser is concerned there is no body. */
static int on_headers_complete(http_parser *parser)
{
    struct http_head *head = parser->data;

    head->http10 = parser->http_major == 1 && parser->http_minor == 0;
    for (size_t i = 0; i < head->field_count; i++)
        head->fields[i].value = trimmed(head, head->fields[i].value);
    head->fault = section_fault(head);
    if (head->fault != NULL)
        return -1;
    head->chunked = http_head_find(head, "Transfer-Encoding", 0) != NULL;
    head->content_length = (parser->flags & F_CONTENTLENGTH) != 0 ? parser->content_length : 0;
    head->complete = true;
    return 1;
}

static int on_message_complete(http_parser *parser)
{
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

static bool is_control(uint8_t byte)
{
    return (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f;
}

/* Lines end with CRLF, none is folded, and nothing is hidden (RFC 9112, 2.2 and 5.2; RFC 9110, 5.5). */
static const char *byte_fault(struct http_head *head, const uint8_t *data, size_t len)
{
    uint8_t before = head->before;

    for (size_t i = 0; i < len; before = data[i++]) {
        if ((data[i] == '\n') != (before == '\r'))
            return "a line does not end with CRLF";
        if ((data[i] == ' ' || data[i] == '\t') && before == '\n')
            return "a line begins with a space";
        if (is_control(data[i]))
            return "a control character in the headers";
    }
    head->before = before;
    return NULL;
}

static enum http_head_result bad(struct http_head *head, const char *fault)
{
    head->fault = fault;
    return HTTP_HEAD_BAD;
}

enum http_head_result http_head_feed(struct http_head *head, const uint8_t *data, size_t len, size_t *used)
{
    /* An empty feed would tell the parser that the connection has ended. */
    *used = len > 0 ? http_parser_execute(&head->parser, &settings, (const char *)data, len) : 0;
    head->taken += *used;
    const char *fault = byte_fault(head, data, *used);
    enum http_errno error = HTTP_PARSER_ERRNO(&head->parser);

    if (head->big || head->taken > head->bytes.max || error == HPE_HEADER_OVERFLOW)
        return HTTP_HEAD_BIG;
    if (fault != NULL)
        return bad(head, fault);
    if (error == HPE_CB_headers_complete)
        return HTTP_HEAD_BAD;
    if (error != HPE_OK && error != HPE_PAUSED)
        return bad(head, http_errno_description(error));
    return head->complete ? HTTP_HEAD_COMPLETE : HTTP_HEAD_MORE;
}
