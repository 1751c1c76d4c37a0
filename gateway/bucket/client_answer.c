/* SPDX-License-Identifier: Apache-2.0 */
/* A text, a frame, and it is sent or queued. */
#include "gateway/bucket/client_answer.h"

#include "gateway/bucket/bucket_state.h"
#include "gateway/websocket/client_msg.h"
#include "shared/contract/close_codes.h"

enum { MAX_ANSWER = 8192 }; /* bytes; an id or a room, escaped, and a sentence */

static void send_text(struct client *client, struct buf *text, enum status status)
{
    client_send_control(client, status == STATUS_OK ? frame_new_text(slice_of(text->data, text->len)) : NULL);
    buf_fini(text);
}

/* Clients of version 1 expect what go-push sends. */
static bool is_welcomed(const struct client *client, struct connection_id *id)
{
    return client->encoding != ENCODING_WS_V1 && client_connection_id(client, id);
}

static enum status append_welcome(struct buf *text, const struct client *client,
                                  const struct connection_id *id)
{
    return client_msg_welcome(text, id, client->bucket->limits.heartbeat_ms / 1000);
}

void client_answer_opened(struct client *client, struct frame *response)
{
    struct frame *both = NULL;
    struct connection_id id;
    struct buf text;

    if (!is_welcomed(client, &id)) {
        client_send_control(client, response);
        return;
    }
    buf_init(&text, MAX_ANSWER);
    if (append_welcome(&text, client, &id) == STATUS_OK)
        both =
            frame_new_raw_with_text(slice_of(response->bytes, response->len), slice_of(text.data, text.len));
    buf_fini(&text);
    client_send_control(client, both != NULL ? both : frame_ref(response));
    if (both == NULL)
        client_close(client, CLOSE_internal);
    frame_unref(response);
}

void client_answer_welcome(struct client *client)
{
    struct connection_id id;
    struct buf text;

    if (!is_welcomed(client, &id))
        return;
    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, append_welcome(&text, client, &id));
}

void client_answer_ack(struct client *client, struct slice id)
{
    struct buf text;

    if (id.data == NULL)
        return;
    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, client_msg_ack(&text, id));
}

void client_answer_error(struct client *client, struct slice id, struct slice room, const char *code,
                         const char *message)
{
    struct buf text;

    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, client_msg_error(&text, id, room, code, message));
}

void client_answer_left(struct client *client, struct slice room, const char *reason)
{
    struct buf text;

    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, client_msg_left(&text, room, reason));
}

void client_answer_removed(struct client *client, struct slice room)
{
    if (client->encoding == ENCODING_WS_V2)
        client_answer_left(client, room, "removed");
}

void client_answer_joined(struct client *client, struct slice room)
{
    struct buf text;

    if (client->encoding != ENCODING_WS_V2)
        return;
    buf_init(&text, MAX_ANSWER);
    send_text(client, &text, client_msg_joined(&text, room));
}
