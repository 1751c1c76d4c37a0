/* SPDX-License-Identifier: Apache-2.0 */
/* One connection for readings and one for news. A reading walks the keys with SCAN, page by page,
 * and keeps what it found until it is complete. The loop's thread only; writes nothing. */
#include "logic/discovery/redis_source.h"

#include <stdlib.h>
#include <string.h>

#include "logic/discovery/registry_reading.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_client.h"

struct redis_source {
    const struct logic_conf *conf;
    struct gateway_set *gateways;
    struct redis_client *redis; /* readings */
    struct redis_client *news;
    struct event *refresh;
    struct buf pattern;
    struct buf channel;
    struct registry_reading reading;
    int64_t begun_ms; /* the reading, monotonic */
    size_t asked;     /* values of the MGET under way */
    bool under_way;   /* a reading is */
    bool again;       /* one was asked for meanwhile */
};

static void offer(struct redis_source *source, const struct registry_entry *entry)
{
    const struct gateway_offer gateway = {
        .source = GATEWAY_FROM_REDIS,
        .id = entry->id,
        .host = entry->host,
        .port = entry->port,
        .draining = entry->state == REGISTRY_DRAINING,
        .clients = entry->clients,
        .version = entry->version,
    };

    (void)gateway_set_offer(source->gateways, &gateway);
}

static void schedule(struct redis_source *source)
{
    (void)loop_event_after_ms(source->refresh, source->conf->discovery_refresh_seconds * 1000);
}

static void begin_reading(struct redis_source *source);

static void finish_reading(struct redis_source *source)
{
    source->under_way = false;
    gateway_set_begin(source->gateways, GATEWAY_FROM_REDIS);
    for (size_t i = 0; i < source->reading.count; i++)
        if (source->reading.entries[i].state == REGISTRY_GONE)
            gateway_set_goodbye(source->gateways, source->reading.entries[i].id);
        else
            offer(source, &source->reading.entries[i]);
    gateway_set_end(source->gateways, GATEWAY_FROM_REDIS);
    metrics_add(LM_REGISTRY_READINGS, 1);
    registry_reading_clear(&source->reading);
    if (source->again)
        begin_reading(source);
}

static void give_up_reading(struct redis_source *source, const char *reason)
{
    source->under_way = false;
    registry_reading_clear(&source->reading);
    metrics_add(LM_REGISTRY_FAILURES, 1);
    if (reason != NULL)
        log_event(LOG_WARN, "the registry cannot be read", LOG_S("reason", reason));
}

static const char *fault_of(const redisReply *answer)
{
    return answer->type == REDIS_REPLY_ERROR ? answer->str : "an answer of another kind than expected";
}

static void ask_page(struct redis_source *source, const char *cursor);

static void go_on(struct redis_source *source)
{
    if (registry_reading_is_complete(&source->reading))
        finish_reading(source);
    else
        ask_page(source, source->reading.cursor);
}

static void on_values(const redisReply *answer, void *arg)
{
    struct redis_source *source = arg;

    if (answer == NULL || answer->type != REDIS_REPLY_ARRAY || answer->elements != source->asked) {
        give_up_reading(source, answer != NULL ? fault_of(answer) : NULL);
        return;
    }
    for (size_t i = 0; i < answer->elements; i++) {
        const redisReply *value = answer->element[i];
        if (value->type == REDIS_REPLY_STRING)
            registry_reading_add(&source->reading, slice_of(value->str, value->len));
    }
    go_on(source);
}

static enum status ask_values(struct redis_source *source, const redisReply *keys)
{
    struct slice *words = calloc(keys->elements + 1, sizeof *words);

    if (words == NULL)
        return STATUS_NO_MEMORY;
    words[0] = slice_str("MGET");
    for (size_t i = 0; i < keys->elements; i++)
        words[i + 1] = slice_of(keys->element[i]->str, keys->element[i]->len);
    source->asked = keys->elements;
    enum status status = redis_client_command(source->redis, on_values, source, words, keys->elements + 1);
    free(words);
    return status;
}

static bool is_page(const redisReply *answer)
{
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements != 2 ||
        answer->element[0]->type != REDIS_REPLY_STRING || answer->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < answer->element[1]->elements; i++)
        if (answer->element[1]->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return true;
}

static void on_page(const redisReply *answer, void *arg)
{
    struct redis_source *source = arg;
    struct fault fault;

    if (answer == NULL || !is_page(answer)) {
        give_up_reading(source, answer != NULL ? fault_of(answer) : NULL);
        return;
    }
    const redisReply *keys = answer->element[1];
    if (registry_reading_turn(&source->reading, slice_of(answer->element[0]->str, answer->element[0]->len),
                              keys->elements, clock_now_ms() - source->begun_ms, &fault) != STATUS_OK)
        give_up_reading(source, fault.text);
    else if (keys->elements == 0)
        go_on(source);
    else if (ask_values(source, keys) != STATUS_OK)
        give_up_reading(source, "no memory");
}

static void ask_page(struct redis_source *source, const char *cursor)
{
    const struct slice words[] = {slice_str("SCAN"),  slice_str(cursor),
                                  slice_str("MATCH"), slice_of(source->pattern.data, source->pattern.len),
                                  slice_str("COUNT"), slice_str("1000")};

    if (redis_client_command(source->redis, on_page, source, words, sizeof words / sizeof *words) !=
        STATUS_OK)
        give_up_reading(source, NULL);
}

static void begin_reading(struct redis_source *source)
{
    if (source->under_way || !redis_client_is_up(source->redis))
        return;
    source->under_way = true;
    source->again = false;
    source->begun_ms = clock_now_ms();
    ask_page(source, "0");
}

static void on_refresh(evutil_socket_t fd, short what, void *arg)
{
    struct redis_source *source = arg;

    (void)fd;
    (void)what;
    schedule(source);
    begin_reading(source);
}

/* Either connection: what happened while it was away is in the registry, but not certainly in a
 * reading that has begun before. */
static void on_up(void *arg)
{
    struct redis_source *source = arg;

    schedule(source);
    source->again = source->under_way;
    begin_reading(source);
}

/* News during a reading may be about a key that it has passed: they are its last word. */
static void on_news(struct slice payload, void *arg)
{
    struct redis_source *source = arg;
    struct registry_entry entry;
    struct fault fault;

    metrics_add(LM_REGISTRY_NEWS, 1);
    if (registry_entry_parse(payload, &entry, &fault) != STATUS_OK) {
        metrics_add(LM_REGISTRY_NOISE, 1);
        log_event(LOG_WARN, "news of the registry not understood", LOG_S("reason", fault.text));
        return;
    }
    if (source->under_way)
        registry_reading_add(&source->reading, payload);
    if (entry.state == REGISTRY_GONE)
        gateway_set_goodbye(source->gateways, entry.id);
    else
        offer(source, &entry);
}

static enum status open_clients(struct redis_source *source, struct event_base *base, struct resolver *dns)
{
    static const struct redis_events read_events = {.on_up = on_up};
    static const struct redis_events news_events = {.on_up = on_up, .on_message = on_news};
    const struct redis_client_conf read_conf = {.base = base,
                                                .dns = dns,
                                                .options = &source->conf->redis,
                                                .what = "registry",
                                                .events = &read_events,
                                                .arg = source,
                                                .reconnects_row = LM_REDIS_RECONNECTS_REGISTRY,
                                                .up_row = LM_REDIS_UP_REGISTRY};
    struct redis_client_conf news_conf = read_conf;

    news_conf.what = "news";
    news_conf.channel = (const char *)source->channel.data;
    news_conf.events = &news_events;
    news_conf.reconnects_row = LM_REDIS_RECONNECTS_NEWS;
    news_conf.up_row = LM_REDIS_UP_NEWS;
    enum status status = redis_client_new(&read_conf, &source->redis);
    return status != STATUS_OK ? status : redis_client_new(&news_conf, &source->news);
}

enum status redis_source_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                             struct gateway_set *gateways, struct redis_source **out)
{
    struct redis_source *source = calloc(1, sizeof *source);

    if (source == NULL)
        return STATUS_NO_MEMORY;
    source->conf = conf;
    source->gateways = gateways;
    buf_init(&source->pattern, SIZE_MAX);
    buf_init(&source->channel, SIZE_MAX);
    source->refresh = evtimer_new(base, on_refresh, source);
    if (source->refresh == NULL || registry_key(conf->redis.prefix, "*", &source->pattern) != STATUS_OK ||
        registry_channel(conf->redis.prefix, &source->channel) != STATUS_OK ||
        buf_append(&source->channel, "", 1) != STATUS_OK || open_clients(source, base, dns) != STATUS_OK) {
        redis_source_free(source);
        return STATUS_NO_MEMORY;
    }
    *out = source;
    return STATUS_OK;
}

const struct redis_client *redis_source_redis(const struct redis_source *source)
{
    return source != NULL ? source->redis : NULL;
}

const struct redis_client *redis_source_news(const struct redis_source *source)
{
    return source != NULL ? source->news : NULL;
}

void redis_source_free(struct redis_source *source)
{
    if (source == NULL)
        return;
    redis_client_free(source->news);
    redis_client_free(source->redis);
    loop_event_free(source->refresh);
    registry_reading_clear(&source->reading);
    buf_fini(&source->pattern);
    buf_fini(&source->channel);
    free(source);
}
