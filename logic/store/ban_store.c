/* SPDX-License-Identifier: Apache-2.0 */
/* One command of the reading, or of the writing behind it, is under way at a time; changes go beside it. */
#include "logic/store/ban_store.h"

#include <stdlib.h>

#include "logic/metrics/logic_metrics.h"
#include "logic/store/ban_record.h"
#include "shared/base/buf.h"
#include "shared/base/wall_clock.h"
#include "shared/log/log.h"

enum { CURSOR_MAX = 24 };

struct ban_store {
    struct ban_store_conf conf;
    struct redis_client *redis; /* while it is up */
    struct buf key;
    size_t pages;
    size_t left;  /* of the list, to be written: those below it */
    bool merging; /* what stands in Redis need not be written there */
};

static struct slice key_of(const struct ban_store *store)
{
    return slice_of(store->key.data, store->key.len);
}

static void log_refusal(const struct ban_store *store, const redisReply *answer)
{
    log_event(LOG_WARN, "Redis does not keep bans", LOG_S("redis", redis_client_name(store->redis)),
              LOG_S("answer", answer->type == REDIS_REPLY_ERROR ? answer->str : "not understood"));
}

static void on_changed_there(const redisReply *answer, void *arg)
{
    const struct ban_store *store = arg;

    if (answer != NULL && answer->type != REDIS_REPLY_INTEGER)
        log_refusal(store, answer);
}

static void delete (struct ban_store *store, struct slice user)
{
    const struct slice words[] = {slice_str("HDEL"), key_of(store), user};

    (void)redis_client_command(store->redis, on_changed_there, store, words, 3);
}

/* One that cannot be sent now is written with all others when the connection is begun anew. */
static void on_changed(void *arg, const struct ban *ban, bool gone)
{
    struct ban_store *store = arg;
    char value[BAN_RECORD_MAX];

    if (store->redis == NULL || (store->merging && !gone))
        return;
    if (gone) {
        delete (store, ban->user);
        return;
    }
    const struct slice words[] = {slice_str("HSET"), key_of(store), ban->user,
                                  slice_of(value, ban_record_print(ban, value))};
    (void)redis_client_command(store->redis, on_changed_there, store, words, 4);
}

static void write_some(struct ban_store *store);

static void on_written(const redisReply *answer, void *arg)
{
    struct ban_store *store = arg;

    if (answer == NULL)
        return;
    if (answer->type != REDIS_REPLY_INTEGER)
        log_refusal(store, answer);
    else
        write_some(store);
}

/* Downwards: one that goes meanwhile has its place taken by the last one, which was written. */
static void write_some(struct ban_store *store)
{
    struct slice words[2 + 2 * BAN_STORE_CHUNK] = {slice_str("HSET"), key_of(store)};
    char values[BAN_STORE_CHUNK][BAN_RECORD_MAX];
    size_t known = ban_list_count(store->conf.list), count = 0;

    if (store->left > known)
        store->left = known;
    for (; store->left > 0 && count < BAN_STORE_CHUNK; count++) {
        const struct ban ban = ban_list_get(store->conf.list, --store->left);
        words[2 + 2 * count] = ban.user;
        words[3 + 2 * count] = slice_of(values[count], ban_record_print(&ban, values[count]));
    }
    if (count > 0)
        (void)redis_client_command(store->redis, on_written, store, words, 2 + 2 * count);
}

/* What is no ban is left there: it may be of a later version. */
static void take(struct ban_store *store, struct slice user, struct slice value)
{
    int64_t now_s = wall_clock_s();
    struct ban ban, known;

    if (ban_record_parse(user, value, &ban) != STATUS_OK)
        return;
    enum status status = ban_list_merge(store->conf.list, &ban, now_s);
    logic_metrics_count_ban(status);
    if (status == STATUS_OK && !ban_list_find(store->conf.list, user, &known))
        delete (store, user);
}

static bool is_page(const redisReply *answer)
{
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements != 2 ||
        answer->element[0]->type != REDIS_REPLY_STRING || answer->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    const redisReply *fields = answer->element[1];
    for (size_t i = 0; i < fields->elements; i++)
        if (fields->element[i]->type != REDIS_REPLY_STRING)
            return false;
    return answer->element[0]->len < CURSOR_MAX && fields->elements % 2 == 0;
}

static void take_page(struct ban_store *store, const redisReply *fields)
{
    store->merging = true;
    for (size_t i = 0; i < fields->elements; i += 2)
        take(store, slice_of(fields->element[i]->str, fields->element[i]->len),
             slice_of(fields->element[i + 1]->str, fields->element[i + 1]->len));
    store->merging = false;
}

static void end_reading(struct ban_store *store)
{
    log_event(LOG_INFO, "bans read from Redis", LOG_S("redis", redis_client_name(store->redis)),
              LOG_I("known", ban_list_count(store->conf.list)));
    store->left = ban_list_count(store->conf.list);
    write_some(store);
    store->conf.loaded(store->conf.arg);
}

static void read_page(struct ban_store *store, struct slice cursor);

static void on_page(const redisReply *answer, void *arg)
{
    struct ban_store *store = arg;

    if (answer == NULL)
        return;
    if (!is_page(answer)) {
        log_refusal(store, answer);
        return;
    }
    const redisReply *cursor = answer->element[0];
    take_page(store, answer->element[1]);
    if (++store->pages >= BAN_STORE_PAGES || slice_equal(slice_of(cursor->str, cursor->len), slice_str("0")))
        end_reading(store);
    else
        read_page(store, slice_of(cursor->str, cursor->len));
}

static void read_page(struct ban_store *store, struct slice cursor)
{
    const struct slice words[] = {slice_str("HSCAN"), key_of(store), cursor, slice_str("COUNT"),
                                  slice_str("500")};

    (void)redis_client_command(store->redis, on_page, store, words, sizeof words / sizeof words[0]);
}

enum status ban_store_new(const struct ban_store_conf *conf, struct ban_store **out)
{
    struct ban_store *store = calloc(1, sizeof *store);

    if (store == NULL)
        return STATUS_NO_MEMORY;
    store->conf = *conf;
    buf_init(&store->key, SIZE_MAX);
    if (buf_printf(&store->key, "%s:bans", conf->prefix) != STATUS_OK) {
        free(store);
        return STATUS_NO_MEMORY;
    }
    ban_list_tell(conf->list, on_changed, store);
    *out = store;
    return STATUS_OK;
}

void ban_store_up(struct ban_store *store, struct redis_client *redis)
{
    store->redis = redis;
    store->pages = 0;
    store->left = 0;
    read_page(store, slice_str("0"));
}

void ban_store_down(struct ban_store *store)
{
    if (store != NULL)
        store->redis = NULL;
}

void ban_store_free(struct ban_store *store)
{
    if (store == NULL)
        return;
    ban_list_tell(store->conf.list, NULL, NULL);
    buf_fini(&store->key);
    free(store);
}
