/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of one room are FIFO; rooms with jobs stand in a run queue and take turns. Visits are gathered first
 * and written together, and only then may clients be closed, so that no room changes while it is walked.
 * Small rooms share a slice; a room larger than a slice has its slices for itself. A command takes members
 * out or in while it works, so what is gathered is written before. */
#include "gateway/bucket/rounds.h"

#include <errno.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/contract/audience.h"

void rounds_init(struct rounds *rounds, const struct rounds_edge *edge)
{
    rounds->edge = edge;
    list_init(&rounds->run);
    rounds->count = 0;
    rounds->own_count = 0;
    rounds->done = NULL;
    rounds->now_us = 0;
}

static void retire(struct rounds *rounds, struct job *job)
{
    job->next = rounds->done;
    rounds->done = job;
}

void rounds_drop(struct rounds *rounds, struct job *job)
{
    job->begun_us = 0;
    retire(rounds, job);
}

/* What nobody was left for took no time; the canary's have no time of arrival. */
static void observe(const struct job *job, int64_t now_us)
{
    if (job->begun_us == 0 || job->delivery->came_us == 0)
        return;
    metrics_observe(M_FANOUT, now_us - job->begun_us);
    metrics_observe(M_PUSH_TO_SOCKET, now_us - job->delivery->came_us);
}

void rounds_reap(struct rounds *rounds)
{
    size_t count = 0;

    while (rounds->done != NULL) {
        struct job *job = rounds->done;

        rounds->done = job->next;
        observe(job, rounds->now_us);
        delivery_unref(job->delivery);
        free(job);
        count++;
    }
    if (count > 0)
        rounds->edge->finished(rounds->edge->arg, count);
}

static void add_command(struct room *room, struct job *job)
{
    room->pins++;
    job->cursor = UINT32_MAX;
    if (job->delivery->command->kind == COMMAND_KICK)
        job->number = ++room->kicks;
}

void rounds_add(struct rounds *rounds, struct room *room, struct job *job)
{
    job->next = NULL;
    if (room == NULL) {
        rounds_drop(rounds, job);
        return;
    }
    if (job->delivery->command != NULL)
        add_command(room, job);
    if (room->last != NULL)
        room->last->next = job;
    else
        room->first = job;
    room->last = job;
    if (list_empty(&room->run))
        list_add_tail(&rounds->run, &room->run);
}

/* Whether the frame may go straight to the socket: nothing of this client waits before it. */
static bool direct(const struct client *client)
{
    return !client->tls && client->outbox.head == NULL;
}

static void after_write(struct rounds *rounds, const struct rounds_visit *visit, const struct wire_op *op,
                        size_t *delivered, size_t *bytes)
{
    if (op->result == (int32_t)op->len) {
        (*delivered)++;
        *bytes += op->len;
    } else if (op->result >= 0 || op->result == -EAGAIN || op->result == -ENOBUFS || op->result == -ENOMEM) {
        rounds->edge->queue(visit->client, visit->frame, op->result > 0 ? (uint32_t)op->result : 0);
    } else {
        metrics_add(M_FRAMES_DROPPED_GONE, 1);
        rounds->edge->lost(visit->client);
    }
}

/* Moves the visits that may be written directly to the front and serves the others at once. */
static size_t partition(struct rounds *rounds)
{
    size_t count = 0;

    for (size_t i = 0; i < rounds->count; i++) {
        struct rounds_visit visit = rounds->slice[i];

        visit.client->gathered = false;
        if (direct(visit.client)) {
            rounds->ops[count] = (struct wire_op){visit.client->fd, visit.frame->len, visit.frame->bytes, 0};
            rounds->slice[count++] = visit;
        } else {
            rounds->edge->send(visit.client, visit.frame);
        }
    }
    return count;
}

static void flush(struct rounds *rounds)
{
    size_t delivered = 0;
    size_t bytes = 0;

    metrics_add(M_FRAMES_ADDRESSED, rounds->count);
    size_t count = partition(rounds);
    if (count > 0)
        rounds->edge->write(rounds->edge->arg, rounds->ops, count);
    for (size_t i = 0; i < count; i++)
        after_write(rounds, &rounds->slice[i], &rounds->ops[i], &delivered, &bytes);
    metrics_add(M_FRAMES_DELIVERED, delivered);
    metrics_add(M_BYTES_DELIVERED, bytes);
    rounds->count = 0;
    while (rounds->own_count > 0)
        frame_unref(rounds->own[--rounds->own_count]);
    rounds->now_us = rounds->edge->now_us(rounds->edge->arg);
    rounds_reap(rounds);
}

/* Where the client's user stands among the exclusions. A client has a user by its membership in the user's
 * room, whose hash is there. */
static int32_t excluded_user(const struct client *client, const struct exclusions *exclusions)
{
    for (uint32_t slot = 0; slot < client->room_count; slot++) {
        const struct hashmap_node *node = &client->rooms[slot].room->node;

        if (audience_of(node->key) == AUDIENCE_USER)
            return exclusions_find_user(exclusions, node->key, node->hash);
    }
    return EXCLUSION_NONE;
}

/* The frame for a client of a delivery that excludes somebody: everyone's, one of its own, which the slice
 * keeps and which must be gathered then, or NULL when nothing is left. Without memory the client misses what
 * others get, and it is counted.
 */
static struct frame *frame_for(struct rounds *rounds, const struct client *client,
                               const struct delivery *delivery)
{
    const struct exclusions *exclusions = delivery->exclusions;
    int32_t user = excluded_user(client, exclusions);
    int32_t connection = (int32_t)client->excluded - 1;
    enum encoding encoding = (enum encoding)client->encoding;
    struct frame *own;

    if (user == EXCLUSION_NONE && connection == EXCLUSION_NONE)
        return delivery->frames[encoding];
    if (exclusions_frame(exclusions, encoding, delivery->key, user, connection, &own) != STATUS_OK) {
        metrics_add(M_FRAMES_ADDRESSED, 1);
        metrics_add(M_FRAMES_DROPPED_MEMORY, 1);
    }
    if (own != NULL) {
        own->expires_us = delivery->expires_us;
        rounds->own[rounds->own_count++] = own;
    }
    return own;
}

static bool is_late(const struct rounds *rounds, const struct delivery *delivery)
{
    return delivery->expires_us != 0 && rounds->now_us >= delivery->expires_us;
}

static void drop_late(size_t frames)
{
    metrics_add(M_FRAMES_ADDRESSED, frames);
    metrics_add(M_FRAMES_DROPPED_EXPIRED, frames);
}

static void gather(struct rounds *rounds, struct client *client, const struct delivery *delivery)
{
    struct frame *frame = delivery->frames[client->encoding];

    if (frame == NULL || client->phase != CLIENT_OPEN)
        return;
    if (is_late(rounds, delivery)) {
        drop_late(1);
        return;
    }
    if (delivery->exclusions != NULL && (frame = frame_for(rounds, client, delivery)) == NULL)
        return;
    client->gathered = true;
    rounds->slice[rounds->count++] = (struct rounds_visit){client, frame};
}

/* Connections that the delivery excludes bear a mark while its room is walked: they may have gone by the next
 * slice, and another job may exclude them too. */
static void mark_excluded(const struct rounds *rounds, const struct delivery *delivery, bool mark)
{
    int32_t place = EXCLUSION_NONE;
    struct slice id;

    if (delivery->exclusions == NULL)
        return;
    while ((place = exclusions_next_connection(delivery->exclusions, place, &id)) != EXCLUSION_NONE) {
        struct client *client = rounds->edge->connection(rounds->edge->arg, id);

        if (client != NULL)
            client->excluded = mark ? (uint16_t)(place + 1) : 0;
    }
}

/* The first job is through: the room goes to the end of the queue, or out of it. */
static void finish_job(struct rounds *rounds, struct room *room)
{
    struct job *job = room->first;

    room->first = job->next;
    if (room->first == NULL)
        room->last = NULL;
    room->visiting = false;
    retire(rounds, job);
    list_remove(&room->run);
    if (room->first != NULL)
        list_add_tail(&rounds->run, &room->run);
}

/* Visits members of the first room's first job until the slice is full or the job is done, and no more than
 * fill a slice: not every visit has a frame. Returns the visits. */
static size_t visit_some(struct rounds *rounds, struct room *room)
{
    const struct delivery *delivery = room->first->delivery;
    size_t visits = 0;
    bool done = false;

    if (room->first->begun_us == 0)
        room->first->begun_us = rounds->now_us;
    mark_excluded(rounds, delivery, true);
    while (!done && rounds->count < ROUNDS_SLICE && visits < ROUNDS_SLICE) {
        struct client *client = room_visit(room);

        done = client == NULL;
        if (!done) {
            visits++;
            gather(rounds, client, delivery);
        }
    }
    mark_excluded(rounds, delivery, false);
    if (done)
        finish_job(rounds, room);
    return visits;
}

/* A backlog of jobs that are all late costs a step each, not a walk. */
static bool drop_late_job(struct rounds *rounds, struct room *room)
{
    if (room->visiting || !is_late(rounds, room->first->delivery))
        return false;
    drop_late(room->count);
    finish_job(rounds, room);
    return true;
}

static void go_to_the_end(struct rounds *rounds, struct room *room)
{
    list_remove(&room->run);
    list_add_tail(&rounds->run, &room->run);
}

static bool is_command(const struct room *room)
{
    return room->first->delivery->command != NULL;
}

/* Nothing is gathered. What is left of the command waits for the other rooms' turn. */
static size_t command_some(struct rounds *rounds, struct room *room, size_t most)
{
    bool through;
    size_t visits = rounds->edge->command(rounds->edge->arg, room, room->first, most, &through);

    if (!through) {
        go_to_the_end(rounds, room);
        return visits;
    }
    finish_job(rounds, room);
    room->pins--;
    if (room_is_unused(room))
        rounds->edge->unused(rounds->edge->arg, room);
    return visits;
}

static struct room *first_room(const struct rounds *rounds)
{
    return container_of(rounds->run.next, struct room, run);
}

/* Whoever got a job while a large room's slice was written has its turn before that room's next slice. */
static void let_others_go_first(struct rounds *rounds)
{
    if (list_empty(&rounds->run) || !first_room(rounds)->visiting)
        return;
    go_to_the_end(rounds, first_room(rounds));
}

/* Whether a member already stands in the slice. */
static bool would_collide(const struct room *room)
{
    for (uint32_t i = 0; i < room->count; i++)
        if (room->members[i].client->gathered)
            return true;
    return false;
}

/* Whether the room's visits must not join those of the slice so far. */
static bool needs_own_slice(const struct rounds *rounds, const struct room *room)
{
    return rounds->count > 0 && (is_command(room) || room->count > ROUNDS_SLICE || would_collide(room));
}

bool rounds_run(struct rounds *rounds)
{
    size_t visits = 0;

    rounds->now_us = rounds->edge->now_us(rounds->edge->arg);
    let_others_go_first(rounds);
    while (!list_empty(&rounds->run) && visits < ROUNDS_SLICE) {
        if (drop_late_job(rounds, first_room(rounds))) {
            visits++;
            continue;
        }
        if (needs_own_slice(rounds, first_room(rounds))) {
            flush(rounds);
            continue;
        }
        if (is_command(first_room(rounds))) {
            visits += 1 + command_some(rounds, first_room(rounds), ROUNDS_SLICE - visits);
            continue;
        }
        visits += 1 + visit_some(rounds, first_room(rounds));
        if (rounds->count == ROUNDS_SLICE)
            flush(rounds);
    }
    if (rounds->count > 0)
        flush(rounds);
    rounds_reap(rounds);
    return !list_empty(&rounds->run);
}

bool rounds_owe(const struct client *client)
{
    for (uint32_t i = 0; i < client->room_count; i++)
        if (room_owes(client->rooms[i].room, client->rooms[i].index))
            return true;
    return false;
}
