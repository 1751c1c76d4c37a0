/* SPDX-License-Identifier: Apache-2.0 */
/* Glue between the pure merger and the buckets, with the one timer that the merger needs. */
#include "gateway/fanout/fanout.h"

#include <stdlib.h>

#include "gateway/fanout/commander.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/contract/push.h"
#include "shared/net/loop_event.h"
#include "shared/net/precise_timer.h"

enum { PRESSURE_POLL_US = 1000, ASLEEP_US = 2000, WINDOW_STEPS = 32 };

/* Where the items of each kind are counted; the canary's are not (fanout_send). */
static const enum gateway_metric items_of[AUDIENCE_KINDS] = {
    [AUDIENCE_EVERYONE] = M_ITEMS_ALL,
    [AUDIENCE_ROOM] = M_ITEMS_ROOM,
    [AUDIENCE_USER] = M_ITEMS_USER,
};

struct fanout {
    struct fanout_conf conf;
    struct merger *merger;
    struct precise_timer *window; /* the next end of a merge window that somebody waits for */
    int64_t wake_us;              /* monotonic: when it fires, while it is set */
    struct event *pressure;       /* looks again while pressed */
    int64_t turn_us;              /* monotonic: the first push of this turn; 0: none yet */
    int64_t stirred_us;           /* monotonic: when the buckets were last woken or had pushes */
    bool pressed;
};

static bool any_above(const struct fanout *fanout, size_t mark)
{
    for (unsigned i = 0; i < fanout->conf.bucket_count; i++)
        if (bucket_jobs(fanout->conf.buckets[i]) > mark)
            return true;
    return false;
}

static void set_pressed(struct fanout *fanout, bool pressed)
{
    fanout->pressed = pressed;
    metrics_set(M_RPC_HELD, pressed);
    fanout->conf.on_pressure(fanout->conf.arg, pressed);
}

/* Pressed above the mark, released below half of it. */
static void judge_pressure(struct fanout *fanout)
{
    if (!fanout->pressed && any_above(fanout, fanout->conf.limits.max_jobs))
        set_pressed(fanout, true);
    else if (fanout->pressed && !any_above(fanout, fanout->conf.limits.max_jobs / 2))
        set_pressed(fanout, false);
    if (fanout->pressed)
        (void)loop_event_after_us(fanout->pressure, PRESSURE_POLL_US);
}

static void on_pressure_poll(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    judge_pressure(arg);
}

static void post_all(struct fanout *fanout, struct delivery *delivery, uint64_t buckets)
{
    bool lost = false;

    for (unsigned i = 0; i < fanout->conf.bucket_count; i++)
        if ((buckets >> i & 1) != 0 && bucket_post_delivery(fanout->conf.buckets[i], delivery) != STATUS_OK)
            lost = true;
    metrics_add(lost ? M_ITEMS_DROPPED_BUCKET : M_ITEMS_MERGED, delivery->items);
}

/* A connection of another gateway excludes nobody here. A user may be here by the time that he matters. */
static bool may_be_here(const struct fanout *fanout, const struct push_exclusion *who)
{
    struct connection_id id;
    unsigned bucket;

    return !who->connection || (connection_id_parse(who->name, &id) == STATUS_OK &&
                                connection_table_bucket(fanout->conf.connections, &id, &bucket));
}

static enum status exclude_from_part(const struct fanout *fanout, struct exclusions *exclusions,
                                     const struct item_batch *batch, const struct item_part *part)
{
    struct slice rest = item_part_exclusions(batch, part);
    struct push_exclusion who;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && push_next_exclusion(&rest, &who))
        if (may_be_here(fanout, &who))
            status = exclusions_add(exclusions, part->at, part->len, &who);
    return status;
}

/* Whom the items of the batch exclude, for the buckets; `*out` NULL: nobody who may be here.
 * STATUS_NO_MEMORY. */
static enum status exclude(const struct fanout *fanout, const struct item_batch *batch,
                           struct exclusions **out)
{
    uint32_t count;
    const struct item_part *parts = item_batch_parts(batch, &count);
    struct exclusions *exclusions = exclusions_new(slice_of(batch->items.data, batch->items.len));
    enum status status = exclusions != NULL ? STATUS_OK : STATUS_NO_MEMORY;

    for (uint32_t i = 0; status == STATUS_OK && i < count; i++)
        status = exclude_from_part(fanout, exclusions, batch, &parts[i]);
    if (status == STATUS_OK && exclusions_sort(exclusions) > 0) {
        *out = exclusions;
        return STATUS_OK;
    }
    exclusions_free(exclusions);
    return status;
}

/* NULL for want of memory. */
static struct delivery *delivery_of(const struct fanout *fanout, const struct sealed_batch *sealed,
                                    const struct subscribers *here)
{
    const struct item_batch *batch = sealed->batch;
    struct delivery *delivery =
        delivery_new(sealed->key, sealed->hash, slice_of(batch->items.data, batch->items.len), batch->count,
                     here->members);

    if (delivery == NULL)
        return NULL;
    delivery->came_us = sealed->since_us;
    if (sealed->expires_us != 0)
        delivery_expire(delivery, sealed->expires_us);
    if (item_batch_excludes(batch) && exclude(fanout, batch, &delivery->exclusions) != STATUS_OK) {
        delivery_unref(delivery);
        return NULL;
    }
    return delivery;
}

static void on_sealed(void *arg, const struct sealed_batch *sealed)
{
    struct fanout *fanout = arg;
    struct subscribers here = directory_find(fanout->conf.directory, sealed->key, sealed->hash);
    uint32_t count = sealed->batch->count;
    int64_t now = clock_now_us();

    metrics_sub(M_ITEMS_MERGING, count);
    metrics_add(M_BATCHES, 1);
    metrics_observe(M_BATCH_ITEMS, count);
    metrics_observe(M_MERGE_WAIT, now - sealed->since_us);
    if (here.buckets == 0) {
        metrics_add(M_ITEMS_NO_AUDIENCE, count);
        return;
    }
    if (sealed->expires_us != 0 && now >= sealed->expires_us) {
        metrics_add(M_ITEMS_DROPPED_EXPIRED, count);
        return;
    }
    struct delivery *delivery = delivery_of(fanout, sealed, &here);
    if (delivery == NULL)
        metrics_add(M_ITEMS_DROPPED_MEMORY, count);
    else
        post_all(fanout, delivery, here.buckets);
    delivery_unref(delivery);
}

/* Windows end on a grid of a WINDOW_STEPS-th of their length: those of many rooms end together, and cost one
 * wake-up of the thread and not one each. */
static int64_t on_grid(const struct fanout *fanout, int64_t deadline)
{
    int64_t step = fanout->conf.limits.merger.delay_us / WINDOW_STEPS;

    return step > 0 ? deadline + step - 1 - (deadline - 1) % step : deadline;
}

/* When the timer must fire next, or -1. While nothing waits, the end of a window only makes its key quiet,
 * which the next push brings about just as well (turn_now): such ends are gathered for the length of a
 * window. */
static int64_t wake_time(const struct fanout *fanout)
{
    int64_t deadline = merger_deadline(fanout->merger);

    if (deadline < 0)
        return -1;
    if (merger_pending(fanout->merger) == 0)
        return deadline + fanout->conf.limits.merger.delay_us;
    return on_grid(fanout, deadline);
}

static void arm_window(struct fanout *fanout)
{
    int64_t due = wake_time(fanout);

    if (due < 0 || (precise_timer_is_set(fanout->window) && due >= fanout->wake_us))
        return;
    fanout->wake_us = due;
    precise_timer_set(fanout->window, due);
}

static void on_window(void *arg)
{
    struct fanout *fanout = arg;

    merger_expire(fanout->merger, clock_now_us());
    arm_window(fanout);
    judge_pressure(fanout);
}

enum status fanout_new(struct event_base *base, const struct fanout_conf *conf, struct fanout **out)
{
    struct fanout *fanout = calloc(1, sizeof *fanout);

    if (fanout == NULL)
        return STATUS_NO_MEMORY;
    fanout->conf = *conf;
    fanout->pressure = evtimer_new(base, on_pressure_poll, fanout);
    if (fanout->pressure == NULL ||
        precise_timer_new(base, on_window, fanout, &fanout->window) != STATUS_OK ||
        merger_new(&conf->limits.merger, on_sealed, fanout, &fanout->merger) != STATUS_OK) {
        fanout_free(fanout);
        return STATUS_NO_MEMORY;
    }
    *out = fanout;
    return STATUS_OK;
}

void fanout_free(struct fanout *fanout)
{
    if (fanout == NULL)
        return;
    precise_timer_free(fanout->window);
    loop_event_free(fanout->pressure);
    merger_free(fanout->merger);
    free(fanout);
}

static void merge_item(struct fanout *fanout, struct slice key, uint64_t hash, struct slice item,
                       const struct push_terms *terms, int64_t now)
{
    metrics_add(M_ITEMS_MERGING, 1);
    if (merger_add(fanout->merger, key, hash, item, terms, now) == STATUS_OK)
        return;
    metrics_sub(M_ITEMS_MERGING, 1);
    metrics_add(M_ITEMS_DROPPED_MEMORY, 1);
}

/* What one turn brings came at once, and after the windows that have ended by then. */
static int64_t turn_now(struct fanout *fanout)
{
    if (fanout->turn_us == 0) {
        fanout->turn_us = clock_now_us();
        merger_expire(fanout->merger, fanout->turn_us);
    }
    return fanout->turn_us;
}

static void merge_items(struct fanout *fanout, struct slice key, uint64_t hash, struct slice items,
                        const struct push_terms *terms)
{
    int64_t now = turn_now(fanout);
    struct slice item;

    while (push_next_item(&items, &item))
        merge_item(fanout, key, hash, item, terms, now);
}

static void merge_with_terms(struct fanout *fanout, struct slice key, uint64_t hash, struct slice items,
                             uint32_t item_count, const struct push_terms *terms)
{
    uint64_t before = merger_conflated(fanout->merger);

    if (terms->has_ttl && terms->ttl_ms == 0) {
        metrics_add(M_ITEMS_DROPPED_EXPIRED, item_count);
        return;
    }
    merge_items(fanout, key, hash, items, terms);
    if (terms->urgent)
        merger_seal(fanout->merger, key, hash, turn_now(fanout));
    uint64_t conflated = merger_conflated(fanout->merger) - before;
    metrics_sub(M_ITEMS_MERGING, conflated);
    metrics_add(M_ITEMS_CONFLATED, conflated);
}

static uint32_t deliver(void *arg, struct slice key, struct slice items, uint32_t item_count,
                        const struct push_terms *terms)
{
    struct fanout *fanout = arg;
    uint64_t hash = hashmap_hash(key);
    struct subscribers here = directory_find(fanout->conf.directory, key, hash);

    metrics_add(M_ITEMS_RECEIVED, item_count);
    metrics_add(items_of[audience_of(key)], item_count);
    if (here.buckets == 0) {
        metrics_add(M_ITEMS_NO_AUDIENCE, item_count);
        return 0;
    }
    if (terms == NULL)
        merge_items(fanout, key, hash, items, NULL);
    else
        merge_with_terms(fanout, key, hash, items, item_count, terms);
    return subscribers_count(&here);
}

static void seal(void *arg, struct slice key, uint64_t hash)
{
    struct fanout *fanout = arg;

    merger_seal(fanout->merger, key, hash, turn_now(fanout));
}

static uint32_t command(void *arg, struct slice key, const struct command *order)
{
    struct fanout *fanout = arg;
    const struct commander commander = {.directory = fanout->conf.directory,
                                        .buckets = fanout->conf.buckets,
                                        .bucket_count = fanout->conf.bucket_count,
                                        .orders = fanout->conf.orders,
                                        .bans = fanout->conf.bans,
                                        .connections = fanout->conf.connections,
                                        .seal = seal,
                                        .arg = fanout};

    return commander_apply(&commander, key, order);
}

struct push_sink fanout_sink(struct fanout *fanout)
{
    return (struct push_sink){deliver, command, fanout};
}

void fanout_send(struct fanout *fanout, struct slice key, struct slice item)
{
    uint64_t hash = hashmap_hash(key);
    struct subscribers here = directory_find(fanout->conf.directory, key, hash);

    if (here.buckets == 0)
        return;
    struct delivery *delivery = delivery_new(key, hash, item, 0, here.members);
    if (delivery != NULL)
        post_all(fanout, delivery, here.buckets);
    delivery_unref(delivery);
}

void fanout_wake_buckets(struct fanout *fanout)
{
    int64_t now = clock_now_us();

    if (now - fanout->stirred_us < ASLEEP_US)
        return;
    fanout->stirred_us = now;
    for (unsigned i = 0; i < fanout->conf.bucket_count; i++)
        if (bucket_clients(fanout->conf.buckets[i]) > 0)
            bucket_wake(fanout->conf.buckets[i]);
}

void fanout_end_turn(struct fanout *fanout)
{
    int64_t now = clock_now_us();

    fanout->turn_us = 0;
    fanout->stirred_us = now;
    merger_end_turn(fanout->merger, now);
    arm_window(fanout);
    judge_pressure(fanout);
}

void fanout_flush(struct fanout *fanout)
{
    merger_flush(fanout->merger);
}

void fanout_set_limits(struct fanout *fanout, const struct fanout_limits *limits)
{
    fanout->conf.limits = *limits;
    merger_set_conf(fanout->merger, &limits->merger);
    precise_timer_cancel(fanout->window);
    arm_window(fanout);
    judge_pressure(fanout);
}

size_t fanout_pending(const struct fanout *fanout)
{
    return merger_pending(fanout->merger);
}
