/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket connection as a client. The loop's thread. Never reconnects: its owner decides. */
#include "deploy/tool/ws_client.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/dial.h"
#include "deploy/tool/http_answer.h"
#include "deploy/tool/http_call.h"
#include "deploy/tool/printable.h"
#include "shared/base/clock.h"
#include "shared/websocket/ws_frame.h"
#include "shared/websocket/ws_handshake.h"

enum {
    MESSAGE_MAX = 64 << 20,
    REQUEST_MAX = 1 << 20,
    REFUSAL_MAX = 65536,
    CODE_LOST = 1006,
    CODE_NORMAL = 1000,
    LEAVE_MS = 1000,
};

struct ws_client {
    struct tool *tool;
    struct dialing dialing;
    struct event *tick; /* every --timeout: the handshake's deadline, then pings */
    ws_on_text *on_text;
    void *arg;
    enum ws_state state;
    struct http_answer answer;
    struct buf message; /* of the fragments so far */
    bool in_message;
    bool text;    /* the message's type */
    bool heard;   /* something came since the last tick */
    bool leaving; /* we have sent a close frame */
    struct ws_ending ending;
    char accept[WS_ACCEPT_LEN + 1]; /* what the server must answer */
    bool asked_protocol;            /* --header named subprotocols */
};

static void end(struct ws_client *client, int code, const char *why)
{
    if (client->state == WS_ENDED)
        return;
    client->state = WS_ENDED;
    if (client->ending.code == 0)
        client->ending.code = code;
    if (!client->ending.text[0])
        snprintf(client->ending.text, sizeof client->ending.text, "%s", why);
    if (client->dialing.bev != NULL)
        bufferevent_disable(client->dialing.bev, EV_READ);
    event_base_loopbreak(client->tool->base);
}

static void fail(struct ws_client *client, const char *why)
{
    client->ending.protocol = true;
    end(client, CODE_LOST, why);
}

static void send_frame(struct ws_client *client, enum ws_opcode opcode, struct slice payload)
{
    struct buf frame;
    uint8_t mask[4];

    buf_init(&frame, payload.len + 14);
    ws_frame_mask(mask);
    if (ws_frame_append(&frame, opcode, payload, mask) != STATUS_OK ||
        bufferevent_write(client->dialing.bev, frame.data, frame.len))
        end(client, CODE_LOST, "out of memory");
    buf_fini(&frame);
}

static void on_close_frame(struct ws_client *client, struct slice payload)
{
    struct ws_ending *ending = &client->ending;

    ending->code = payload.len >= 2 ? payload.data[0] << 8 | payload.data[1] : 1005;
    if (payload.len > 2)
        printable_copy(slice_of(payload.data + 2, payload.len - 2), ending->text, sizeof ending->text);
    if (!client->leaving)
        send_frame(client, WS_OP_CLOSE, slice_of(payload.data, payload.len >= 2 ? 2 : 0));
    end(client, ending->code, "");
}

/* A fragment or a whole message. */
static void on_data(struct ws_client *client, const struct ws_frame *frame)
{
    if (client->in_message != (frame->opcode == WS_OP_CONTINUATION)) {
        fail(client, "fragments of messages out of order");
        return;
    }
    if (!client->in_message)
        client->text = frame->opcode == WS_OP_TEXT;
    client->in_message = !frame->fin;
    if (buf_append(&client->message, frame->payload.data, frame->payload.len) != STATUS_OK) {
        fail(client, "a message that is too long");
        return;
    }
    if (!frame->fin)
        return;
    if (client->text)
        client->on_text(slice_of(client->message.data, client->message.len), client->arg);
    buf_clear(&client->message);
}

static void on_frame(struct ws_client *client, const struct ws_frame *frame)
{
    switch (frame->opcode) {
    case WS_OP_CLOSE:
        on_close_frame(client, frame->payload);
        break;
    case WS_OP_PING:
        if (!client->leaving)
            send_frame(client, WS_OP_PONG, frame->payload);
        break;
    case WS_OP_PONG:
        break;
    case WS_OP_CONTINUATION:
    case WS_OP_TEXT:
    case WS_OP_BINARY:
        on_data(client, frame);
        break;
    }
}

static void read_frames(struct ws_client *client, struct evbuffer *input)
{
    while (client->state == WS_OPEN) {
        struct ws_frame frame;
        size_t len = evbuffer_get_length(input);
        const uint8_t *data = evbuffer_pullup(input, -1);
        enum ws_read found = ws_frame_read(data, len, MESSAGE_MAX, &frame);

        if (found == WS_READ_MORE)
            return;
        if (found != WS_READ_FRAME) {
            fail(client,
                 found == WS_READ_BIG ? "a message that is too long" : "bytes that are no WebSocket frame");
            return;
        }
        on_frame(client, &frame);
        evbuffer_drain(input, frame.size);
    }
}

static void refuse(struct ws_client *client, const char *why)
{
    struct ws_ending *ending = &client->ending;
    char body[160];

    printable_copy(slice_of(client->answer.body.data, client->answer.body.len), body, sizeof body);
    ending->http_status = client->answer.status;
    ending->retry_after = http_answer_retry_after(&client->answer);
    ending->protocol = client->answer.fault != NULL || client->answer.status == 101;
    if (client->answer.fault != NULL || client->answer.status == 101)
        snprintf(ending->text, sizeof ending->text, "%s",
                 client->answer.fault != NULL ? client->answer.fault : why);
    else
        snprintf(ending->text, sizeof ending->text, "HTTP %d%s%s", ending->http_status, body[0] ? ": " : "",
                 body);
    client->state = WS_ENDED;
    bufferevent_disable(client->dialing.bev, EV_READ);
    event_base_loopbreak(client->tool->base);
}

static const char *answer_fault(const struct ws_client *client)
{
    struct ws_answer answer = {.status = client->answer.status};

    for (int field = 0; field < FIELD_COUNT; field++)
        if (client->answer.values[field][0])
            ws_answer_field(&answer, slice_str(http_answer_name((enum http_answer_field)field)),
                            slice_str(client->answer.values[field]), client->accept);
    return ws_answer_fault(&answer, client->asked_protocol);
}

static void read_answer(struct ws_client *client, struct evbuffer *input)
{
    size_t len = evbuffer_get_length(input);
    const unsigned char *data = evbuffer_pullup(input, -1);
    const char *why;

    evbuffer_drain(input, http_answer_feed(&client->answer, data, len));
    if (!client->answer.complete && client->answer.fault == NULL)
        return;
    why = client->answer.fault != NULL ? client->answer.fault : answer_fault(client);
    if (why != NULL) {
        refuse(client, why);
        return;
    }
    client->state = WS_OPEN;
    event_base_loopbreak(client->tool->base);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct ws_client *client = arg;

    client->heard = true;
    if (client->state == WS_CONNECTING)
        read_answer(client, bufferevent_get_input(bev));
    if (client->state == WS_OPEN)
        read_frames(client, bufferevent_get_input(bev));
}

static void on_event(struct bufferevent *bev, short events, void *arg)
{
    struct ws_client *client = arg;
    char why[200];

    (void)bev;
    if (events & BEV_EVENT_CONNECTED)
        return;
    dial_reason(&client->dialing, events, why, sizeof why);
    if (client->state == WS_CONNECTING && client->answer.status)
        http_answer_end(&client->answer);
    if (client->state == WS_CONNECTING && (client->answer.complete || client->answer.fault != NULL))
        refuse(client, why);
    else
        end(client, client->state == WS_OPEN ? CODE_LOST : 0, why);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct ws_client *client = arg;
    char why[64];

    (void)fd;
    (void)what;
    snprintf(why, sizeof why, "no answer within %d s", (int)client->tool->options->timeout_s);
    if (client->state == WS_CONNECTING)
        end(client, 0, why);
    else if (client->state == WS_OPEN && !client->heard)
        end(client, CODE_LOST, why);
    else if (client->state == WS_OPEN && !client->leaving)
        send_frame(client, WS_OP_PING, slice_str(""));
    client->heard = false;
}

/* The request with --header lines. The fault names a bad one. */
static enum status print_request(struct ws_client *client, const struct url *url, struct buf *out,
                                 struct fault *fault)
{
    char key[WS_KEY_LEN + 1];
    char authority[URL_HOST_MAX + 16];
    char target[URL_PATH_MAX + 16];
    enum status status;

    ws_handshake_key(key);
    ws_handshake_accept(key, client->accept);
    url_authority(url, authority, sizeof authority);
    snprintf(target, sizeof target, "%s%sv=2", url->path[0] ? url->path : "/connect",
             strchr(url->path, '?') != NULL ? "&" : "?");
    status = ws_handshake_print(out, target, authority, key);
    if (status == STATUS_OK)
        status = buf_append_str(out, "User-Agent: fanfare/" FANFARE_VERSION "\r\n");
    if (status == STATUS_OK)
        status = http_headers_append(client->tool, out, fault);
    if (status == STATUS_OK)
        status = buf_append(out, "\r\n", sizeof "\r\n"); /* with the NUL, for strcasestr */
    if (status != STATUS_OK)
        return status;
    client->asked_protocol = strcasestr((const char *)out->data, "\r\nSec-WebSocket-Protocol:") != NULL;
    out->len--;
    return STATUS_OK;
}

static enum status begin(struct ws_client *client, const struct url *url, struct fault *fault)
{
    struct timeval tv = {.tv_sec = client->tool->options->timeout_s};
    struct buf request;
    enum status status;

    buf_init(&request, REQUEST_MAX);
    status = print_request(client, url, &request, fault);
    if (status == STATUS_OK)
        status = dial(client->tool, url, &client->dialing, fault);
    if (status == STATUS_OK &&
        (bufferevent_write(client->dialing.bev, request.data, request.len) || event_add(client->tick, &tv)))
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    buf_fini(&request);
    return status;
}

struct ws_client *ws_client_new(struct tool *tool, const struct url *url, ws_on_text *on_text, void *arg)
{
    struct ws_client *client = calloc(1, sizeof *client);
    struct fault fault = {"out of memory"};

    if (client == NULL)
        return NULL;
    *client = (struct ws_client){.tool = tool, .on_text = on_text, .arg = arg};
    http_answer_init(&client->answer, REFUSAL_MAX);
    buf_init(&client->message, MESSAGE_MAX);
    client->tick = event_new(tool->base, -1, EV_PERSIST, on_tick, client);
    if (client->tick == NULL || begin(client, url, &fault) != STATUS_OK) {
        end(client, 0, fault.text);
        return client;
    }
    bufferevent_setcb(client->dialing.bev, on_read, NULL, on_event, client);
    bufferevent_enable(client->dialing.bev, EV_READ | EV_WRITE);
    return client;
}

void ws_client_free(struct ws_client *client)
{
    if (client == NULL)
        return;
    dial_end(&client->dialing);
    if (client->tick != NULL)
        event_free(client->tick);
    buf_fini(&client->message);
    http_answer_fini(&client->answer);
    free(client);
}

enum ws_state ws_client_state(const struct ws_client *client)
{
    return client->state;
}

const struct ws_ending *ws_client_ending(const struct ws_client *client)
{
    return &client->ending;
}

void ws_client_send(struct ws_client *client, struct slice text)
{
    if (client->state == WS_OPEN)
        send_frame(client, WS_OP_TEXT, text);
}

void ws_client_leave(struct ws_client *client)
{
    static const uint8_t normal[] = {CODE_NORMAL >> 8, CODE_NORMAL & 0xFF};
    bool interrupted = client->tool->stopping;

    if (client->state != WS_OPEN)
        return;
    client->leaving = true;
    send_frame(client, WS_OP_CLOSE, slice_of(normal, sizeof normal));
    client->tool->stopping = false;
    ws_client_await(client, WS_OPEN, clock_now_ms() + LEAVE_MS);
    client->tool->stopping = interrupted || client->tool->stopping;
}

void ws_client_await(struct ws_client *client, enum ws_state state, int64_t deadline_ms)
{
    struct tool *tool = client->tool;

    while (!tool->stopping && client->state == state) {
        int64_t left = deadline_ms ? deadline_ms - clock_now_ms() : 0;

        if (deadline_ms && left <= 0)
            return;
        tool_run(tool, left);
    }
}
