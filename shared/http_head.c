/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the bytes into lines and the lines into spans. A fault is told as early as its byte is
 * seen, so that garbage (a TLS hello) is answered at once and not when a time-out ends it. */
#include "shared/http_head.h"

#include <string.h>
#include <strings.h>

enum { KEEP_BYTES = 16384, MAX_LENGTH_DIGITS = 18 };

enum { TOKEN = 1, TARGET = 2, TEXT = 4, MARK = TARGET | TEXT, TCHAR = TOKEN | TARGET | TEXT };

/* tchar as RFC 9110, 5.6.2 has it; every visible byte but '#' in a target; field text as in 5.5. */
static const uint8_t classes[256] = {
    ['\t'] = TEXT,          [' '] = TEXT,           ['!'] = TCHAR,        ['"'] = MARK,
    ['#'] = TOKEN | TEXT,   ['$' ... '\''] = TCHAR, ['(' ... ')'] = MARK, ['*' ... '+'] = TCHAR,
    [','] = MARK,           ['-' ... '.'] = TCHAR,  ['/'] = MARK,         ['0' ... '9'] = TCHAR,
    [':' ... '@'] = MARK,   ['A' ... 'Z'] = TCHAR,  ['[' ... ']'] = MARK, ['^' ... 'z'] = TCHAR,
    ['{'] = MARK,           ['|'] = TCHAR,          ['}'] = MARK,         ['~'] = TCHAR,
    [0x80 ... 0xff] = TEXT,
};

static bool all_of(const uint8_t *at, size_t len, unsigned class)
{
    for (size_t i = 0; i < len; i++)
        if ((classes[at[i]] & class) == 0)
            return false;
    return true;
}

void http_head_init(struct http_head *head, size_t max)
{
    *head = (struct http_head){0};
    buf_init(&head->bytes, max < UINT32_MAX ? max : UINT32_MAX);
}

void http_head_fini(struct http_head *head)
{
    buf_fini(&head->bytes);
}

void http_head_reset(struct http_head *head)
{
    if (head->bytes.cap > KEEP_BYTES)
        buf_fini(&head->bytes);
    buf_clear(&head->bytes);
    head->line_start = 0;
    head->query = (struct http_span){0};
    head->field_count = 0;
    head->content_length = 0;
    head->hosts = 0;
    head->has_line = false;
    head->has_length = false;
    head->chunked = false;
    head->http10 = false;
    head->fault = "";
}

struct slice http_head_slice(const struct http_head *head, struct http_span span)
{
    return slice_of(head->bytes.data + span.at, span.len);
}

static bool name_is(struct slice name, const char *other)
{
    return name.len == strlen(other) && strncasecmp((const char *)name.data, other, name.len) == 0;
}

const struct http_field *http_head_find(const struct http_head *head, const char *name, size_t from)
{
    for (size_t i = from; i < head->field_count; i++)
        if (name_is(http_head_slice(head, head->fields[i].name), name))
            return &head->fields[i];
    return NULL;
}

static enum http_head_result bad(struct http_head *head, const char *fault)
{
    head->fault = fault;
    return HTTP_HEAD_BAD;
}

static struct http_span span_of(const struct http_head *head, const uint8_t *from, const uint8_t *to)
{
    return (struct http_span){(uint32_t)(from - head->bytes.data), (uint32_t)(to - from)};
}

/* Where the path begins: behind "http://host" of an absolute form (RFC 9112, 3.2.2). */
static const uint8_t *path_start(const uint8_t *target, const uint8_t *end)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t len = strlen(schemes[i]);

        if ((size_t)(end - target) <= len || strncasecmp((const char *)target, schemes[i], len) != 0)
            continue;
        target += len;
        while (target < end && *target != '/' && *target != '?')
            target++;
        return target;
    }
    return *target == '/' || (*target == '*' && end - target == 1) ? target : NULL;
}

static bool read_target(struct http_head *head, const uint8_t *target, const uint8_t *end)
{
    const uint8_t *path =
        target < end && all_of(target, (size_t)(end - target), TARGET) ? path_start(target, end) : NULL;

    if (path == NULL)
        return false;
    const uint8_t *mark = memchr(path, '?', (size_t)(end - path));
    head->path = span_of(head, path, mark != NULL ? mark : end);
    if (mark != NULL)
        head->query = span_of(head, mark + 1, end);
    return true;
}

/* HTTP/1.0, HTTP/1.1, and what a minor version above may be called (RFC 9110, 2.5). */
static bool read_version(struct http_head *head, const uint8_t *at, const uint8_t *end)
{
    if (end - at != 8 || memcmp(at, "HTTP/1.", 7) != 0 || at[7] < '0' || at[7] > '9')
        return false;
    head->http10 = at[7] == '0';
    return true;
}

static enum http_head_result read_request_line(struct http_head *head, const uint8_t *line,
                                               const uint8_t *end)
{
    const uint8_t *first = memchr(line, ' ', (size_t)(end - line));
    const uint8_t *second = first != NULL ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;

    if (second == NULL || first == line || !all_of(line, (size_t)(first - line), TOKEN))
        return bad(head, "the request line is not METHOD TARGET HTTP/1.1");
    if (!read_target(head, first + 1, second))
        return bad(head, "the request target is not a path");
    if (!read_version(head, second + 1, end))
        return bad(head, "the version is not HTTP/1.1 or HTTP/1.0");
    head->method = span_of(head, line, first);
    head->has_line = true;
    return HTTP_HEAD_MORE;
}

static enum http_head_result read_length(struct http_head *head, struct slice value)
{
    if (head->has_length)
        return bad(head, "more than one Content-Length");
    if (value.len == 0 || value.len > MAX_LENGTH_DIGITS)
        return bad(head, "Content-Length is not a number");
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return bad(head, "Content-Length is not a number");
        head->content_length = head->content_length * 10 + (uint64_t)(value.data[i] - '0');
    }
    head->has_length = true;
    return HTTP_HEAD_MORE;
}

static enum http_head_result read_coding(struct http_head *head, struct slice value)
{
    if (head->chunked || !name_is(value, "chunked"))
        return bad(head, "Transfer-Encoding may only be chunked, once");
    head->chunked = true;
    return HTTP_HEAD_MORE;
}

static enum http_head_result note_field(struct http_head *head, struct slice name, struct slice value)
{
    if (name_is(name, "Content-Length"))
        return read_length(head, value);
    if (name_is(name, "Transfer-Encoding"))
        return read_coding(head, value);
    if (name_is(name, "Host"))
        head->hosts++;
    return HTTP_HEAD_MORE;
}

static struct http_span trimmed(const struct http_head *head, const uint8_t *from, const uint8_t *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return span_of(head, from, to);
}

static enum http_head_result read_field(struct http_head *head, const uint8_t *line, const uint8_t *end)
{
    const uint8_t *colon = memchr(line, ':', (size_t)(end - line));

    if (*line == ' ' || *line == '\t')
        return bad(head, "a folded header line");
    if (colon == NULL || colon == line || !all_of(line, (size_t)(colon - line), TOKEN))
        return bad(head, "a header line is not NAME: VALUE");
    if (head->field_count == HTTP_MAX_FIELDS)
        return HTTP_HEAD_BIG;
    struct http_field *field = &head->fields[head->field_count++];
    field->name = span_of(head, line, colon);
    field->value = trimmed(head, colon + 1, end);
    return note_field(head, http_head_slice(head, field->name), http_head_slice(head, field->value));
}

static enum http_head_result read_end(struct http_head *head)
{
    if (head->hosts > 1 || (head->hosts == 0 && !head->http10))
        return bad(head, "HTTP/1.1 wants exactly one Host");
    if (head->chunked && head->has_length)
        return bad(head, "both Content-Length and Transfer-Encoding");
    if (head->chunked && head->http10)
        return bad(head, "Transfer-Encoding in HTTP/1.0");
    return HTTP_HEAD_COMPLETE;
}

/* A whole line, which ends with the LF that was last appended. */
static enum http_head_result read_line(struct http_head *head)
{
    const uint8_t *line = head->bytes.data + head->line_start;
    const uint8_t *end = head->bytes.data + head->bytes.len - 1;

    if (end == line || *--end != '\r')
        return bad(head, "a line does not end with CRLF");
    head->line_start = head->bytes.len;
    if (line < end && !all_of(line, (size_t)(end - line), TEXT))
        return bad(head, "a control character in the headers");
    if (head->has_line)
        return line == end ? read_end(head) : read_field(head, line, end);
    if (line < end)
        return read_request_line(head, line, end);
    /* Empty lines in front of a request are passed over (RFC 9112, 2.2). */
    buf_clear(&head->bytes);
    head->line_start = 0;
    return HTTP_HEAD_MORE;
}

/* Whether more bytes may follow these in a line: only the last may be the CR of its end. */
static bool may_become_line(const uint8_t *data, size_t len)
{
    return all_of(data, len - 1, TEXT) && (data[len - 1] == '\r' || all_of(data + len - 1, 1, TEXT));
}

static enum http_head_result append(struct http_head *head, const uint8_t *data, size_t len, bool whole)
{
    if (buf_append(&head->bytes, data, len) != STATUS_OK)
        return HTTP_HEAD_BIG;
    if (whole)
        return read_line(head);
    return may_become_line(data, len) ? HTTP_HEAD_MORE : bad(head, "a control character in the headers");
}

enum http_head_result http_head_feed(struct http_head *head, const uint8_t *data, size_t len, size_t *used)
{
    enum http_head_result result = HTTP_HEAD_MORE;
    size_t at = 0;

    while (at < len && result == HTTP_HEAD_MORE) {
        const uint8_t *lf = memchr(data + at, '\n', len - at);
        size_t take = lf != NULL ? (size_t)(lf - data) + 1 - at : len - at;

        result = append(head, data + at, take, lf != NULL);
        at += take;
    }
    *used = at;
    return result;
}
