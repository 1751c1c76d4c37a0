/* SPDX-License-Identifier: Apache-2.0 */
/* A table of requests with one short function each; go-push's clients get go-push's answers
 * (mostly none), clients that send an id get ACK or ERROR. */
#include "gateway/bucket/session.h"

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/opening.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/client_msg.h"
#include "shared/base/cell_rate.h"
#include "shared/base/clock.h"
#include "shared/contract/close_codes.h"

enum {
    MAX_ANSWER = 1024,
    PACE_BURST_US = 1000000,
    MAX_DISCARDED = 2 * 1024 * 1024, /* bytes: what may have been under way when the close frame went */
};

/* A frame of any kind takes its share of a second; a client may be one second ahead. */
static bool within_rate(struct client *client)
{
    int64_t step_us = cell_rate_step_us(client->bucket->limits.messages_per_second);
    const struct cell_rate rate = {.step_us = step_us, .burst_us = PACE_BURST_US - step_us};

    return cell_rate_admits(&rate, &client->paced_us, clock_now_us());
}

static void send_text(struct client *client, const struct buf *text, enum status status)
{
    client_send_control(client, status == STATUS_OK ? frame_new_text(slice_of(text->data, text->len)) : NULL);
}

static void answer_ack(struct client *client, const struct client_msg *msg)
{
    struct buf text;

    if (msg->id.data == NULL)
        return;
    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, client_msg_ack(&text, msg->id));
    buf_fini(&text);
}

static void answer_error(struct client *client, const struct client_msg *msg, const char *code,
                         const char *message)
{
    struct buf text;

    if (msg->id.data == NULL)
        return;
    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, client_msg_error(&text, msg->id, slice_of(NULL, 0), code, message));
    buf_fini(&text);
}

static void on_ping(struct client *client, const struct client_msg *msg)
{
    if (msg->id.data != NULL)
        answer_ack(client, msg);
    else
        client_send_control(client, frame_new_text(slice_str(CLIENT_MSG_PONG)));
}

/* Without an id an invalid room ends the connection, as an empty one does in go-push. */
static bool room_usable(struct client *client, const struct client_msg *msg)
{
    if (msg->room_fault == NULL)
        return true;
    if (msg->id.data != NULL)
        answer_error(client, msg, "invalid_room", msg->room_fault);
    else
        client_close(client, CLOSE_invalid_room);
    return false;
}

static void on_join(struct client *client, const struct client_msg *msg)
{
    if (!room_usable(client, msg))
        return;
    enum status status = client_join(client, slice_of(msg->room, msg->room_len), MEMBER_BY_RIGHT);
    if (status == STATUS_OK)
        answer_ack(client, msg);
    else if (status == STATUS_FULL)
        answer_error(client, msg, "too_many_rooms", "the client is in as many rooms as maxJoinRoom allows");
    else
        client_close(client, CLOSE_internal);
}

static void on_leave(struct client *client, const struct client_msg *msg)
{
    if (!room_usable(client, msg))
        return;
    if (client_leave(client, slice_of(msg->room, msg->room_len)))
        answer_ack(client, msg);
    else
        answer_error(client, msg, "forbidden", "the server has joined this room, and only it can leave");
}

static void on_unknown(struct client *client, const struct client_msg *msg)
{
    answer_error(client, msg, "unknown_type", "type is none of PING, JOIN, LEAVE");
}

static void (*const requests[])(struct client *client, const struct client_msg *msg) = {
    [CLIENT_MSG_PING] = on_ping,    [CLIENT_MSG_JOIN] = on_join,       [CLIENT_MSG_LEAVE] = on_leave,
    [CLIENT_MSG_AUTH] = on_unknown, [CLIENT_MSG_UNKNOWN] = on_unknown,
};

static void on_text(struct client *client, struct slice text)
{
    struct client_msg msg;

    if (client_msg_parse(text, client->bucket->limits.max_room_name, &msg) != STATUS_OK)
        client_close(client, CLOSE_invalid_message);
    else
        requests[msg.type](client, &msg);
}

static void on_peer_close(struct client *client, uint16_t code)
{
    client->peer_closed = true;
    client_close(client, code == 1005 ? CLOSE_normal : code);
}

static void on_input(struct client *client, const struct ws_input *input)
{
    switch (input->event) {
    case WS_TEXT:
        metrics_add(M_CLIENT_MESSAGES, 1);
        on_text(client, input->payload);
        break;
    case WS_BINARY:
        metrics_add(M_CLIENT_MESSAGES, 1);
        break;
    case WS_PING:
        client_send_control(client, frame_new_pong(input->payload));
        break;
    case WS_CLOSE:
        on_peer_close(client, input->code);
        break;
    case WS_FAIL:
        client->close_when_sent = true; /* RFC 6455, section 7.1.7: no answer is waited for */
        client_close(client, input->code);
        break;
    case WS_FRAGMENT:
    case WS_PONG:
    case WS_MORE:
        break;
    }
}

static void on_frames(struct client *client, uint8_t *data, size_t len)
{
    struct ws_input input;

    client_heard(client);
    ws_reader_limit(&client->reader, client->bucket->limits.max_message);
    do {
        input = ws_reader_next(&client->reader, &data, &len);
        if (input.event != WS_MORE && input.event != WS_FAIL && input.event != WS_CLOSE &&
            !within_rate(client)) {
            client_close(client, CLOSE_rate_limited);
            return;
        }
        on_input(client, &input);
    } while (input.event != WS_MORE && client->phase == CLIENT_OPEN);
}

static void on_frames_closing(struct client *client, uint8_t *data, size_t len)
{
    struct ws_input input;

    client->discarded += len;
    if (client->discarded > MAX_DISCARDED) {
        client_kill(client);
        return;
    }
    if (client->close_when_sent)
        return;
    do {
        input = ws_reader_next(&client->reader, &data, &len);
        if (input.event == WS_CLOSE || input.event == WS_FAIL) {
            client->peer_closed = true;
            if (client->outbox.head == NULL)
                client_kill(client);
            return;
        }
    } while (input.event != WS_MORE);
}

void session_on_bytes(void *arg, uint8_t *data, size_t len)
{
    struct client *client = arg;
    size_t used = client->phase == CLIENT_HANDSHAKE ? opening_on_bytes(client, data, len) : 0;

    if (used == len)
        return;
    if (client->phase == CLIENT_OPEN)
        on_frames(client, data + used, len - used);
    else if (client->phase == CLIENT_CLOSING)
        on_frames_closing(client, data + used, len - used);
}

void session_on_gone(void *arg)
{
    struct client *client = arg;

    ws_reader_fini(&client->reader);
    client_on_gone(client);
}
