/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes are judged as they come, lines when they are whole, and the section at its end, so that it does not
 * matter in which pieces it comes. What a proxy in front could read in two ways is refused (RFC 9112, 11.2).
 * The parser is ours because those that are packaged are lenient (http_parser passes two spaces in the
 * request line, a space in a name, a lone LF), knows a fixed list of methods, and takes no tab around a
 * length: the guards around it were longer than the grammar. */
#include "shared/http/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/http/http_text.h"

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
    *head = fresh;
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

static enum http_head_result bad(struct http_head *head, const char *fault)
{
    head->fault = fault;
    return HTTP_HEAD_BAD;
}

static struct http_span span_of(const struct http_head *head, struct slice part)
{
    return (struct http_span){(uint32_t)(part.data - head->bytes.data), (uint32_t)part.len};
}

/* Takes the part in front of the first `mark` off `*rest`, and the mark; false without one. */
static bool cut(struct slice *rest, char mark, struct slice *part)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, mark, rest->len) : NULL;

    if (at == NULL)
        return false;
    *part = slice_of(rest->data, (size_t)(at - rest->data));
    *rest = slice_of(at + 1, rest->len - part->len - 1);
    return true;
}

static bool has_scheme(struct slice target, const char *scheme)
{
    return target.len > strlen(scheme) && strncasecmp((const char *)target.data, scheme, strlen(scheme)) == 0;
}

/* "http://host[:port]" in front of a path, a query or nothing (RFC 9112, 3.2.2). */
static bool is_absolute(struct slice target)
{
    size_t begin = has_scheme(target, "http://") ? 7 : has_scheme(target, "https://") ? 8 : 0;
    size_t end = begin;

    while (end < target.len && target.data[end] != '/' && target.data[end] != '?')
        end++;
    return begin > 0 && http_text_is_host(slice_of(target.data + begin, end - begin));
}

/* RFC 9112, 3.2, less the form of CONNECT, which is for proxies. All of it visible ASCII without '#'. */
static bool is_target(struct slice method, struct slice target)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#')
            return false;
    if (target.len == 0 || slice_equal(method, slice_str("CONNECT")))
        return false;
    if (is_text(target, "*"))
        return slice_equal(method, slice_str("OPTIONS"));
    return target.data[0] == '/' || is_absolute(target);
}

/* HTTP-version = "HTTP" "/" DIGIT "." DIGIT, in upper case (RFC 9112, 2.3). */
static bool is_version(struct slice text)
{
    return text.len == 8 && memcmp(text.data, "HTTP/", 5) == 0 && text.data[5] >= '0' &&
           text.data[5] <= '9' && text.data[6] == '.' && text.data[7] >= '0' && text.data[7] <= '9';
}

/* method SP target SP version, each space one (RFC 9112, 3). A minor version above 1 is spoken to as 1.1
 * (RFC 9110, 2.5). */
static enum http_head_result take_request_line(struct http_head *head, struct slice line)
{
    struct slice method;
    struct slice target;

    if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target))
        return bad(head, "the request line is not METHOD TARGET HTTP/1.1 with one space between them");
    if (!http_text_is_token(method))
        return bad(head, "the method is not a token");
    if (!is_version(line))
        return bad(head, "the request line does not end with one space and HTTP/1.1");
    if (line.data[5] != '1')
        return HTTP_HEAD_VERSION;
    if (!is_target(method, target))
        return bad(head, "the request target is not a path");
    head->method = span_of(head, method);
    head->target = span_of(head, target);
    head->http10 = line.data[7] == '0';
    return HTTP_HEAD_MORE;
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

/* field-name ":" OWS field-value OWS (RFC 9112, 5): no space in front of the colon. */
static enum http_head_result take_field_line(struct http_head *head, struct slice line)
{
    struct slice name;

    if (!cut(&line, ':', &name))
        return bad(head, "a header without a colon");
    if (!http_text_is_token(name))
        return bad(head, memchr(name.data, ' ', name.len) != NULL ? "a space in the name of a header"
                                                                  : "the name of a header is not a token");
    if (head->field_count == HTTP_MAX_FIELDS ||
        (head->field_count == head->field_capacity && !grow_fields(head)))
        return HTTP_HEAD_BIG;
    head->fields[head->field_count++] =
        (struct http_field){span_of(head, name), span_of(head, http_text_trim(line))};
    return HTTP_HEAD_MORE;
}

static unsigned count_fields(const struct http_head *head, const char *name)
{
    const struct http_field *field = http_head_find(head, name, 0);
    unsigned count = 0;

    for (; field != NULL; count++)
        field = http_head_find(head, name, (size_t)(field - head->fields) + 1);
    return count;
}

/* Exactly one, or in HTTP/1.0 none, of a valid form (RFC 9112, 3.2). It is empty where the URI has no host.
 */
static bool has_good_host(const struct http_head *head)
{
    const struct http_field *host = http_head_find(head, "Host", 0);

    if (host == NULL)
        return head->http10;
    return count_fields(head, "Host") == 1 &&
           (host->value.len == 0 || http_text_is_host(http_head_slice(head, host->value)));
}

/* RFC 9112, 6.1: what we do not decode we refuse. */
static bool has_good_coding(const struct http_head *head)
{
    const struct http_field *coding = http_head_find(head, "Transfer-Encoding", 0);

    return coding == NULL || (!head->http10 && http_head_find(head, "Content-Length", 0) == NULL &&
                              is_text(http_head_slice(head, coding->value), "chunked") &&
                              count_fields(head, "Transfer-Encoding") == 1);
}

/* Digits only, once, below 2^64 (RFC 9110, 8.6). */
static bool take_length(struct http_head *head)
{
    const struct http_field *field = http_head_find(head, "Content-Length", 0);
    struct slice digits = field != NULL ? http_head_slice(head, field->value) : slice_str("0");
    uint64_t length = 0;

    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)digits.data[i] - '0';

        if (digit > 9 || length > (UINT64_MAX - digit) / 10)
            return false;
        length = length * 10 + digit;
    }
    head->content_length = length;
    return digits.len > 0 && count_fields(head, "Content-Length") <= 1;
}

static enum http_head_result end_section(struct http_head *head)
{
    if (!has_good_host(head))
        return bad(head, "HTTP/1.1 wants exactly one Host, of the form name, name:port or [IPv6]:port");
    if (!has_good_coding(head))
        return bad(head, "Transfer-Encoding may only be chunked, once, without Content-Length, in HTTP/1.1");
    if (!take_length(head))
        return bad(head, "Content-Length may only be one number");
    head->chunked = http_head_find(head, "Transfer-Encoding", 0) != NULL;
    return HTTP_HEAD_COMPLETE;
}

/* Empty lines in front of a request are passed over (RFC 9112, 2.2). */
static enum http_head_result end_line(struct http_head *head)
{
    struct slice line =
        slice_of(head->bytes.data + head->line_at, head->bytes.len - head->line_at - strlen("\r\n"));

    if (!head->begun)
        buf_clear(&head->bytes);
    head->line_at = head->bytes.len;
    if (!head->begun)
        return HTTP_HEAD_MORE;
    if (head->method.len == 0)
        return take_request_line(head, line);
    return line.len > 0 ? take_field_line(head, line) : end_section(head);
}

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

/* A piece of one line, its LF at most at its end. */
static enum http_head_result take_piece(struct http_head *head, const uint8_t *piece, size_t len)
{
    const char *fault = byte_fault(head, piece, len);

    head->taken += len;
    if (fault != NULL)
        return bad(head, fault);
    head->begun = head->begun || (piece[0] != '\r' && piece[0] != '\n');
    if (buf_append(&head->bytes, piece, len) != STATUS_OK)
        return HTTP_HEAD_BIG;
    return piece[len - 1] == '\n' ? end_line(head) : HTTP_HEAD_MORE;
}

enum http_head_result http_head_feed(struct http_head *head, const uint8_t *data, size_t len, size_t *used)
{
    enum http_head_result result = HTTP_HEAD_MORE;

    for (*used = 0; *used < len && result == HTTP_HEAD_MORE;) {
        size_t room = head->taken < head->bytes.max ? head->bytes.max - head->taken : 0;
        size_t most = len - *used < room ? len - *used : room;
        const uint8_t *end = most > 0 ? memchr(data + *used, '\n', most) : NULL;
        size_t piece = end != NULL ? (size_t)(end - data) - *used + 1 : most;

        if (piece == 0)
            return HTTP_HEAD_BIG;
        result = take_piece(head, data + *used, piece);
        *used += piece;
    }
    return result;
}
