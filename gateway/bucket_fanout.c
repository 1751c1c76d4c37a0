/* SPDX-License-Identifier: Apache-2.0 */
/* The fan-out. Jobs of one room are FIFO; rooms with jobs take turns, a slice at a time. Visits
 * are gathered first and written together, and only then may clients be closed, so that no
 * room changes while it is walked. */
#include <errno.h>
#include <stdlib.h>

#include "gateway/bucket_state.h"
#include "gateway/gateway_metrics.h"
#include "shared/clock.h"

static void retire(struct bucket *bucket, struct job *job)
{
    job->next = bucket->done;
    bucket->done = job;
}

void bucket_fanout_drop(void *arg, struct job *job)
{
    job->begun_us = 0;
    retire(arg, job);
}

/* What nobody was left for took no time; the canary's have no time of arrival. */
static void observe(const struct job *job, int64_t now_us)
{
    if (job->begun_us == 0 || job->delivery->came_us == 0)
        return;
    metrics_observe(M_FANOUT, now_us - job->begun_us);
    metrics_observe(M_PUSH_TO_SOCKET, now_us - job->delivery->came_us);
}

void bucket_fanout_free_done(struct bucket *bucket)
{
    size_t count = 0;

    while (bucket->done != NULL) {
        struct job *job = bucket->done;

        bucket->done = job->next;
        observe(job, bucket->now_us);
        delivery_unref(job->delivery);
        free(job);
        count++;
    }
    if (count > 0) {
        atomic_fetch_sub(&bucket->jobs, count);
        metrics_sub(M_JOBS_PENDING, count);
    }
}

void bucket_fanout_add(struct bucket *bucket, struct job *job)
{
    struct room *room = rooms_find(&bucket->rooms, job->delivery->key, job->delivery->hash);

    job->next = NULL;
    if (room == NULL) {
        bucket_fanout_drop(bucket, job);
        return;
    }
    if (room->last != NULL)
        room->last->next = job;
    else
        room->first = job;
    room->last = job;
    if (list_empty(&room->run))
        list_add_tail(&bucket->run, &room->run);
}

/* Whether the frame may go straight to the socket: nothing of this client waits before it. */
static bool direct(const struct client *client)
{
    return !client->tls && client->outbox.head == NULL;
}

static void after_write(struct client *client, struct frame *frame, const struct wire_op *op,
                        size_t *delivered, size_t *bytes)
{
    if (op->result == (int32_t)op->len) {
        (*delivered)++;
        *bytes += op->len;
    } else if (op->result >= 0 || op->result == -EAGAIN || op->result == -ENOBUFS || op->result == -ENOMEM) {
        client_queue_push(client, frame, op->result > 0 ? (uint32_t)op->result : 0);
    } else {
        metrics_add(M_FRAMES_DROPPED_GONE, 1);
        client_lost(client);
    }
}

/* Moves the visits that may be written directly to the front and serves the others at once. */
static size_t partition(struct bucket *bucket)
{
    size_t count = 0;

    for (size_t i = 0; i < bucket->slice_count; i++) {
        struct gathered entry = bucket->slice[i];

        entry.client->gathered = false;
        if (direct(entry.client)) {
            bucket->ops[count] = (struct wire_op){entry.client->fd, entry.frame->len, entry.frame->bytes, 0};
            bucket->slice[count++] = entry;
        } else {
            client_send_push(entry.client, entry.frame);
        }
    }
    return count;
}

static void flush(struct bucket *bucket)
{
    size_t delivered = 0;
    size_t bytes = 0;

    metrics_add(M_FRAMES_ADDRESSED, bucket->slice_count);
    size_t count = partition(bucket);
    if (count > 0)
        wire_write(bucket->wire, bucket->ops, count);
    for (size_t i = 0; i < count; i++)
        after_write(bucket->slice[i].client, bucket->slice[i].frame, &bucket->ops[i], &delivered, &bytes);
    metrics_add(M_FRAMES_DELIVERED, delivered);
    metrics_add(M_BYTES_DELIVERED, bytes);
    bucket->slice_count = 0;
    bucket->now_us = clock_now_us();
    bucket_fanout_free_done(bucket);
}

static void gather(struct bucket *bucket, struct client *client, const struct delivery *delivery)
{
    struct frame *frame = delivery->frames[client->version];

    if (frame == NULL || client->phase != CLIENT_OPEN)
        return;
    client->gathered = true;
    bucket->slice[bucket->slice_count++] = (struct gathered){client, frame};
}

/* The first job is through: the room goes to the end of the queue, or out of it. */
static void finish_job(struct bucket *bucket, struct room *room)
{
    struct job *job = room->first;

    room->first = job->next;
    if (room->first == NULL)
        room->last = NULL;
    room->visiting = false;
    retire(bucket, job);
    list_remove(&room->run);
    if (room->first != NULL)
        list_add_tail(&bucket->run, &room->run);
}

/* Visits members of the first room's first job until the slice is full or the job is done.
 * Returns the visits. */
static size_t visit_some(struct bucket *bucket, struct room *room)
{
    size_t visits = 0;

    if (room->first->begun_us == 0)
        room->first->begun_us = bucket->now_us;
    while (bucket->slice_count < SLICE) {
        struct client *client = room_visit(room);

        if (client == NULL) {
            finish_job(bucket, room);
            return visits;
        }
        visits++;
        gather(bucket, client, room->first->delivery);
    }
    return visits;
}

/* Whoever got a job while a large room's slice was written has its turn before that room's next slice. */
static void let_others_go_first(struct bucket *bucket)
{
    struct room *room = container_of(bucket->run.next, struct room, run);

    if (list_empty(&bucket->run) || !room->visiting)
        return;
    list_remove(&room->run);
    list_add_tail(&bucket->run, &room->run);
}

/* A client that already stands in the slice must not stand there twice: two writes to one
 * socket in one submission have no order when the first finds it full. */
static bool next_would_collide(const struct room *room)
{
    for (uint32_t i = 0; i < room->count; i++)
        if (room->members[i].client->gathered)
            return true;
    return false;
}

bool bucket_fanout_run(struct bucket *bucket)
{
    size_t visits = 0;

    bucket->now_us = clock_now_us();
    let_others_go_first(bucket);
    while (!list_empty(&bucket->run) && visits < ROUND_VISITS) {
        struct room *room = container_of(bucket->run.next, struct room, run);

        if (bucket->slice_count > 0 && (room->count > SLICE || next_would_collide(room)))
            flush(bucket);
        else {
            visits += 1 + visit_some(bucket, room);
            if (bucket->slice_count == SLICE)
                flush(bucket);
        }
    }
    if (bucket->slice_count > 0)
        flush(bucket);
    bucket_fanout_free_done(bucket);
    return !list_empty(&bucket->run);
}
