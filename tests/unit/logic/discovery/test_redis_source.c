/* SPDX-License-Identifier: Apache-2.0 */
/* How the registry is read: what a reading tells, when it is given up, and what news change in between. Redis
 * and the set of gateways are played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/discovery/redis_source.h"
#include "logic/discovery/registry_reading.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_client.h"

enum { REFRESH_SECONDS = 30, KEYS_MOST = 4 };

struct redis_client {
    struct redis_client_conf conf;
    bool up;
};

static struct redis_client clients[2]; /* readings, news */
static int client_count;
static struct bench {
    struct event_base *base;
    struct logic_conf conf;
    struct redis_source *source;
    char told[512];  /* what the set of gateways was told */
    char asked[128]; /* the command under way; "" when there is none */
    redis_answer *done;
    void *arg;
    struct event *refresh;
    int64_t refresh_ms;
} bench;
static int64_t now_ms = 1000000;

int64_t clock_now_ms(void)
{
    return now_ms;
}

int64_t clock_now_us(void)
{
    return now_ms * 1000;
}

enum status loop_event_after_ms(struct event *event, int64_t delay)
{
    bench.refresh = event;
    bench.refresh_ms = delay;
    return STATUS_OK;
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

enum status redis_client_new(const struct redis_client_conf *conf, struct redis_client **out)
{
    clients[client_count] = (struct redis_client){.conf = *conf};
    *out = &clients[client_count++];
    return STATUS_OK;
}

void redis_client_free(struct redis_client *client)
{
    (void)client;
}

bool redis_client_is_up(const struct redis_client *client)
{
    return client->up;
}

enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count)
{
    assert_ptr_equal(client, &clients[0]);
    assert_string_equal(bench.asked, ""); /* one at a time */
    for (size_t i = 0; i < count && i < 2; i++) {
        size_t len = strlen(bench.asked);

        snprintf(bench.asked + len, sizeof bench.asked - len, "%s%.*s", i > 0 ? " " : "", (int)words[i].len,
                 (const char *)words[i].data);
    }
    bench.done = done;
    bench.arg = arg;
    return client->up ? STATUS_OK : STATUS_CLOSED;
}

static void tell(const char *what, const char *id)
{
    size_t len = strlen(bench.told);

    snprintf(bench.told + len, sizeof bench.told - len, "%s%s%s", len > 0 ? " " : "", what, id);
}

void gateway_set_begin(struct gateway_set *set, enum gateway_source source)
{
    (void)set;
    assert_int_equal(source, GATEWAY_FROM_REDIS);
    tell("begin", "");
}

void gateway_set_end(struct gateway_set *set, enum gateway_source source)
{
    (void)set;
    (void)source;
    tell("end", "");
}

enum status gateway_set_offer(struct gateway_set *set, const struct gateway_offer *offer)
{
    (void)set;
    tell(offer->draining ? "draining:" : "up:", offer->id);
    return STATUS_OK;
}

void gateway_set_goodbye(struct gateway_set *set, const char *id)
{
    (void)set;
    tell("gone:", id);
}

static void come_up(void)
{
    clients[0].up = true;
    clients[0].conf.events->on_up(clients[0].conf.arg);
}

static int set_up(void **state)
{
    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    logic_metrics_setup();
    client_count = 0;
    bench = (struct bench){.base = event_base_new()};
    bench.conf.redis.prefix = (char *)"fanfare";
    bench.conf.discovery_refresh_seconds = REFRESH_SECONDS;
    assert_int_equal(redis_source_new(bench.base, NULL, &bench.conf, NULL, &bench.source), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_source_free(bench.source);
    event_base_free(bench.base);
    return 0;
}

static void expect_told(const char *expected)
{
    assert_string_equal(bench.told, expected);
    bench.told[0] = '\0';
}

static void answer(const char *command, const redisReply *reply)
{
    redis_answer *done = bench.done;

    assert_string_equal(bench.asked, command);
    bench.asked[0] = '\0';
    done(reply, bench.arg);
}

static redisReply text_of(const char *text)
{
    return (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)text, .len = strlen(text)};
}

/* A page of SCAN: where it goes on, and `keys` keys. */
static void answer_page(const char *command, const char *cursor, size_t keys)
{
    redisReply at = text_of(cursor), key = text_of("fanfare:gateway:g");
    redisReply *names[KEYS_MOST] = {&key, &key, &key, &key};
    redisReply list = {.type = REDIS_REPLY_ARRAY, .elements = keys, .element = names};
    redisReply *both[] = {&at, &list};
    const redisReply page = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = both};

    answer(command, &page);
}

/* The values of so many keys; NULL: it has ended meanwhile. */
static void answer_values(size_t count, const char *const *values)
{
    redisReply texts[KEYS_MOST];
    redisReply *list[KEYS_MOST];

    for (size_t i = 0; i < count; i++) {
        texts[i] = values[i] != NULL ? text_of(values[i]) : (redisReply){.type = REDIS_REPLY_NIL};
        list[i] = &texts[i];
    }
    const redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = count, .element = list};
    answer("MGET fanfare:gateway:g", &reply);
}

#define ENTRY(id, state) "{\"id\":\"" id "\",\"host\":\"10.0.0.1\",\"port\":7788,\"state\":\"" state "\"}"

static void a_reading_tells_what_it_has_found_when_it_is_complete(void **state)
{
    (void)state;
    come_up();
    answer_page("SCAN 0", "17", 2);
    answer_values(2, (const char *const[]){ENTRY("g1", "up"), NULL});
    expect_told("");
    answer_page("SCAN 17", "5", 0); /* an empty page is no end */
    answer_page("SCAN 5", "0", 2);
    answer_values(2, (const char *const[]){ENTRY("g2", "draining"), ENTRY("g3", "up")});
    expect_told("begin up:g1 draining:g2 up:g3 end");
    assert_int_equal(metrics_get(LM_REGISTRY_READINGS), 1);
    assert_int_equal(metrics_get(LM_REGISTRY_FAILURES), 0);
    assert_string_equal(bench.asked, "");
}

static void expect_given_up(uint64_t failures)
{
    expect_told(""); /* what was known stands */
    assert_int_equal(metrics_get(LM_REGISTRY_FAILURES), failures);
    assert_int_equal(metrics_get(LM_REGISTRY_READINGS), 0);
}

static void refresh(void)
{
    event_active(bench.refresh, EV_TIMEOUT, 0);
    event_base_loop(bench.base, EVLOOP_NONBLOCK);
}

static void a_reading_that_fails_leaves_what_was_known(void **state)
{
    const redisReply error = {.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t) "NOPERM", .len = 6};

    (void)state;
    come_up();
    answer("SCAN 0", NULL); /* the connection ended */
    expect_given_up(1);
    refresh();
    answer("SCAN 0", &error);
    expect_given_up(2);
    refresh();
    answer_page("SCAN 0", "17", 1);
    answer("MGET fanfare:gateway:g", &error);
    expect_given_up(3);
    refresh();
    answer_page("SCAN 0", "17", 2);
    answer_values(1, (const char *const[]){ENTRY("g1", "up")}); /* one value for two keys */
    expect_given_up(4);
    refresh();
    answer_page("SCAN 0", "no number", 0);
    expect_given_up(5);
}

static void a_reading_that_does_not_end_is_given_up(void **state)
{
    (void)state;
    come_up();
    answer_page("SCAN 0", "17", 1);
    answer_values(1, (const char *const[]){ENTRY("g1", "up")});
    now_ms += REGISTRY_READING_MAX_MS + 1;
    answer_page("SCAN 17", "18", 0);
    expect_given_up(1);
    assert_string_equal(bench.asked, "");
    refresh();
    assert_string_equal(bench.asked, "SCAN 0"); /* the next one begins anew, and without what that one had */
    answer_page("SCAN 0", "0", 0);
    expect_told("begin end");
}

static void it_is_read_again_every_refresh_seconds(void **state)
{
    (void)state;
    come_up();
    assert_int_equal(bench.refresh_ms, REFRESH_SECONDS * 1000);
    answer_page("SCAN 0", "0", 0);
    expect_told("begin end");
    bench.refresh_ms = 0;
    refresh();
    assert_string_equal(bench.asked, "SCAN 0");
    assert_int_equal(bench.refresh_ms, REFRESH_SECONDS * 1000);
    refresh(); /* one at a time: the fake would say so */
}

static void say_news(const char *text)
{
    clients[1].conf.events->on_message(slice_str(text), clients[1].conf.arg);
}

static void news_count_at_once(void **state)
{
    (void)state;
    say_news(ENTRY("g1", "up"));
    say_news(ENTRY("g1", "gone"));
    say_news("{\"id\":}");
    expect_told("up:g1 gone:g1");
    assert_int_equal(metrics_get(LM_REGISTRY_NEWS), 3);
    assert_int_equal(metrics_get(LM_REGISTRY_NOISE), 1);
}

/* A reading that has passed a key does not bring back who has said goodbye since. */
static void news_during_a_reading_are_the_last_word(void **state)
{
    (void)state;
    come_up();
    answer_page("SCAN 0", "17", 2);
    answer_values(2, (const char *const[]){ENTRY("g1", "up"), ENTRY("g2", "up")});
    say_news(ENTRY("g1", "gone"));
    expect_told("gone:g1");
    answer_page("SCAN 17", "0", 0);
    expect_told("begin gone:g1 up:g2 end");
}

/* What happened while the news were away may be behind the reading that is under way. */
static void news_that_are_back_make_another_reading(void **state)
{
    (void)state;
    come_up();
    clients[1].conf.events->on_up(clients[1].conf.arg);
    answer_page("SCAN 0", "0", 0);
    expect_told("begin end");
    answer_page("SCAN 0", "0", 0);
    expect_told("begin end");
    assert_string_equal(bench.asked, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reading_tells_what_it_has_found_when_it_is_complete),
        TEST(a_reading_that_fails_leaves_what_was_known),
        TEST(a_reading_that_does_not_end_is_given_up),
        TEST(it_is_read_again_every_refresh_seconds),
        TEST(news_count_at_once),
        TEST(news_during_a_reading_are_the_last_word),
        TEST(news_that_are_back_make_another_reading),
    };

    return cmocka_run_group_tests_name("redis_source", tests, NULL, NULL);
}
