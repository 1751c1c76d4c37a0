/* SPDX-License-Identifier: Apache-2.0 */
/* Which rooms a client is in. Its memberships and the rooms' member arrays point at each other by
 * index; this file keeps both sides right. The bucket's thread only. */
#include <stdlib.h>

#include "gateway/bucket/bucket_state.h"
#include "gateway/bucket/client.h"
#include "gateway/bucket/client_auth.h"
#include "gateway/bucket/room_scan.h"

void client_rooms_close_unused(struct bucket *bucket, struct room *room)
{
    if (!room_is_unused(room))
        return;
    for (struct job *job = rooms_close(&bucket->rooms, room), *next; job != NULL; job = next) {
        next = job->next;
        rounds_drop(&bucket->rounds, job);
    }
}

/* The place that it leaves in the list of its rooms is filled by its last room, the place in the room by the
 * room's last member: both note where they stand now. */
void client_leave_slot(struct client *client, uint32_t slot)
{
    struct membership left = client->rooms[slot];
    uint32_t last = --client->room_count;

    client_auth_drop_pass(client, left.room);
    if (slot != last) {
        client->rooms[slot] = client->rooms[last];
        client->rooms[slot].room->members[client->rooms[slot].index].slot = slot;
    }
    const struct room_member *moved = room_leave(left.room, left.index, client->encoding);
    if (moved != NULL)
        moved->client->rooms[moved->slot].index = left.index;
    room_scan_left(&client->bucket->scans, left.room, left.index);
    client_rooms_close_unused(client->bucket, left.room);
}

void client_leave_all(struct client *client)
{
    while (client->room_count > 0)
        client_leave_slot(client, client->room_count - 1);
}

static enum status make_slot(struct client *client)
{
    if (client->room_count < client->room_capacity)
        return STATUS_OK;
    uint32_t capacity = client->room_capacity == 0 ? 2 : client->room_capacity * 2;
    struct membership *rooms = realloc(client->rooms, capacity * sizeof *rooms);
    if (rooms == NULL)
        return STATUS_NO_MEMORY;
    client->rooms = rooms;
    client->room_capacity = capacity;
    return STATUS_OK;
}

int64_t client_slot_of(const struct client *client, struct slice name)
{
    for (uint32_t slot = 0; slot < client->room_count; slot++)
        if (slice_equal(client->rooms[slot].room->node.key, name))
            return slot;
    return -1;
}

/* Whether one more of that kind would be too many: of its own choice than maxJoinRoom, by commands than
 * CLIENT_COMMAND_ROOMS. */
static bool is_full(const struct client *client, enum membership_kind kind)
{
    bool commanded = kind == MEMBER_BY_COMMAND;
    uint32_t count = 0;

    if (kind == MEMBER_FIXED)
        return false;
    for (uint32_t slot = 0; slot < client->room_count; slot++)
        count += commanded ? client->rooms[slot].kind == MEMBER_BY_COMMAND
                           : client->rooms[slot].kind < MEMBER_BY_COMMAND;
    return count >= (commanded ? CLIENT_COMMAND_ROOMS : client->bucket->limits.max_rooms);
}

enum status client_join(struct client *client, struct slice name, enum membership_kind kind)
{
    struct membership *membership;
    int64_t slot = client_slot_of(client, name);

    if (slot >= 0) {
        if (client->rooms[slot].kind < kind && kind == MEMBER_BY_COMMAND && is_full(client, kind))
            return STATUS_FULL;
        if (client->rooms[slot].kind < kind)
            client->rooms[slot].kind = (uint8_t)kind;
        return STATUS_OK;
    }
    if (is_full(client, kind))
        return STATUS_FULL;
    if (make_slot(client) != STATUS_OK)
        return STATUS_NO_MEMORY;
    membership = &client->rooms[client->room_count];
    enum status status = room_join(&client->bucket->rooms, name, client, client->encoding, client->room_count,
                                   &membership->room, &membership->index);
    if (status != STATUS_OK)
        return status;
    membership->kind = (uint8_t)kind;
    membership->kicks = membership->room->kicks;
    client->room_count++;
    return STATUS_OK;
}

bool client_leave(struct client *client, struct slice name)
{
    int64_t slot = client_slot_of(client, name);

    if (slot < 0)
        return true;
    if (client->rooms[slot].kind >= MEMBER_BY_COMMAND)
        return false;
    client_leave_slot(client, (uint32_t)slot);
    return true;
}
