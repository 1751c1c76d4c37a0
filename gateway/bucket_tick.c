/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to clients: handshakes that take too long, silence, closes that the peer does
 * not answer, and the drain. Each list is sorted by since_ms, so only its head is looked at. */
#include "gateway/bucket_state.h"
#include "gateway/gateway_metrics.h"
#include "shared/clock.h"

static void move_to(struct list *list, struct client *client, int64_t now)
{
    list_remove(&client->link);
    client->since_ms = now;
    list_add_tail(list, &client->link);
}

void bucket_heard(struct client *client)
{
    move_to(&client->bucket->quiet, client, clock_now_ms());
}

/* The first client of the list that has stood there for `age_ms`, or NULL. */
static struct client *due(const struct list *list, int64_t age_ms, int64_t now)
{
    struct list *node = list_first(list);

    if (node == NULL)
        return NULL;
    struct client *client = container_of(node, struct client, link);
    return now - client->since_ms >= age_ms ? client : NULL;
}

static void expire_handshakes(struct bucket *bucket, int64_t now)
{
    struct client *client;

    while ((client = due(&bucket->handshaking, bucket->conf->handshake_ms, now)) != NULL) {
        metrics_add(M_REFUSED_TIMEOUT, 1);
        client_kill(client);
    }
}

static void ping_quiet(struct bucket *bucket, int64_t now)
{
    struct client *client;

    while ((client = due(&bucket->quiet, bucket->conf->heartbeat_ms / 2, now)) != NULL) {
        move_to(&bucket->pinged, client, now);
        client_send_control(client, frame_ref(bucket->ping));
    }
}

static void close_silent(struct bucket *bucket, int64_t now)
{
    struct client *client;
    int64_t half = bucket->conf->heartbeat_ms - bucket->conf->heartbeat_ms / 2;

    while ((client = due(&bucket->pinged, half, now)) != NULL)
        client_close(client, CLOSE_heartbeat_timeout);
}

static void expire_closing(struct bucket *bucket, int64_t now)
{
    struct client *client;

    while ((client = due(&bucket->closing, CLOSING_MS, now)) != NULL)
        client_kill(client);
}

void bucket_drain_begin(struct bucket *bucket, int64_t duration_ms)
{
    const struct room *everyone = bucket_everyone(bucket);

    bucket->draining = true;
    bucket->drain_start_ms = clock_now_ms();
    bucket->drain_ms = duration_ms;
    bucket->drain_total = everyone != NULL ? everyone->count : 0;
    bucket->drain_closed = 0;
}

static uint32_t drain_due(const struct bucket *bucket, int64_t now)
{
    int64_t elapsed = now - bucket->drain_start_ms;

    if (elapsed >= bucket->drain_ms)
        return UINT32_MAX;
    return (uint32_t)((int64_t)bucket->drain_total * elapsed / bucket->drain_ms) + 1;
}

static void close_until(struct bucket *bucket, uint32_t until)
{
    const struct room *everyone;

    while (bucket->drain_closed < until && (everyone = bucket_everyone(bucket)) != NULL) {
        client_close(everyone->members[everyone->count - 1].client, CLOSE_going_away);
        bucket->drain_closed++;
    }
}

/* Closes as many clients as are due by now, once no job is left that they are owed. */
static void drain_some(struct bucket *bucket, int64_t now)
{
    if (list_empty(&bucket->run))
        close_until(bucket, drain_due(bucket, now));
}

void bucket_drain_rest(struct bucket *bucket)
{
    close_until(bucket, UINT32_MAX);
}

void bucket_tick(struct bucket *bucket)
{
    int64_t now = clock_now_ms();

    expire_handshakes(bucket, now);
    close_silent(bucket, now);
    ping_quiet(bucket, now);
    expire_closing(bucket, now);
    if (bucket->draining)
        drain_some(bucket, now);
    /* Rooms that died with their last client dropped their jobs; the control thread may be waiting
     * for the count to fall. */
    bucket_fanout_free_done(bucket);
}
