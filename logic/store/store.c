/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the connection; who uses it is told by callbacks. The loop's thread only. */
#include "logic/store/store.h"

#include <stdlib.h>

#include "logic/metrics/logic_metrics.h"
#include "logic/store/ban_store.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

struct store {
    struct store_conf conf;
    struct repeats *repeats;
    struct redis_client *redis; /* NULL: there is none */
    struct ban_store *bans;     /* likewise */
    struct event *bans_late;    /* while bans are awaited, or NULL */
};

static struct repeat_bounds bounds_of(const struct logic_conf *conf)
{
    return (struct repeat_bounds){(size_t)conf->idempotency_max_entries, (size_t)conf->idempotency_max_bytes};
}

static void end_waiting(struct store *store)
{
    *store->conf.bans_awaited = false;
    loop_event_free(store->bans_late);
    store->bans_late = NULL;
}

static void on_bans_late(evutil_socket_t fd, short what, void *arg)
{
    struct store *store = arg;

    (void)fd;
    (void)what;
    log_event(LOG_WARN, "bans not read from Redis in time", LOG_S("redis", redis_client_name(store->redis)),
              LOG_I("afterMs", STORE_BANS_MS));
    end_waiting(store);
}

static void on_bans_loaded(void *arg)
{
    end_waiting(arg);
}

static void on_up(void *arg)
{
    struct store *store = arg;

    ban_store_up(store->bans, store->redis);
}

static void on_down(void *arg)
{
    struct store *store = arg;

    ban_store_down(store->bans);
}

static enum status start_bans(struct store *store)
{
    const struct ban_store_conf conf = {.list = store->conf.bans,
                                        .prefix = store->conf.conf->redis.prefix,
                                        .loaded = on_bans_loaded,
                                        .arg = store};

    store->bans_late = evtimer_new(store->conf.base, on_bans_late, store);
    if (store->bans_late == NULL || loop_event_after_ms(store->bans_late, STORE_BANS_MS) != STATUS_OK)
        return STATUS_NO_MEMORY;
    *store->conf.bans_awaited = true;
    return ban_store_new(&conf, &store->bans);
}

static enum status connect_redis(struct store *store)
{
    static const struct redis_events events = {.on_up = on_up, .on_down = on_down};
    const struct redis_client_conf redis = {.base = store->conf.base,
                                            .dns = store->conf.dns,
                                            .options = &store->conf.conf->redis,
                                            .what = "state",
                                            .events = &events,
                                            .arg = store,
                                            .reconnects_row = LM_REDIS_RECONNECTS_STATE,
                                            .up_row = LM_REDIS_UP_STATE};
    enum status status = start_bans(store);

    if (status == STATUS_OK)
        status = redis_client_new(&redis, &store->redis);
    if (status == STATUS_OK)
        repeats_use_redis(store->repeats, store->redis);
    return status;
}

enum status store_new(const struct store_conf *conf, struct store **out)
{
    const struct repeat_bounds bounds = bounds_of(conf->conf);
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return STATUS_NO_MEMORY;
    store->conf = *conf;
    enum status status = repeats_new(conf->base, conf->conf->redis.prefix, &bounds, &store->repeats);
    if (status == STATUS_OK && conf->conf->redis.url[0])
        status = connect_redis(store);
    if (status != STATUS_OK) {
        store_free(store);
        return STATUS_NO_MEMORY;
    }
    *out = store;
    return STATUS_OK;
}

struct repeats *store_repeats(struct store *store)
{
    return store->repeats;
}

const struct redis_client *store_redis(const struct store *store)
{
    return store != NULL ? store->redis : NULL;
}

void store_apply(struct store *store)
{
    const struct repeat_bounds bounds = bounds_of(store->conf.conf);

    repeats_bound(store->repeats, &bounds);
}

void store_stop(struct store *store)
{
    if (store == NULL || store->redis == NULL)
        return;
    ban_store_down(store->bans);
    redis_client_free(store->redis);
    store->redis = NULL;
    repeats_use_redis(store->repeats, NULL);
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_stop(store);
    loop_event_free(store->bans_late);
    ban_store_free(store->bans);
    repeats_free(store->repeats);
    free(store);
}
