/* SPDX-License-Identifier: Apache-2.0 */
/* A table of requests with one short function each; go-push's clients get go-push's answers
 * (mostly none), clients that send an id get ACK or ERROR. */
#include "gateway/bucket/session.h"

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_answer.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/identity.h"
#include "gateway/bucket/opening.h"
#include "gateway/bucket/rights.h"
#include "gateway/metrics/gateway_metrics.h"
#include "gateway/websocket/client_msg.h"
#include "shared/base/cell_rate.h"
#include "shared/base/clock.h"
#include "shared/contract/close_codes.h"

enum {
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

static void answer_error(struct client *client, const struct client_msg *msg, const char *code,
                         const char *message)
{
    if (msg->id.data != NULL)
        client_answer_error(client, msg->id, slice_of(NULL, 0), code, message);
}

static void on_ping(struct client *client, const struct client_msg *msg, struct slice text)
{
    (void)text;
    if (msg->id.data != NULL)
        client_answer_ack(client, msg->id);
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

static void on_join(struct client *client, const struct client_msg *msg, struct slice text)
{
    if (room_usable(client, msg))
        identity_on_join(client, msg, text);
}

static void on_leave(struct client *client, const struct client_msg *msg, struct slice text)
{
    (void)text;
    if (!room_usable(client, msg))
        return;
    if (client_leave(client, slice_of(msg->room, msg->room_len)))
        client_answer_ack(client, msg->id);
    else
        answer_error(client, msg, "forbidden", "the server has joined this room, and only it can leave");
}

static void on_unknown(struct client *client, const struct client_msg *msg, struct slice text)
{
    (void)text;
    answer_error(client, msg, "unknown_type",
                 client->bucket->auth.policy != NULL ? "type is none of PING, JOIN, LEAVE, AUTH"
                                                     : "type is none of PING, JOIN, LEAVE");
}

/* Without a policy nobody judges tokens, and AUTH means nothing. */
static void on_auth(struct client *client, const struct client_msg *msg, struct slice text)
{
    if (client->bucket->auth.policy != NULL)
        identity_on_auth(client, msg, text);
    else
        on_unknown(client, msg, text);
}

static void (*const requests[])(struct client *client, const struct client_msg *msg, struct slice text) = {
    [CLIENT_MSG_PING] = on_ping, [CLIENT_MSG_JOIN] = on_join,       [CLIENT_MSG_LEAVE] = on_leave,
    [CLIENT_MSG_AUTH] = on_auth, [CLIENT_MSG_UNKNOWN] = on_unknown,
};

/* What a message may have; tokens are longer than clients' other messages. */
static size_t most_bytes(const struct client *client, const struct client_msg *msg)
{
    size_t max = client->bucket->limits.max_message;

    return msg->token.data != NULL && max < CLIENT_MSG_MAX_AUTH ? CLIENT_MSG_MAX_AUTH : max;
}

/* It has not shown who it is, or that is not judged yet. */
static bool is_stranger(const struct client *client)
{
    return client->auth != NULL && client->auth->grant == NULL;
}

/* Who has not shown who it is may say AUTH and PING. */
static void refuse_stranger(struct client *client, struct slice id)
{
    const struct auth_answer silent = {.outcome = AUTH_REFUSED, .reason = AUTH_REASON_NOTHING_SHOWN};

    rights_refuse(client, id, &silent);
}

static void on_text(struct client *client, struct slice text)
{
    struct client_msg msg;

    if (client_msg_parse(text, client->bucket->limits.max_room_name, &msg) != STATUS_OK)
        client_close(client, CLOSE_invalid_message);
    else if (text.len > most_bytes(client, &msg))
        client_close(client, CLOSE_too_large);
    else if (is_stranger(client) && msg.type != CLIENT_MSG_AUTH && msg.type != CLIENT_MSG_PING)
        refuse_stranger(client, msg.id);
    else
        requests[msg.type](client, &msg, text);
}

static void on_binary(struct client *client, struct slice payload)
{
    if (payload.len > client->bucket->limits.max_message)
        client_close(client, CLOSE_too_large);
    else if (is_stranger(client))
        refuse_stranger(client, slice_of(NULL, 0));
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
        on_binary(client, input->payload);
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

/* What the reader may gather: where there are tokens, a message with one. */
static size_t reader_limit(const struct client *client)
{
    size_t max = client->bucket->limits.max_message;

    return client->bucket->auth.policy != NULL && max < CLIENT_MSG_MAX_AUTH ? CLIENT_MSG_MAX_AUTH : max;
}

static void hold(struct client *client, const uint8_t *data, size_t len)
{
    enum status status = client_auth_hold(client, data, len);

    if (status == STATUS_OK)
        return;
    if (client->phase == CLIENT_OPEN)
        client_close(client, status == STATUS_FULL ? CLOSE_rate_limited : CLOSE_internal);
    else { /* no frame may be sent before the 101 */
        metrics_add(status == STATUS_FULL ? M_REFUSED_HANDSHAKE : M_REFUSED_MEMORY, 1);
        client_kill(client);
    }
}

static void on_frames(struct client *client, uint8_t *data, size_t len)
{
    struct ws_input input;

    if (!is_stranger(client))
        client_heard(client);
    ws_reader_limit(&client->reader, reader_limit(client));
    do {
        if (client_auth_waits(client)) {
            hold(client, data, len);
            return;
        }
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
    if (client->close_when_sent || client->peer_closed)
        return;
    do {
        input = ws_reader_next(&client->reader, &data, &len);
        if (input.event == WS_CLOSE || input.event == WS_FAIL) {
            client->peer_closed = true;
            if (client->phase == CLIENT_CLOSING && client->outbox.head == NULL)
                client_kill(client);
            return;
        }
    } while (input.event != WS_MORE);
}

static bool holds_handshake(const struct client *client)
{
    return client->phase == CLIENT_HANDSHAKE && client_auth_waits(client);
}

void session_on_bytes(void *arg, uint8_t *data, size_t len)
{
    struct client *client = arg;
    bool opening = client->phase == CLIENT_HANDSHAKE && !client_auth_waits(client);
    size_t used = opening ? opening_on_bytes(client, data, len) : 0;

    if (used == len)
        return;
    if (holds_handshake(client))
        hold(client, data + used, len - used);
    else if (client->phase == CLIENT_OPEN)
        on_frames(client, data + used, len - used);
    else if (client->phase == CLIENT_CLOSING || client->phase == CLIENT_KICKED)
        on_frames_closing(client, data + used, len - used);
}

/* What was held is judged. */
static void on_turn(struct client *client, struct auth_wait *wait, struct auth_answer *answer)
{
    struct client_msg msg;
    struct slice text = slice_of(wait->text.data, wait->text.len);

    if (wait->opening)
        opening_judged(client, &wait->handshake, answer);
    else if (text.len == 0)
        identity_on_first(client, answer);
    else if (client_msg_parse(text, client->bucket->limits.max_room_name, &msg) == STATUS_OK)
        identity_on_turn(client, &msg, answer);
}

void session_resume(struct client *client, struct auth_answer *answer)
{
    struct auth_wait *wait = client_auth_take_wait(client);

    on_turn(client, wait, answer);
    if (wait->held.len > 0)
        session_on_bytes(client, wait->held.data, wait->held.len);
    auth_wait_free(wait);
}

void session_on_gone(void *arg)
{
    struct client *client = arg;

    ws_reader_fini(&client->reader);
    client_on_gone(client);
}
