/* SPDX-License-Identifier: Apache-2.0 */
/* Kicked clients that have yet to be closed. A kick takes its clients out of all rooms at once, but a close
 * costs a write and the end of a socket, so a bucket closes a few between the rounds of the fan-out, and no
 * more than 4,000 a second, in the order in which they were kicked. Bounded by the clients; counted by
 * fanfare_gateway_kicks_waiting. The bucket's thread only. */
#ifndef FANFARE_GATEWAY_BUCKET_KICK_LIST_H
#define FANFARE_GATEWAY_BUCKET_KICK_LIST_H

#include "gateway/bucket/client.h"

struct kick_list {
    struct list groups; /* those of one kick, with its close frame */
};

void kick_list_init(struct kick_list *kicks);
/* Nobody may be left. */
void kick_list_fini(struct kick_list *kicks);
/* Kicks the open client: client_kick, and its close waits here. `close` says `code`; takes no reference. For
 * want of memory the client is closed at once. */
void kick_list_add(struct kick_list *kicks, struct client *client, uint16_t code, struct frame *close);
/* Closes at most `most`; whether some are left. */
bool kick_list_close_some(struct kick_list *kicks, size_t most);

#endif
