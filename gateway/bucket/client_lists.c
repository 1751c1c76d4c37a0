/* SPDX-License-Identifier: Apache-2.0 */
/* Which clients have been in their phase for how long, without a timer for each. */
#include "gateway/bucket/client_lists.h"

#include <sys/socket.h>

#include "gateway/bucket/bucket_state.h"
#include "shared/base/clock.h"

enum { SLOW_MS = 1000, LOOKS = 64 /* at the oldest of a list */ };

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

/* Nothing came of its request, nor waits in its socket. */
static bool is_silent(const struct client *client)
{
    char byte;

    return !http_request_begun(client->request) && recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static struct client *find_silent(const struct list *list, int64_t now_ms, bool speechless)
{
    int looks = 0;

    for (struct list *node = list->next; node != list && looks < LOOKS; node = node->next, looks++) {
        struct client *client = container_of(node, struct client, link);
        bool fits = speechless ? is_silent(client) : now_ms - client->since_ms >= SLOW_MS;

        if (fits && !client->ticket->canary && client->ticket->refusal == REFUSAL_NONE)
            return client;
    }
    return NULL;
}

struct client *client_silent(const struct bucket *bucket, int64_t now_ms)
{
    struct client *client = find_silent(&bucket->handshaking, now_ms, true);

    if (client == NULL)
        client = find_silent(&bucket->securing, now_ms, false);
    return client != NULL ? client : find_silent(&bucket->handshaking, now_ms, false);
}
