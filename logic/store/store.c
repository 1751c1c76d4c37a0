/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the connection; who uses it is told by callbacks. The loop's thread only. */
#include "logic/store/store.h"

#include <stdlib.h>

#include "logic/metrics/logic_metrics.h"

struct store {
    const struct logic_conf *conf;
    struct repeats *repeats;
    struct redis_client *redis; /* NULL: there is none */
};

static struct repeat_bounds bounds_of(const struct logic_conf *conf)
{
    return (struct repeat_bounds){(size_t)conf->idempotency_max_entries, (size_t)conf->idempotency_max_bytes};
}

static enum status connect_redis(struct store *store, struct event_base *base, struct resolver *dns)
{
    static const struct redis_events events = {0};
    const struct redis_client_conf redis = {.base = base,
                                            .dns = dns,
                                            .options = &store->conf->redis,
                                            .what = "state",
                                            .events = &events,
                                            .arg = store,
                                            .reconnects_row = LM_REDIS_RECONNECTS_STATE,
                                            .up_row = LM_REDIS_UP_STATE};
    enum status status = redis_client_new(&redis, &store->redis);

    if (status == STATUS_OK)
        repeats_use_redis(store->repeats, store->redis);
    return status;
}

enum status store_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                      struct store **out)
{
    const struct repeat_bounds bounds = bounds_of(conf);
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return STATUS_NO_MEMORY;
    store->conf = conf;
    enum status status = repeats_new(base, conf->redis.prefix, &bounds, &store->repeats);
    if (status == STATUS_OK && conf->redis.url[0])
        status = connect_redis(store, base, dns);
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
    const struct repeat_bounds bounds = bounds_of(store->conf);

    repeats_bound(store->repeats, &bounds);
}

void store_stop(struct store *store)
{
    if (store == NULL || store->redis == NULL)
        return;
    redis_client_free(store->redis);
    store->redis = NULL;
    repeats_use_redis(store->repeats, NULL);
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_stop(store);
    repeats_free(store->repeats);
    free(store);
}
