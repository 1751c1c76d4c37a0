/* SPDX-License-Identifier: Apache-2.0 */
/* Members are walked downwards from the last. Who leaves meanwhile is replaced by the last member, whom the
 * walk has seen; who joins meanwhile stands above it and is not seen: he was not there when the command came.
 * A kick looks at each member's note as well, since one may have joined while the kick waited in the queue.
 * The walk goes over the key's room for a kick, and over the user's for a join or leave. Answers may close
 * their client, so a room that is walked is pinned. */
#include "gateway/bucket/bucket_command.h"

#include "gateway/bucket/client_answer.h"
#include "gateway/bucket/rights.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/contract/audience.h"

static struct room *room_of_user(const struct bucket *bucket, const struct key_command *command)
{
    return rooms_find(&bucket->rooms, command->user, hashmap_hash(command->user));
}

/* A join needs its room to stand in line there, also when nobody is in yet. */
static void take_join(struct bucket *bucket, struct job *job)
{
    const struct delivery *delivery = job->delivery;
    struct room *room = NULL;

    if (room_of_user(bucket, delivery->command) != NULL) {
        room = rooms_open(&bucket->rooms, delivery->key, delivery->hash);
        if (room == NULL)
            metrics_add(M_COMMANDS_DROPPED_MEMORY, 1);
    }
    rounds_add(&bucket->rounds, room, job);
}

/* Nothing is pushed to a connection, so there is no line to wait in. */
static void kick_one(struct bucket *bucket, const struct key_command *command)
{
    struct client *client =
        connection_table_find(bucket->conf->connections, bucket->index, &command->connection);

    if (client != NULL)
        kick_list_add(&bucket->kicks, client, command->code, command->close);
}

void bucket_command_take(struct bucket *bucket, struct job *job)
{
    const struct delivery *delivery = job->delivery;

    if (audience_of(delivery->key) == AUDIENCE_CONNECTION) {
        kick_one(bucket, delivery->command);
        rounds_drop(&bucket->rounds, job);
    } else if (delivery->command->kind == COMMAND_JOIN)
        take_join(bucket, job);
    else
        rounds_add(&bucket->rounds, rooms_find(&bucket->rooms, delivery->key, delivery->hash), job);
}

/* The next member of the walk, or NULL at its end. */
static const struct room_member *next_member(const struct room *room, struct job *job)
{
    if (job->cursor > room->count)
        job->cursor = room->count;
    return job->cursor > 0 ? &room->members[--job->cursor] : NULL;
}

/* The counter may have gone round, but the notes are young: every kick takes out all older members. */
static bool came_later(const struct room_member *member, const struct job *job)
{
    return (int16_t)(uint16_t)(member->client->rooms[member->slot].kicks - job->number) >= 0;
}

static size_t kick_some(struct bucket *bucket, const struct room *room, struct job *job, size_t most,
                        bool *through)
{
    const struct key_command *command = job->delivery->command;
    const struct room_member *member;
    size_t visits = 0;

    *through = false;
    while (visits < most && !*through) {
        member = next_member(room, job);
        *through = member == NULL;
        visits += !*through;
        if (!*through && !came_later(member, job))
            kick_list_add(&bucket->kicks, member->client, command->code, command->close);
    }
    return visits;
}

/* `room` is the one to join or leave; its key lives as long as it. */
static size_t move_some(struct bucket *bucket, const struct room *room, struct job *job, size_t most,
                        bool *through)
{
    const struct key_command *command = job->delivery->command;
    struct room *users = room_of_user(bucket, command);
    const struct room_member *member;
    size_t visits = 0;

    *through = users == NULL;
    if (users == NULL)
        return 0;
    users->pins++;
    while (visits < most && !*through) {
        member = next_member(users, job);
        *through = member == NULL;
        visits += !*through;
        if (!*through && command->kind == COMMAND_JOIN)
            rights_join_by_command(member->client, room->node.key);
        else if (!*through)
            rights_leave_by_command(member->client, room->node.key);
    }
    users->pins--;
    client_rooms_close_unused(bucket, users);
    return visits;
}

size_t bucket_command_some(void *arg, struct room *room, struct job *job, size_t most, bool *through)
{
    struct bucket *bucket = arg;

    if (job->delivery->command->kind == COMMAND_KICK)
        return kick_some(bucket, room, job, most, through);
    return move_some(bucket, room, job, most, through);
}
