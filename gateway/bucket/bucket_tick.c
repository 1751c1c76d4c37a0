/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to clients: handshakes that take too long, silence, closes that the peer does
 * not answer, and the drain. Each list is sorted by since_ms, so only its head is looked at. */
#include "gateway/bucket/bucket_auth.h"
#include "gateway/bucket/client_lists.h"
#include "gateway/bucket/opening.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/contract/close_codes.h"

enum { DRAIN_LOOKS = 4096 }; /* at clients that are owed something, in one tick */

static void expire_handshakes(struct bucket *bucket, int64_t now)
{
    struct client *client;

    while ((client = client_due(&bucket->securing, bucket->limits.tls_ms, now)) != NULL) {
        metrics_add(M_REFUSED_TIMEOUT, 1);
        client_kill(client);
    }
    while ((client = client_due(&bucket->handshaking, bucket->limits.handshake_ms, now)) != NULL)
        opening_time_out(client);
}

static void ping_quiet(struct bucket *bucket, int64_t now)
{
    struct client *client;

    while ((client = client_due(&bucket->quiet, bucket->limits.heartbeat_ms / 2, now)) != NULL) {
        client_move_to(&bucket->pinged, client, now);
        client_send_control(client, frame_ref(bucket->ping));
    }
}

static void close_silent(struct bucket *bucket, int64_t now)
{
    struct client *client;
    int64_t half = bucket->limits.heartbeat_ms - bucket->limits.heartbeat_ms / 2;

    while ((client = client_due(&bucket->pinged, half, now)) != NULL)
        client_close(client, CLOSE_heartbeat_timeout);
}

static void expire_closing(struct bucket *bucket, int64_t now)
{
    struct client *client;

    while ((client = client_due(&bucket->closing, CLOSING_MS, now)) != NULL)
        client_kill(client);
}

void bucket_drain_begin(struct bucket *bucket, const struct drain_order *order)
{
    const struct room *everyone = rooms_everyone(&bucket->rooms);

    bucket->draining = true;
    bucket->drain_start_ms = clock_now_ms();
    bucket->drain_ms = order->duration_ms;
    bucket->drain_ramp_ms = order->ramp_ms;
    bucket->drain_total = (everyone != NULL ? everyone->count : 0) + bucket->auth.pending_count;
    bucket->drain_closed = 0;
}

static uint32_t drain_due(const struct bucket *bucket, int64_t now)
{
    int64_t elapsed = now - bucket->drain_start_ms;

    if (elapsed >= bucket->drain_ms)
        return UINT32_MAX;
    return (uint32_t)((int64_t)bucket->drain_total * elapsed / bucket->drain_ms) + 1;
}

/* What the ramp is longer than the drain is spread over the clients in the order of their closes. */
static int64_t retry_ms(const struct bucket *bucket)
{
    int64_t longer_ms = bucket->drain_ramp_ms - bucket->drain_ms;

    if (bucket->drain_total == 0 || bucket->drain_closed >= bucket->drain_total)
        return longer_ms;
    return longer_ms * bucket->drain_closed / bucket->drain_total;
}

static void send_away(struct bucket *bucket, struct client *client)
{
    client_send_away(client, retry_ms(bucket));
    bucket->drain_closed++;
}

/* Closes clients until `until` are closed in all, but none that a job still waits for: pushes may
 * come without end, so those are only passed over, and looked at again with the next tick. */
static void close_until(struct bucket *bucket, uint32_t until)
{
    const struct room *everyone = rooms_everyone(&bucket->rooms);
    uint32_t at = everyone != NULL ? everyone->count : 0;

    for (uint32_t passed = 0; at > 0 && bucket->drain_closed < until && passed < DRAIN_LOOKS;) {
        struct client *client = everyone->members[--at].client;

        if (rounds_owe(client))
            passed++;
        else
            send_away(bucket, client);
        if (rooms_everyone(&bucket->rooms) == NULL)
            return;
    }
}

/* Those that have shown nothing miss nothing: they go first. */
static void close_pending_until(struct bucket *bucket, uint32_t until)
{
    struct list *node;

    while (bucket->drain_closed < until && (node = list_first(&bucket->auth.pending)) != NULL)
        send_away(bucket, container_of(node, struct client, link));
}

void bucket_drain_some(struct bucket *bucket)
{
    if (!bucket->draining)
        return;
    uint32_t until = drain_due(bucket, clock_now_ms());
    close_pending_until(bucket, until);
    close_until(bucket, until);
}

void bucket_drain_rest(struct bucket *bucket)
{
    const struct room *everyone;

    close_pending_until(bucket, UINT32_MAX);
    while ((everyone = rooms_everyone(&bucket->rooms)) != NULL)
        send_away(bucket, everyone->members[everyone->count - 1].client);
}

void bucket_tick(struct bucket *bucket)
{
    int64_t now = clock_now_ms();

    expire_handshakes(bucket, now);
    close_silent(bucket, now);
    ping_quiet(bucket, now);
    expire_closing(bucket, now);
    bucket_auth_tick(bucket);
    if (mailbox_size(bucket->mailbox) == 0)
        bucket_drain_some(bucket);
    /* Rooms that died with their last client dropped their jobs; the control thread may be waiting
     * for the count to fall. */
    rounds_reap(&bucket->rounds);
}
