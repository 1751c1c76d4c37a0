/* SPDX-License-Identifier: Apache-2.0 */
/* A client that dies while it waits leaves its group by itself (its link), so a group may be empty; it goes
 * when its turn comes. */
#include "gateway/bucket/kick_list.h"

#include <stdlib.h>

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client_lists.h"
#include "shared/base/clock.h"

struct kick_group {
    struct list link;
    struct list clients;
    struct frame *close; /* a reference */
};

void kick_list_init(struct kick_list *kicks)
{
    list_init(&kicks->groups);
}

static void group_free(struct kick_group *group)
{
    list_remove(&group->link);
    frame_unref(group->close);
    free(group);
}

void kick_list_fini(struct kick_list *kicks)
{
    while (!list_empty(&kicks->groups))
        group_free(container_of(kicks->groups.next, struct kick_group, link));
}

/* The last group if it is of that kick, else a new one. */
static struct kick_group *group_of(struct kick_list *kicks, struct frame *close)
{
    struct kick_group *group = NULL;

    if (!list_empty(&kicks->groups))
        group = container_of(kicks->groups.prev, struct kick_group, link);
    if (group != NULL && group->close == close)
        return group;
    group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->close = frame_ref(close);
    list_init(&group->clients);
    list_add_tail(&kicks->groups, &group->link);
    return group;
}

void kick_list_add(struct kick_list *kicks, struct client *client, uint16_t code, struct frame *close)
{
    struct kick_group *group = group_of(kicks, close);

    client_kick(client, code);
    if (group == NULL)
        client_close_kicked(client, close);
    else
        client_move_to(&group->clients, client, clock_now_ms());
}

bool kick_list_close_some(struct kick_list *kicks, size_t most)
{
    struct list *node;

    while (!list_empty(&kicks->groups)) {
        struct kick_group *group = container_of(kicks->groups.next, struct kick_group, link);

        while ((node = list_first(&group->clients)) != NULL && most > 0) {
            client_close_kicked(container_of(node, struct client, link), group->close);
            most--;
        }
        if (node != NULL)
            return true;
        group_free(group);
    }
    return false;
}
