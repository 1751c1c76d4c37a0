/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an HTTP answer. Pure. */
#include "deploy/tool/http_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_ACCEPT] = "sec-websocket-accept",
    [FIELD_CONNECTION] = "connection",
    [FIELD_EXTENSIONS] = "sec-websocket-extensions",
    [FIELD_PROTOCOL] = "sec-websocket-protocol",
    [FIELD_RETRY_AFTER] = "retry-after",
    [FIELD_UPGRADE] = "upgrade",
};

static int on_begin(http_parser *parser)
{
    struct http_answer *answer = parser->data;

    answer->name_len = 0;
    answer->in_value = false;
    return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
    struct http_answer *answer = parser->data;

    if (answer->in_value)
        answer->name_len = 0;
    answer->in_value = false;
    if (answer->name_len + len < sizeof answer->name)
        memcpy(answer->name + answer->name_len, at, len);
    answer->name_len += len;
    return 0;
}

static enum http_answer_field known_field(const struct http_answer *answer)
{
    int field = 0;

    while (field < FIELD_COUNT && (strlen(field_names[field]) != answer->name_len ||
                                   strncasecmp(field_names[field], answer->name, answer->name_len) != 0))
        field++;
    return (enum http_answer_field)field;
}

static void append(char value[HTTP_ANSWER_VALUE_MAX], const char *text, size_t len)
{
    size_t used = strlen(value);

    if (len > HTTP_ANSWER_VALUE_MAX - 1 - used)
        len = HTTP_ANSWER_VALUE_MAX - 1 - used;
    memcpy(value + used, text, len);
    value[used + len] = '\0';
}

/* Lines of one field are one list (RFC 9110, section 5.3). */
static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct http_answer *answer = parser->data;
    bool begins = !answer->in_value;

    if (begins)
        answer->field = known_field(answer);
    answer->in_value = true;
    if (answer->field == FIELD_OTHER)
        return 0;
    if (begins && answer->values[answer->field][0])
        append(answer->values[answer->field], ", ", 2);
    append(answer->values[answer->field], at, len);
    return 0;
}

static int on_headers(http_parser *parser)
{
    struct http_answer *answer = parser->data;

    answer->status = parser->status_code;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct http_answer *answer = parser->data;

    if (buf_append(&answer->body, at, len) == STATUS_OK)
        return 0;
    answer->fault = "the answer is too long";
    return -1;
}

static int on_complete(http_parser *parser)
{
    struct http_answer *answer = parser->data;

    if (answer->status == 101)
        answer->upgraded = true;
    else if (answer->status / 100 == 1)
        return 0;
    answer->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void http_answer_init(struct http_answer *answer, size_t max)
{
    *answer = (struct http_answer){.field = FIELD_OTHER};
    buf_init(&answer->body, max);
    http_parser_init(&answer->parser, HTTP_RESPONSE);
    answer->parser.data = answer;
}

void http_answer_fini(struct http_answer *answer)
{
    buf_fini(&answer->body);
}

size_t http_answer_feed(struct http_answer *answer, const void *data, size_t len)
{
    size_t used;

    if (answer->complete || answer->fault != NULL)
        return 0;
    used = http_parser_execute(&answer->parser, &settings, data, len);
    if (!answer->complete && answer->fault == NULL && answer->parser.http_errno != HPE_OK)
        answer->fault = "the answer is not HTTP/1.1";
    return used;
}

void http_answer_end(struct http_answer *answer)
{
    if (answer->complete || answer->fault != NULL)
        return;
    (void)http_parser_execute(&answer->parser, &settings, NULL, 0);
    if (!answer->complete && answer->fault == NULL)
        answer->fault =
            answer->status ? "the answer was cut short" : "the connection ended without an answer";
}

const char *http_answer_name(enum http_answer_field field)
{
    return field_names[field];
}

int http_answer_retry_after(const struct http_answer *answer)
{
    const char *text = answer->values[FIELD_RETRY_AFTER];

    return text[0] && strlen(text) < 6 && strspn(text, "0123456789") == strlen(text) ? atoi(text) : 0;
}
