/* SPDX-License-Identifier: Apache-2.0 */
/* A text, a frame, and it is sent or queued. */
#include "gateway/bucket/client_answer.h"

#include "gateway/websocket/client_msg.h"

enum { MAX_ANSWER = 8192 }; /* bytes; an id or a room, escaped, and a sentence */

static void send_text(struct client *client, struct buf *text, enum status status)
{
    client_send_control(client, status == STATUS_OK ? frame_new_text(slice_of(text->data, text->len)) : NULL);
    buf_fini(text);
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
