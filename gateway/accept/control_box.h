/* SPDX-License-Identifier: Apache-2.0 */
/* What the buckets tell the control thread: one mailbox, taken in a turn of the loop, and a handler for each
 * kind of mail. The control thread, but for the mailbox itself, into which buckets post (control_post). No
 * bound of its own: each kind says what bounds it (gateway/bucket/ticket.h). */
#ifndef FANFARE_GATEWAY_ACCEPT_CONTROL_BOX_H
#define FANFARE_GATEWAY_ACCEPT_CONTROL_BOX_H

#include <event2/event.h>

#include "gateway/bucket/bucket.h"
#include "shared/base/mailbox.h"
#include "shared/base/status.h"

struct control_box;

/* The mail is the handler's. */
typedef void control_handler(void *arg, struct control_mail *mail);

/* STATUS_NO_MEMORY: no memory, or no descriptor. */
enum status control_box_new(struct event_base *base, struct control_box **out);
/* For bucket_conf. Valid until control_box_free. */
struct mailbox *control_box_mailbox(struct control_box *box);
/* Mail of `kind` goes there from now on; before the first of it can come. */
void control_box_route(struct control_box *box, enum control_mail_kind kind, control_handler *handler,
                       void *arg);
/* Takes what is there, without waiting for the loop's turn. */
void control_box_take(struct control_box *box);
/* After the buckets are gone, and once what they told has been taken. Legal on NULL. */
void control_box_free(struct control_box *box);

#endif
