/* SPDX-License-Identifier: Apache-2.0 */
/* Members stand in a dense array. A job walks it downwards while members come and go: a leaver's
 * place is filled by the last one, which may carry an already visited member below the cursor;
 * its stamp tells. */
#include "gateway/bucket/room.h"

#include <stdlib.h>

#include "shared/contract/audience.h"

enum { FIRST_CAPACITY = 4 };

enum status rooms_init(struct rooms *rooms, struct directory *directory, unsigned bucket)
{
    rooms->directory = directory;
    rooms->bucket = bucket;
    return hashmap_init(&rooms->table);
}

void rooms_fini(struct rooms *rooms)
{
    hashmap_fini(&rooms->table);
}

struct room *rooms_find(const struct rooms *rooms, struct slice name, uint64_t hash)
{
    struct hashmap_node *node = hashmap_find(&rooms->table, name, hash);

    return node != NULL ? container_of(node, struct room, node) : NULL;
}

struct room *rooms_everyone(const struct rooms *rooms)
{
    struct slice key = audience_key(AUDIENCE_EVERYONE);

    return rooms_find(rooms, key, hashmap_hash(key));
}

static struct room *room_new(struct rooms *rooms, struct slice name, uint64_t hash)
{
    struct room *room = calloc(1, sizeof *room);

    if (room == NULL)
        return NULL;
    room->members = malloc(FIRST_CAPACITY * sizeof *room->members);
    room->entry = room->members != NULL ? directory_enter(rooms->directory, name, hash, rooms->bucket) : NULL;
    if (room->entry == NULL) {
        free(room->members);
        free(room);
        return NULL;
    }
    room->capacity = FIRST_CAPACITY;
    room->node.key = room->entry->node.key;
    room->node.hash = hash;
    list_init(&room->run);
    hashmap_add(&rooms->table, &room->node);
    return room;
}

struct room *rooms_open(struct rooms *rooms, struct slice name, uint64_t hash)
{
    struct room *room = rooms_find(rooms, name, hash);

    return room != NULL ? room : room_new(rooms, name, hash);
}

static void room_free(struct rooms *rooms, struct room *room)
{
    hashmap_remove(&rooms->table, &room->node);
    directory_exit(rooms->directory, room->entry, rooms->bucket);
    list_remove(&room->run);
    free(room->members);
    free(room);
}

static enum status make_place(struct room *room)
{
    if (room->count < room->capacity)
        return STATUS_OK;
    struct room_member *members = realloc(room->members, 2 * (size_t)room->capacity * sizeof *members);
    if (members == NULL)
        return STATUS_NO_MEMORY;
    room->members = members;
    room->capacity *= 2;
    return STATUS_OK;
}

enum status room_join(struct rooms *rooms, struct slice name, struct client *client, unsigned encoding,
                      uint32_t slot, struct room **out, uint32_t *index)
{
    uint64_t hash = hashmap_hash(name);
    struct room *room = rooms_find(rooms, name, hash);
    bool fresh = room == NULL;

    if (fresh)
        room = room_new(rooms, name, hash);
    if (room == NULL)
        return STATUS_NO_MEMORY;
    if (make_place(room) != STATUS_OK) {
        if (fresh)
            room_free(rooms, room);
        return STATUS_NO_MEMORY;
    }
    *index = room->count;
    room->members[room->count++] = (struct room_member){client, slot, room->job_stamp};
    atomic_fetch_add(&room->entry->members[encoding], 1);
    *out = room;
    return STATUS_OK;
}

/* Gives memory back when a crowd has left. */
static void shrink(struct room *room)
{
    uint32_t capacity = room->capacity / 2;

    if (capacity < FIRST_CAPACITY || room->count > capacity / 2)
        return;
    struct room_member *members = realloc(room->members, capacity * sizeof *members);
    if (members == NULL)
        return;
    room->members = members;
    room->capacity = capacity;
}

const struct room_member *room_leave(struct room *room, uint32_t index, unsigned encoding)
{
    atomic_fetch_sub(&room->entry->members[encoding], 1);
    room->members[index] = room->members[--room->count];
    shrink(room);
    return index < room->count ? &room->members[index] : NULL;
}

struct job *rooms_close(struct rooms *rooms, struct room *room)
{
    struct job *jobs = room->first;

    room_free(rooms, room);
    return jobs;
}

struct client *room_visit(struct room *room)
{
    if (!room->visiting) {
        room->visiting = true;
        room->job_stamp++;
        room->cursor = room->count;
    }
    if (room->cursor > room->count)
        room->cursor = room->count;
    while (room->cursor > 0) {
        struct room_member *member = &room->members[--room->cursor];

        if (member->stamp != room->job_stamp) {
            member->stamp = room->job_stamp;
            return member->client;
        }
    }
    return NULL;
}

bool room_owes(const struct room *room, uint32_t index)
{
    bool visited = room->visiting && room->members[index].stamp == room->job_stamp;

    return room->first != NULL && !(visited && room->first == room->last);
}
