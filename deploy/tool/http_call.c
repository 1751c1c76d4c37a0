/* SPDX-License-Identifier: Apache-2.0 */
/* A request on a connection of its own. The loop's thread. Never retries: that is for who knows whether
 * what was sent may be done twice. */
#include "deploy/tool/http_call.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "deploy/tool/text_file.h"

enum { REQUEST_MAX = (256 << 20) + 65536, HEADER_FILE_MAX = 65536, TOKENS_FILE_MAX = 512 * 1024 };

static void finish(struct http_call *call, const char *fault)
{
    if (call->done)
        return;
    call->done = true;
    snprintf(call->fault, sizeof call->fault, "%s", fault);
    event_del(call->deadline);
    bufferevent_disable(call->dialing.bev, EV_READ | EV_WRITE);
    event_base_loopbreak(call->tool->base);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct http_call *call = arg;
    struct evbuffer *input = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(input);
    const unsigned char *data = evbuffer_pullup(input, -1);

    (void)http_answer_feed(&call->answer, data, len);
    evbuffer_drain(input, len);
    if (call->answer.complete || call->answer.fault != NULL)
        finish(call, call->answer.fault != NULL ? call->answer.fault : "");
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
    struct http_call *call = arg;
    char why[HTTP_CALL_FAULT_MAX];

    (void)bev;
    if (events & BEV_EVENT_CONNECTED) {
        call->connected = true;
        return;
    }
    call->unreached = dial_reason(&call->dialing, events, why, sizeof why) && !call->connected;
    http_answer_end(&call->answer);
    if (call->answer.complete)
        finish(call, "");
    else
        finish(call, call->answer.status || (events & BEV_EVENT_EOF) ? call->answer.fault : why);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct http_call *call = arg;
    char why[64];

    (void)fd;
    (void)what;
    snprintf(why, sizeof why, "no answer within %d s", (int)call->tool->options->timeout_s);
    finish(call, why);
}

static enum status append_header(struct buf *out, const char *text, size_t len, struct fault *fault)
{
    const char *colon = memchr(text, ':', len);

    if (colon == NULL || colon == text || memchr(text, '\r', len) != NULL || memchr(text, '\n', len) != NULL)
        return fault_set(fault, STATUS_INVALID, "--header: \"Name: value\" is needed");
    return buf_printf(out, "%.*s\r\n", (int)len, text) != STATUS_OK
               ? fault_set(fault, STATUS_NO_MEMORY, "out of memory")
               : STATUS_OK;
}

static enum status append_header_file(struct buf *out, const char *path, struct fault *fault)
{
    struct buf text;
    enum status status;

    buf_init(&text, HEADER_FILE_MAX);
    status = text_file_read(path, &text, fault);
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    if (status == STATUS_OK)
        status = append_header(out, (const char *)text.data, text.len, fault);
    buf_fini(&text);
    return status;
}

static bool is_digest(struct slice line)
{
    static const char prefix[] = "sha256:";

    return line.len >= sizeof prefix - 1 && memcmp(line.data, prefix, sizeof prefix - 1) == 0;
}

static struct slice until_space(struct slice line)
{
    const uint8_t *space = memchr(line.data, ' ', line.len);

    return slice_of(line.data, space != NULL ? (size_t)(space - line.data) : line.len);
}

/* The first token, as logic/conf/api_tokens reads such a file: of a line that is neither empty nor a comment,
 * what stands before the first space. A digest is passed over: what it is of cannot be shown. */
static struct slice first_token(struct slice text)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);
        struct slice line = slice_of(text.data, end != NULL ? (size_t)(end - text.data) : text.len);

        text = slice_of(text.data + line.len + (end != NULL), text.len - line.len - (end != NULL));
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        if (line.len > 0 && line.data[0] != '#' && !is_digest(line))
            return until_space(line);
    }
    return text;
}

static bool is_token(struct slice token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] <= ' ' || token.data[i] >= 0x7f)
            return false;
    return token.len > 0;
}

static enum status append_token(struct buf *out, const char *path, struct fault *fault)
{
    struct buf text;
    struct slice token;
    enum status status;

    buf_init(&text, TOKENS_FILE_MAX);
    status = text_file_read(path, &text, fault);
    token = first_token(slice_of(text.data, text.len));
    if (status == STATUS_OK && !is_token(token))
        status = fault_set(fault, STATUS_INVALID,
                           "--tokens: %.300s: a line with a token of printable ASCII is needed", path);
    if (status == STATUS_OK && buf_printf(out, "Authorization: Bearer %.*s\r\n", (int)token.len,
                                          (const char *)token.data) != STATUS_OK)
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    buf_fini(&text);
    return status;
}

enum status http_headers_append(const struct tool *tool, struct buf *out, struct fault *fault)
{
    const struct words *headers = &tool->options->headers;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < headers->count && status == STATUS_OK; i++) {
        const char *text = headers->items[i];

        status = text[0] == '@' ? append_header_file(out, text + 1, fault)
                                : append_header(out, text, strlen(text), fault);
    }
    if (status == STATUS_OK && tool->options->tokens != NULL)
        status = append_token(out, tool->options->tokens, fault);
    return status;
}

static enum status print_request(struct http_call *call, const struct http_ask *ask, struct buf *out,
                                 struct fault *fault)
{
    char authority[URL_HOST_MAX + 16];
    enum status status;

    url_authority(ask->url, authority, sizeof authority);
    status = buf_printf(out,
                        "%s %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: fanfare/" FANFARE_VERSION "\r\n"
                        "Connection: close\r\n",
                        ask->method, ask->url->path, ask->path, authority);
    if (status == STATUS_OK && ask->type != NULL)
        status = buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n", ask->type, ask->body.len);
    if (status != STATUS_OK)
        return fault_set(fault, status, "%s", status_text(status));
    status = http_headers_append(call->tool, out, fault);
    if (status == STATUS_OK && (buf_append_str(out, "\r\n") != STATUS_OK ||
                                buf_append(out, ask->body.data, ask->body.len) != STATUS_OK))
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    return status;
}

static enum status send_request(struct http_call *call, const struct http_ask *ask, struct fault *fault)
{
    struct buf request;
    enum status status;

    buf_init(&request, REQUEST_MAX);
    status = print_request(call, ask, &request, fault);
    if (status == STATUS_OK)
        status = dial(call->tool, ask->url, &call->dialing, fault);
    if (status == STATUS_OK && bufferevent_write(call->dialing.bev, request.data, request.len))
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    buf_fini(&request);
    return status;
}

void http_call_begin(struct http_call *call, struct tool *tool, const struct http_ask *ask)
{
    struct timeval tv = {.tv_sec = tool->options->timeout_s};
    struct fault fault = {""};

    *call = (struct http_call){.tool = tool};
    http_answer_init(&call->answer, HTTP_CALL_BODY_MAX);
    call->deadline = evtimer_new(tool->base, on_deadline, call);
    enum status status = STATUS_NO_MEMORY;
    if (call->deadline == NULL || evtimer_add(call->deadline, &tv))
        fault_set(&fault, STATUS_NO_MEMORY, "out of memory");
    else
        status = send_request(call, ask, &fault);
    if (status == STATUS_OK) {
        bufferevent_setcb(call->dialing.bev, on_read, NULL, on_event, call);
        bufferevent_enable(call->dialing.bev, EV_READ | EV_WRITE);
        return;
    }
    call->done = true;
    call->unreached = status == STATUS_IO;
    snprintf(call->fault, sizeof call->fault, "%.*s", HTTP_CALL_FAULT_MAX - 1, fault.text);
}

static bool all_done(const struct http_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!calls[i].done)
            return false;
    return true;
}

void http_calls_await(struct tool *tool, struct http_call *calls, size_t count)
{
    while (!tool->stopping && !all_done(calls, count))
        tool_run(tool, 0);
    for (size_t i = 0; i < count; i++)
        if (!calls[i].done)
            finish(&calls[i], "interrupted");
}

void http_call_fini(struct http_call *call)
{
    dial_end(&call->dialing);
    if (call->deadline != NULL)
        event_free(call->deadline);
    http_answer_fini(&call->answer);
    call->deadline = NULL;
}

bool http_call_ok(const struct http_call *call)
{
    return call->done && !call->fault[0] && call->answer.status == 200;
}

struct slice http_call_body(const struct http_call *call)
{
    return slice_of(call->answer.body.data, call->answer.body.len);
}
