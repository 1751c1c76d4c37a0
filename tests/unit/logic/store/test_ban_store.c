/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from Redis and what is written there, with a Redis that the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "logic/store/ban_record.h"
#include "logic/store/ban_store.h"
#include "shared/base/wall_clock.h"

enum { TEXT = 8192, COMMANDS = 8 };

#define NOW INT64_C(1800000000)

int64_t wall_clock_s(void)
{
    return NOW;
}

struct said {
    char text[TEXT]; /* the words with a space between */
    redis_answer *done;
    void *arg;
};

struct redis_client {
    bool up;
    size_t count;
    struct said said[COMMANDS];
};

static struct redis_client the_redis;

const char *redis_client_name(const struct redis_client *client)
{
    (void)client;
    return "redis:1/0";
}

enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count)
{
    struct said *said = &client->said[client->count++];

    assert_true(client->up && client->count <= COMMANDS);
    said->done = done;
    said->arg = arg;
    said->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(said->text);
        snprintf(said->text + len, TEXT - len, "%s%.*s", i > 0 ? " " : "", (int)words[i].len,
                 (const char *)words[i].data);
    }
    return STATUS_OK;
}

static void answer(size_t index, const redisReply *reply)
{
    struct said *said = &the_redis.said[index];

    assert_true(index < the_redis.count);
    said->done(reply, said->arg);
}

static redisReply text_of(const char *text)
{
    return (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = strlen(text)};
}

/* The answer to an HSCAN: fields and values by turns. */
static void answer_page(size_t index, const char *cursor, const char *const *texts, size_t count)
{
    redisReply parts[16], *fields[16], at = text_of(cursor), list, *both[2] = {&at, &list};
    redisReply page = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = both};

    for (size_t i = 0; i < count; i++) {
        parts[i] = text_of(texts[i]);
        fields[i] = &parts[i];
    }
    list = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = count, .element = fields};
    answer(index, &page);
}

/* Of a reading that goes on for ever: the one command under way is answered, and its place is free again. */
static void answer_page_at_front(const char *cursor)
{
    struct said said = the_redis.said[0];
    redisReply at = text_of(cursor), list = {.type = REDIS_REPLY_ARRAY}, *both[2] = {&at, &list};
    redisReply page = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = both};

    the_redis.count = 0;
    said.done(&page, said.arg);
}

static void answer_number(size_t index)
{
    answer(index, &(redisReply){.type = REDIS_REPLY_INTEGER, .integer = 1});
}

struct bench {
    struct ban_list *list;
    struct ban_store *store;
    int loaded;
};

static void on_loaded(void *arg)
{
    ((struct bench *)arg)->loaded++;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    logic_metrics_setup();
    the_redis = (struct redis_client){.up = true};
    assert_int_equal(ban_list_new(&bench->list), STATUS_OK);
    const struct ban_store_conf conf = {
        .list = bench->list, .prefix = "fanfare", .loaded = on_loaded, .arg = bench};
    assert_int_equal(ban_store_new(&conf, &bench->store), STATUS_OK);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    ban_store_free(bench->store);
    ban_list_free(bench->list);
    free(bench);
    return 0;
}

static void ban(struct bench *bench, const char *user, int64_t until_s, int64_t at_s)
{
    const struct ban ban = {slice_str(user), until_s, at_s * 1000,
                            until_s > at_s + BAN_LIFTED_S ? until_s : at_s + BAN_LIFTED_S};

    assert_int_equal(ban_list_merge(bench->list, &ban, NOW), STATUS_OK);
}

static bool is_banned(const struct bench *bench, const char *user)
{
    struct ban found;

    return ban_list_find(bench->list, slice_str(user), &found) && ban_holds(&found, NOW);
}

static void expect_said(size_t index, const char *text)
{
    assert_true(index < the_redis.count);
    assert_string_equal(the_redis.said[index].text, text);
}

static void what_stands_there_is_learnt(void **state)
{
    static const char *const bans[] = {"a", "1 1800000600 1799999000000 1800003600", "b",
                                       "1 0 1799999000000 1800003600"};
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    expect_said(0, "HSCAN fanfare:bans 0 COUNT 500");
    answer_page(0, "7", bans, 2);
    assert_int_equal(bench->loaded, 0);
    expect_said(1, "HSCAN fanfare:bans 7 COUNT 500");
    answer_page(1, "0", bans + 2, 2);
    assert_int_equal(bench->loaded, 1);
    assert_true(is_banned(bench, "a") && !is_banned(bench, "b"));
    assert_int_equal(ban_list_count(bench->list), 2);
}

static void what_is_known_is_written_behind_it(void **state)
{
    struct bench *bench = *state;

    ban(bench, "a", NOW + 600, NOW - 5);
    ban_store_up(bench->store, &the_redis);
    answer_page(0, "0", NULL, 0);
    assert_int_equal(the_redis.count, 2);
    expect_said(1, "HSET fanfare:bans a 1 1800000600 1799999995000 1800003595");
    answer_number(1);
    assert_int_equal(the_redis.count, 2);
}

static void many_are_written_in_pieces(void **state)
{
    struct bench *bench = *state;
    char user[16];
    size_t fields = 0;

    for (int i = 0; i < 2 * BAN_STORE_CHUNK + 1; i++) {
        snprintf(user, sizeof user, "u%d", i);
        ban(bench, user, NOW + 600, NOW);
    }
    ban_store_up(bench->store, &the_redis);
    answer_page(0, "0", NULL, 0);
    for (size_t i = 1; i < the_redis.count; i++) {
        for (const char *at = the_redis.said[i].text; (at = strstr(at, " u")) != NULL; at++)
            fields++;
        answer_number(i);
    }
    assert_int_equal(the_redis.count, 4);
    assert_int_equal(fields, 2 * BAN_STORE_CHUNK + 1);
}

static void each_change_is_written(void **state)
{
    struct bench *bench = *state;

    ban(bench, "early", NOW + 600, NOW); /* nobody is there yet */
    assert_int_equal(the_redis.count, 0);
    ban_store_up(bench->store, &the_redis);
    ban(bench, "a", NOW + 600, NOW);
    expect_said(1, "HSET fanfare:bans a 1 1800000600 1800000000000 1800003600");
    ban(bench, "a", 0, NOW + 1);
    expect_said(2, "HSET fanfare:bans a 1 0 1800000001000 1800003601");
    ban_list_expire(bench->list, NOW + BAN_MAX_S);
    assert_int_equal(the_redis.count, 5);
    assert_int_equal(strncmp(the_redis.said[3].text, "HDEL fanfare:bans ", 18), 0);
}

static void what_is_learnt_there_is_not_written_at_once(void **state)
{
    static const char *const bans[] = {"a", "1 1800000600 1799999000000 1800003600"};
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    answer_page(0, "7", bans, 2);
    assert_int_equal(the_redis.count, 2); /* the next page, and nothing else */
}

static void the_later_order_counts_on_either_side(void **state)
{
    static const char *const bans[] = {"here", "1 1800000600 1799999000000 1800003600", "there",
                                       "1 0 1799999900000 1800003600"};
    struct bench *bench = *state;

    ban(bench, "here", 0, NOW - 1);
    ban(bench, "there", NOW + 600, NOW - 900);
    ban_store_up(bench->store, &the_redis);
    answer_page(0, "0", bans, 4);
    assert_false(is_banned(bench, "here"));
    assert_false(is_banned(bench, "there"));
    assert_non_null(strstr(the_redis.said[1].text, " here 1 0 1799999999000 "));
}

static void what_is_over_is_deleted_there(void **state)
{
    static const char *const bans[] = {"old", "1 1799990000 1799980000000 1799990000"};
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    answer_page(0, "0", bans, 2);
    expect_said(1, "HDEL fanfare:bans old");
    assert_int_equal(ban_list_count(bench->list), 0);
}

static void what_is_no_ban_is_left_there(void **state)
{
    static const char *const bans[] = {"a", "2 later", "b", "1 1800000600 1799999000000 1800003600"};
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    answer_page(0, "0", bans, 4);
    assert_int_equal(ban_list_count(bench->list), 1);
    assert_true(is_banned(bench, "b"));
    assert_null(strstr(the_redis.said[1].text, "HDEL"));
}

static void what_is_no_page_ends_the_reading(void **state)
{
    struct bench *bench = *state;
    redisReply refusal = {.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t) "NOPERM no"};

    ban_store_up(bench->store, &the_redis);
    answer(0, &refusal);
    assert_int_equal(the_redis.count, 1);
    assert_int_equal(bench->loaded, 0);
}

static void an_odd_page_is_none(void **state)
{
    static const char *const bans[] = {"a"};
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    answer_page(0, "0", bans, 1);
    assert_int_equal(the_redis.count, 1);
    assert_int_equal(ban_list_count(bench->list), 0);
}

static void a_reading_without_end_is_ended(void **state)
{
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    for (int i = 0; i < BAN_STORE_PAGES - 1; i++)
        answer_page_at_front("9");
    assert_int_equal(bench->loaded, 0);
    answer_page_at_front("9");
    assert_int_equal(bench->loaded, 1);
    assert_int_equal(the_redis.count, 0);
}

static void an_outage_in_the_middle_is_made_good_by_the_next_connection(void **state)
{
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    ban_store_down(bench->store);
    answer(0, NULL);
    ban(bench, "a", NOW + 600, NOW);
    assert_int_equal(the_redis.count, 1);
    ban_store_up(bench->store, &the_redis);
    answer_page(1, "0", NULL, 0);
    expect_said(2, "HSET fanfare:bans a 1 1800000600 1800000000000 1800003600");
    assert_int_equal(bench->loaded, 1);
}

static void who_ends_is_told_nothing(void **state)
{
    struct bench *bench = *state;

    ban_store_up(bench->store, &the_redis);
    ban_store_free(bench->store);
    bench->store = NULL;
    ban(bench, "a", NOW + 600, NOW);
    assert_int_equal(the_redis.count, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_stands_there_is_learnt),
        TEST(what_is_known_is_written_behind_it),
        TEST(many_are_written_in_pieces),
        TEST(each_change_is_written),
        TEST(what_is_learnt_there_is_not_written_at_once),
        TEST(the_later_order_counts_on_either_side),
        TEST(what_is_over_is_deleted_there),
        TEST(what_is_no_ban_is_left_there),
        TEST(what_is_no_page_ends_the_reading),
        TEST(an_odd_page_is_none),
        TEST(a_reading_without_end_is_ended),
        TEST(an_outage_in_the_middle_is_made_good_by_the_next_connection),
        TEST(who_ends_is_told_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
