/* SPDX-License-Identifier: Apache-2.0 */
/* What an open client is told: ACK, ERROR, LEFT (docs/protocol.md, section 2). For want of memory the
 * connection ends with 1011. The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_CLIENT_ANSWER_H
#define FANFARE_GATEWAY_BUCKET_CLIENT_ANSWER_H

#include "gateway/bucket/client.h"

/* `id` with data NULL: nobody asked, nothing is said. */
void client_answer_ack(struct client *client, struct slice id);
/* `id` and `room` with data NULL do not stand in it. `code` is static, `message` a sentence. */
void client_answer_error(struct client *client, struct slice id, struct slice room, const char *code,
                         const char *message);
void client_answer_left(struct client *client, struct slice room, const char *reason);

#endif
