/* SPDX-License-Identifier: Apache-2.0 */
/* Which clients have been in their phase for how long, without a timer for each. */
#include "gateway/client_lists.h"

#include "gateway/bucket_state.h"
#include "shared/clock.h"

void client_move_to(struct list *list, struct client *client, int64_t now_ms)
{
    list_remove(&client->link);
    client->since_ms = now_ms;
    list_add_tail(list, &client->link);
}

void client_heard(struct client *client)
{
    client_move_to(&client->bucket->quiet, client, clock_now_ms());
}

void client_secured(struct client *client)
{
    client_move_to(&client->bucket->handshaking, client, clock_now_ms());
}

struct client *client_due(const struct list *list, int64_t age_ms, int64_t now_ms)
{
    struct list *node = list_first(list);

    if (node == NULL)
        return NULL;
    struct client *client = container_of(node, struct client, link);
    return now_ms - client->since_ms >= age_ms ? client : NULL;
}
