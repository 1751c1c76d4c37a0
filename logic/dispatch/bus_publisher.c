/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the queue of the bus and its one message under way. The loop's thread only. */
#include "logic/dispatch/bus_publisher.h"

#include <stdlib.h>
#include <string.h>

#include "logic/link/link_queue.h"
#include "logic/link/link_sender.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/push/push_trace.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_client.h"

enum {
    TICK_MS = 500,
    MAX_TRIES = 5, /* of one message whose connection ended each time: Redis will not have it */
};

struct bus_publisher {
    const struct logic_conf *conf;
    uint8_t logic_id[LOGIC_ID_LEN];
    struct redis_client *redis;
    struct event *kick; /* publishes at the end of the loop's turn, so that pushes gather */
    struct event *tick; /* expiry */
    struct link_queue queue;
    struct buf message;
    size_t max_pushes; /* per message; smaller while a refused one is being narrowed down */
    unsigned tries;    /* of the message under way, without an answer */
    bool owed;
    int64_t down_since_ms; /* meaningful while not up */
};

static struct encoded_push *take(struct bus_publisher *bus)
{
    struct encoded_push *push = link_queue_take(&bus->queue);

    metrics_sub(LM_BUS_PUSHES_QUEUED, 1);
    metrics_sub(LM_BUS_BYTES_QUEUED, push->len);
    return push;
}

static void note_published(struct bus_publisher *bus)
{
    size_t count = bus->queue.frozen;

    metrics_add(LM_BUS_PUSHES_PUBLISHED, count);
    while (count-- > 0) {
        struct encoded_push *push = take(bus);
        push_trace_published(bus->logic_id, push, redis_client_name(bus->redis));
        encoded_push_unref(push);
    }
}

static void note_dropped(const struct bus_publisher *bus, const struct encoded_push *push,
                         enum bus_drop reason)
{
    static const unsigned drop_rows[] = {
        [BUS_DROP_EXPIRED] = LM_BUS_PUSHES_EXPIRED,   [BUS_DROP_DOWN] = LM_BUS_PUSHES_DOWN,
        [BUS_DROP_REFUSED] = LM_BUS_PUSHES_REFUSED,   [BUS_DROP_FULL] = LM_BUS_PUSHES_FULL,
        [BUS_DROP_SHUTDOWN] = LM_BUS_PUSHES_SHUTDOWN,
    };

    metrics_add(drop_rows[reason], 1);
    push_trace_unpublished(bus->logic_id, push, redis_client_name(bus->redis), reason);
}

static void drop(struct bus_publisher *bus, size_t count, enum bus_drop reason)
{
    while (count-- > 0) {
        struct encoded_push *push = take(bus);
        note_dropped(bus, push, reason);
        encoded_push_unref(push);
    }
}

/* The pushes are whole, but too many or too long for Redis: fewer of them, down to the one that is
 * refused by itself. */
static void narrow_down(struct bus_publisher *bus, const char *reason)
{
    size_t count = bus->queue.frozen;

    bus->tries = 0;
    if (count > 1) {
        bus->max_pushes = count / 2;
        link_queue_thaw(&bus->queue);
        return;
    }
    log_event(LOG_ERROR, "Redis refused a push", LOG_S("redis", redis_client_name(bus->redis)),
              LOG_I("sequence", link_queue_at(&bus->queue, 0)->sequence),
              LOG_I("bytes", link_queue_at(&bus->queue, 0)->len), LOG_S("answer", reason));
    drop(bus, 1, BUS_DROP_REFUSED);
}

static void on_published(const redisReply *answer, void *arg)
{
    struct bus_publisher *bus = arg;

    bus->owed = false;
    if (answer == NULL)
        return;
    if (answer->type == REDIS_REPLY_INTEGER) {
        metrics_set(LM_BUS_RECEIVERS, (uint64_t)answer->integer);
        note_published(bus);
        bus->tries = 0;
        if (bus->max_pushes < LINK_BATCH_MAX_PUSHES)
            bus->max_pushes *= 2;
    } else {
        narrow_down(bus, answer->type == REDIS_REPLY_ERROR ? answer->str : "not understood");
    }
    event_active(bus->kick, EV_TIMEOUT, 0);
}

static enum status append_record(struct buf *message, const struct encoded_push *push)
{
    size_t start = message->len;
    enum status status = buf_append(message, push->bytes, push->len);

    if (status == STATUS_OK && push->ttl_at > 0)
        encoded_push_ttl_left(push, clock_now_ms(), message->data + start + push->ttl_at);
    return status;
}

static enum status encode(struct bus_publisher *bus)
{
    struct link_queue *queue = &bus->queue;
    uint8_t header[PUSH_BATCH_HEADER_LEN];
    size_t count =
        link_queue_freeze(queue, bus->max_pushes, (size_t)bus->conf->rpc_batch_bytes - PUSH_BATCH_HEADER_LEN);
    uint8_t flags = bus_publisher_is_only(bus) ? PUSH_BATCH_ONLY : 0;

    push_batch_header_encode(bus->logic_id, link_queue_at(queue, 0)->sequence, (uint32_t)count, flags,
                             header);
    buf_clear(&bus->message);
    enum status status = buf_append(&bus->message, header, sizeof header);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        status = append_record(&bus->message, link_queue_at(queue, i));
    return status;
}

static void publish_next(struct bus_publisher *bus)
{
    if (bus->owed || bus->queue.count == 0 || !redis_client_is_up(bus->redis))
        return;
    if (bus->tries == MAX_TRIES)
        narrow_down(bus, "the connection ended each time");
    if (bus->queue.count == 0 || encode(bus) != STATUS_OK)
        return;
    const struct slice words[] = {slice_str("PUBLISH"), slice_str(bus->conf->bus_channel),
                                  slice_of(bus->message.data, bus->message.len)};
    if (redis_client_command(bus->redis, on_published, bus, words, 3) != STATUS_OK)
        return;
    bus->owed = true;
    bus->tries++;
    metrics_add(LM_BUS_BATCHES, 1);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    publish_next(arg);
}

static bool is_given_up(const struct bus_publisher *bus, int64_t now_ms)
{
    return !redis_client_is_up(bus->redis) &&
           now_ms - bus->down_since_ms >= bus->conf->link_queue_seconds * 1000;
}

/* Also tries again what failed for want of memory. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct bus_publisher *bus = arg;

    (void)fd;
    (void)what;
    publish_next(bus);
    if (bus->queue.count == 0 || !is_given_up(bus, clock_now_ms()))
        return;
    log_event(LOG_WARN, "Redis down for too long, pushes dropped",
              LOG_S("redis", redis_client_name(bus->redis)), LOG_I("pushes", bus->queue.count));
    drop(bus, bus->queue.count, BUS_DROP_EXPIRED);
}

static void on_up(void *arg)
{
    struct bus_publisher *bus = arg;

    event_active(bus->kick, EV_TIMEOUT, 0);
}

static void on_down(void *arg)
{
    struct bus_publisher *bus = arg;

    bus->down_since_ms = clock_now_ms();
}

static enum status set_up(struct bus_publisher *bus, struct event_base *base, struct resolver *dns)
{
    static const struct redis_events events = {.on_up = on_up, .on_down = on_down};
    const struct redis_client_conf redis = {.base = base,
                                            .dns = dns,
                                            .options = &bus->conf->redis,
                                            .what = "bus",
                                            .events = &events,
                                            .arg = bus,
                                            .reconnects_row = LM_REDIS_RECONNECTS_BUS,
                                            .up_row = LM_REDIS_UP_BUS};

    bus->kick = event_new(base, -1, 0, on_kick, bus);
    bus->tick = event_new(base, -1, EV_PERSIST, on_tick, bus);
    if (bus->kick == NULL || bus->tick == NULL || loop_event_after_ms(bus->tick, TICK_MS) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return redis_client_new(&redis, &bus->redis);
}

enum status bus_publisher_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                              const uint8_t *logic_id, struct bus_publisher **out)
{
    struct bus_publisher *bus = calloc(1, sizeof *bus);

    if (bus == NULL)
        return STATUS_NO_MEMORY;
    bus->conf = conf;
    bus->max_pushes = LINK_BATCH_MAX_PUSHES;
    bus->down_since_ms = clock_now_ms();
    memcpy(bus->logic_id, logic_id, LOGIC_ID_LEN);
    buf_init(&bus->message, SIZE_MAX);
    link_queue_init(&bus->queue, (size_t)conf->gateway_max_pending_count, (size_t)conf->link_queue_bytes);
    if (set_up(bus, base, dns) != STATUS_OK) {
        bus_publisher_free(bus);
        return STATUS_NO_MEMORY;
    }
    *out = bus;
    return STATUS_OK;
}

void bus_publisher_free(struct bus_publisher *bus)
{
    if (bus == NULL)
        return;
    drop(bus, bus->queue.count, BUS_DROP_SHUTDOWN);
    redis_client_free(bus->redis);
    link_queue_fini(&bus->queue);
    buf_fini(&bus->message);
    loop_event_free(bus->kick);
    loop_event_free(bus->tick);
    free(bus);
}

void bus_publisher_apply(struct bus_publisher *bus)
{
    if (bus != NULL)
        link_queue_bound(&bus->queue, (size_t)bus->conf->gateway_max_pending_count,
                         (size_t)bus->conf->link_queue_bytes);
}

bool bus_publisher_is_only(const struct bus_publisher *bus)
{
    return bus != NULL && bus->conf->bus_mode == BUS_ONLY;
}

bool bus_publisher_is_up(const struct bus_publisher *bus)
{
    return bus != NULL && redis_client_is_up(bus->redis);
}

const struct redis_client *bus_publisher_redis(const struct bus_publisher *bus)
{
    return bus != NULL ? bus->redis : NULL;
}

size_t bus_publisher_owes(const struct bus_publisher *bus)
{
    bool counts = bus_publisher_is_only(bus) || bus_publisher_is_up(bus);

    return bus != NULL && counts ? bus->queue.count : 0;
}

enum link_offer bus_publisher_offer(struct bus_publisher *bus, size_t bytes, int64_t now_ms)
{
    if (is_given_up(bus, now_ms))
        return LINK_DROPS;
    if (!link_queue_has_room(&bus->queue, bytes))
        return redis_client_is_up(bus->redis) ? LINK_FULL : LINK_DROPS;
    return link_queue_reserve(&bus->queue) != STATUS_OK ? LINK_NO_MEMORY : LINK_TAKES;
}

static void enqueue(struct bus_publisher *bus, struct encoded_push *push)
{
    metrics_add(LM_BUS_PUSHES_QUEUED, 1);
    metrics_add(LM_BUS_BYTES_QUEUED, push->len);
    link_queue_add(&bus->queue, push);
    event_active(bus->kick, EV_TIMEOUT, 0);
}

void bus_publisher_add(struct bus_publisher *bus, struct encoded_push *push, int64_t now_ms)
{
    if (bus == NULL)
        return;
    enum link_offer offer = bus_publisher_offer(bus, push->len, now_ms);
    metrics_add(LM_BUS_PUSHES_ACCEPTED, 1);
    if (offer == LINK_TAKES)
        enqueue(bus, push);
    else
        note_dropped(bus, push, offer == LINK_DROPS ? BUS_DROP_DOWN : BUS_DROP_FULL);
}
