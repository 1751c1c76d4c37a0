/* SPDX-License-Identifier: Apache-2.0 */
/* A request as its stages: the header section (http_head), then a body of a known length or of
 * chunks (http_chunks). Keeps the limits of the body; knows no grammar itself. */
#include "shared/http/http_request.h"

#include <stdlib.h>
#include <strings.h>

#include "shared/http/http_chunks.h"
#include "shared/http/http_head.h"
#include "shared/http/http_text.h"

enum { KEEP_BYTES = 65536 };

enum stage { STAGE_HEAD, STAGE_TELL, STAGE_LENGTH, STAGE_CHUNKS, STAGE_COMPLETE, STAGE_FAILED };

struct http_request {
    struct http_head head;
    struct http_chunks chunks;
    struct buf body;
    uint64_t body_left; /* STAGE_LENGTH */
    enum stage stage;
    enum http_parse failure; /* STAGE_FAILED */
};

enum status http_request_new(size_t max_header, size_t max_body, struct http_request **out)
{
    struct http_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        return STATUS_NO_MEMORY;
    http_head_init(&request->head, max_header);
    buf_init(&request->body, max_body);
    http_request_reset(request);
    *out = request;
    return STATUS_OK;
}

void http_request_free(struct http_request *request)
{
    if (request == NULL)
        return;
    http_head_fini(&request->head);
    buf_fini(&request->body);
    free(request);
}

void http_request_reset(struct http_request *request)
{
    http_head_reset(&request->head);
    if (request->body.cap > KEEP_BYTES)
        buf_fini(&request->body);
    buf_clear(&request->body);
    request->stage = STAGE_HEAD;
}

void http_request_limit(struct http_request *request, size_t max_header, size_t max_body)
{
    http_head_limit(&request->head, max_header);
    request->body.max = max_body;
}

static enum http_parse fail(struct http_request *request, enum http_parse failure)
{
    request->stage = STAGE_FAILED;
    request->failure = failure;
    return failure;
}

static enum http_parse tell_headers(struct http_request *request)
{
    request->stage = STAGE_TELL;
    return HTTP_PARSE_HEADERS;
}

static void begin_body(struct http_request *request)
{
    const struct http_head *head = &request->head;

    if (head->content_length > request->body.max) {
        (void)fail(request, HTTP_PARSE_BODY_BIG);
        return;
    }
    http_chunks_init(&request->chunks, head->bytes.max);
    request->body_left = head->content_length;
    request->stage = head->chunked ? STAGE_CHUNKS : STAGE_LENGTH;
}

static enum http_parse feed_head(struct http_request *request, const uint8_t *data, size_t len, size_t *used)
{
    switch (http_head_feed(&request->head, data, len, used)) {
    case HTTP_HEAD_MORE:
        return HTTP_PARSE_MORE;
    case HTTP_HEAD_COMPLETE:
        return tell_headers(request);
    case HTTP_HEAD_BIG:
        return fail(request, HTTP_PARSE_HEADER_BIG);
    case HTTP_HEAD_VERSION:
        return fail(request, HTTP_PARSE_VERSION);
    case HTTP_HEAD_BAD:
        break;
    }
    return fail(request, HTTP_PARSE_BAD);
}

static enum http_parse feed_length(struct http_request *request, const uint8_t *data, size_t len,
                                   size_t *used)
{
    size_t take = len < request->body_left ? len : (size_t)request->body_left;

    *used = take;
    if (buf_append(&request->body, data, take) != STATUS_OK)
        return fail(request, HTTP_PARSE_BODY_BIG);
    request->body_left -= take;
    if (request->body_left > 0)
        return HTTP_PARSE_MORE;
    request->stage = STAGE_COMPLETE;
    return HTTP_PARSE_COMPLETE;
}

static enum http_parse feed_chunks(struct http_request *request, const uint8_t *data, size_t len,
                                   size_t *used)
{
    enum chunk_state state = http_chunks_feed(&request->chunks, data, len, &request->body, used);

    if (state == CHUNK_BODY_BIG)
        return fail(request, HTTP_PARSE_BODY_BIG);
    if (state == CHUNK_TRAILER_BIG)
        return fail(request, HTTP_PARSE_HEADER_BIG);
    if (state == CHUNK_BAD || state == CHUNK_TRAILER_BAD) {
        request->head.fault = state == CHUNK_BAD ? "the chunked coding of the body is broken"
                                                 : "a trailer is no header, or one that may not come late";
        return fail(request, HTTP_PARSE_BAD);
    }
    if (state != CHUNK_DONE)
        return HTTP_PARSE_MORE;
    request->stage = STAGE_COMPLETE;
    return HTTP_PARSE_COMPLETE;
}

enum http_parse http_request_feed(struct http_request *request, const void *data, size_t len, size_t *used)
{
    *used = 0;
    if (request->stage == STAGE_TELL)
        begin_body(request);
    if (request->stage == STAGE_HEAD)
        return feed_head(request, data, len, used);
    if (request->stage == STAGE_LENGTH)
        return feed_length(request, data, len, used);
    if (request->stage == STAGE_CHUNKS)
        return feed_chunks(request, data, len, used);
    return request->stage == STAGE_FAILED ? request->failure : HTTP_PARSE_COMPLETE;
}

bool http_request_begun(const struct http_request *request)
{
    return request->head.begun;
}

const char *http_request_fault(const struct http_request *request)
{
    return request->head.fault;
}

struct slice http_request_method(const struct http_request *request)
{
    const struct http_head *head = &request->head;

    return head->method.len > 0 ? http_head_slice(head, head->method) : slice_str("");
}

/* Behind "http://host" of an absolute form (RFC 9112, 3.2.2). */
static struct slice local_part(struct slice target)
{
    size_t at = 0;

    if (target.data[0] == '/' || target.data[0] == '*')
        return target;
    while (target.data[at] != ':')
        at++;
    for (at += 3; at < target.len && target.data[at] != '/' && target.data[at] != '?';)
        at++;
    return slice_of(target.data + at, target.len - at);
}

/* The target up to '?', or behind it. */
static struct slice target_part(const struct http_request *request, bool query)
{
    struct slice target = local_part(http_head_slice(&request->head, request->head.target));
    const uint8_t *mark = target.len > 0 ? memchr(target.data, '?', target.len) : NULL;
    size_t path_len = mark != NULL ? (size_t)(mark - target.data) : target.len;

    if (!query)
        return slice_of(target.data, path_len);
    return mark != NULL ? slice_of(mark + 1, target.len - path_len - 1) : slice_of(target.data, 0);
}

struct slice http_request_path(const struct http_request *request)
{
    struct slice path = target_part(request, false);

    /* "http://host" and "http://host?query" mean "/" (RFC 9110, 4.2.3). */
    return path.len > 0 ? path : slice_str("/");
}

struct slice http_request_query(const struct http_request *request)
{
    return target_part(request, true);
}

struct slice http_request_header(const struct http_request *request, const char *name)
{
    const struct http_field *field = http_head_find(&request->head, name, 0);

    return field != NULL ? http_head_slice(&request->head, field->value) : slice_of(NULL, 0);
}

struct slice http_request_only_header(const struct http_request *request, const char *name)
{
    const struct http_head *head = &request->head;
    const struct http_field *field = http_head_find(head, name, 0);

    if (field == NULL || http_head_find(head, name, (size_t)(field - head->fields) + 1) != NULL)
        return slice_of(NULL, 0);
    return http_head_slice(head, field->value);
}

static bool equal_fold(struct slice text, const char *token)
{
    return text.len == strlen(token) && strncasecmp((const char *)text.data, token, text.len) == 0;
}

/* The next element of a comma-separated list (RFC 9110, 5.6.1), empty ones passed over; false at its end. */
static bool next_element(struct slice *list, struct slice *element)
{
    while (list->len > 0) {
        const uint8_t *comma = memchr(list->data, ',', list->len);
        size_t len = comma != NULL ? (size_t)(comma - list->data) : list->len;

        *element = http_text_trim(slice_of(list->data, len));
        len += comma != NULL ? 1 : 0;
        *list = slice_of(list->data + len, list->len - len);
        if (element->len > 0)
            return true;
    }
    return false;
}

bool http_request_next_element(const struct http_request *request, const char *name,
                               struct http_elements *elements, struct slice *element)
{
    const struct http_head *head = &request->head;

    while (!next_element(&elements->rest, element)) {
        const struct http_field *field = http_head_find(head, name, elements->field);

        if (field == NULL)
            return false;
        elements->field = (size_t)(field - head->fields) + 1;
        elements->rest = http_head_slice(head, field->value);
    }
    return true;
}

/* Whether an element of the list is (`same`), or is not, that token. */
static bool list_has(struct slice list, const char *token, bool same)
{
    struct slice element;

    while (next_element(&list, &element))
        if (equal_fold(element, token) == same)
            return true;
    return false;
}

static bool any_has(const struct http_request *request, const char *name, const char *token, bool same)
{
    const struct http_head *head = &request->head;
    const struct http_field *field = http_head_find(head, name, 0);

    while (field != NULL && !list_has(http_head_slice(head, field->value), token, same))
        field = http_head_find(head, name, (size_t)(field - head->fields) + 1);
    return field != NULL;
}

bool http_request_has_token(const struct http_request *request, const char *name, const char *token)
{
    return any_has(request, name, token, true);
}

bool http_request_is_encoded(const struct http_request *request)
{
    return any_has(request, "Content-Encoding", "identity", false);
}

struct slice http_request_body(const struct http_request *request)
{
    return slice_of(request->body.data, request->body.len);
}

bool http_request_has_body(const struct http_request *request)
{
    return request->head.chunked || request->head.content_length > 0;
}

bool http_request_keep_alive(const struct http_request *request)
{
    if (http_request_has_token(request, "Connection", "close"))
        return false;
    return !request->head.http10 || http_request_has_token(request, "Connection", "keep-alive");
}

bool http_request_is_upgrade(const struct http_request *request)
{
    return http_request_has_token(request, "Connection", "upgrade") &&
           http_head_find(&request->head, "Upgrade", 0) != NULL;
}

bool http_request_expects_continue(const struct http_request *request)
{
    return !request->head.http10 && http_request_has_token(request, "Expect", "100-continue");
}

bool http_request_is_http10(const struct http_request *request)
{
    return request->head.http10;
}
