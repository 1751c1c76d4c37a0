/* SPDX-License-Identifier: Apache-2.0 */
/* What is published, what its queue takes and what is dropped, with a Redis and a clock that the test plays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "logic/dispatch/bus_publisher.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"

enum { QUEUE_SECONDS = 10, MOST = 4, RECORD_BYTES = 64 };

struct redis_client {
    const struct redis_events *events;
    void *arg;
    bool up;
    int commands;
    uint32_t pushes; /* of the last message */
    uint64_t first;
    uint32_t ttl_ms; /* of its first push */
    redis_answer *done;
    void *done_arg;
};

static struct redis_client the_redis;
static int64_t now_ms;

int64_t clock_now_ms(void)
{
    return now_ms;
}

enum status redis_client_new(const struct redis_client_conf *conf, struct redis_client **out)
{
    the_redis = (struct redis_client){.events = conf->events, .arg = conf->arg};
    *out = &the_redis;
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

const char *redis_client_name(const struct redis_client *client)
{
    (void)client;
    return "redis:1/0";
}

enum status redis_client_command(struct redis_client *client, redis_answer *done, void *arg,
                                 const struct slice *words, size_t count)
{
    const struct push_limits limits = {.max_room_len = 128, .max_item_len = 65536, .max_depth = 64};
    struct push_batch batch;
    struct push_record record;
    struct fault fault;

    assert_int_equal(count, 3);
    assert_string_equal((const char *)words[0].data, "PUBLISH");
    assert_int_equal(push_batch_decode(words[2], &limits, &batch, &fault), STATUS_OK);
    client->commands++;
    client->pushes = batch.count;
    client->first = batch.first_sequence;
    assert_true(push_next_record(&batch.records, &record));
    client->ttl_ms = record.terms.ttl_ms;
    client->done = done;
    client->done_arg = arg;
    return STATUS_OK;
}

struct bench {
    struct event_base *base;
    struct logic_conf conf;
    struct bus_publisher *bus;
    uint64_t sequence;
};

static int setup(void **state)
{
    static const uint8_t logic_id[LOGIC_ID_LEN] = {7};
    static char channel[] = "fanfare";
    struct bench *bench = calloc(1, sizeof *bench);

    logic_metrics_setup();
    now_ms = 1000;
    bench->base = event_base_new();
    bench->conf = (struct logic_conf){.gateway_max_pending_count = MOST,
                                      .link_queue_bytes = 1 << 20,
                                      .link_queue_seconds = QUEUE_SECONDS,
                                      .rpc_batch_bytes = 1 << 20,
                                      .bus_channel = channel,
                                      .bus_mode = BUS_MIRROR};
    assert_int_equal(bus_publisher_new(bench->base, NULL, &bench->conf, logic_id, &bench->bus), STATUS_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    bus_publisher_free(bench->bus);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_QUEUED), 0);
    assert_int_equal(metrics_get(LM_BUS_BYTES_QUEUED), 0);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_ACCEPTED),
                     metrics_get(LM_BUS_PUSHES_PUBLISHED) + metrics_get(LM_BUS_PUSHES_EXPIRED) +
                         metrics_get(LM_BUS_PUSHES_DOWN) + metrics_get(LM_BUS_PUSHES_REFUSED) +
                         metrics_get(LM_BUS_PUSHES_FULL) + metrics_get(LM_BUS_PUSHES_SHUTDOWN));
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void turn(struct bench *bench)
{
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
}

static void come_up(struct bench *bench)
{
    the_redis.up = true;
    the_redis.events->on_up(the_redis.arg);
    turn(bench);
}

static void go_down(struct bench *bench)
{
    the_redis.up = false;
    if (the_redis.done != NULL)
        the_redis.done(NULL, the_redis.done_arg);
    the_redis.done = NULL;
    the_redis.events->on_down(the_redis.arg);
    turn(bench);
}

static void add(struct bench *bench, int count)
{
    const struct slice room = slice_str("r");
    const struct slice item = slice_str("1");
    const struct push push = {
        .target = AUDIENCE_ROOM, .rooms = &room, .room_count = 1, .items = &item, .item_count = 1};

    while (count-- > 0) {
        struct encoded_push *encoded;

        assert_int_equal(encoded_push_new(&push, ++bench->sequence, &encoded), STATUS_OK);
        bus_publisher_add(bench->bus, encoded, now_ms);
        encoded_push_unref(encoded);
    }
}

static void answer(struct bench *bench, int type)
{
    static char text[] = "ERR too large";
    const redisReply reply = {.type = type, .integer = 2, .str = text, .len = sizeof text - 1};
    redis_answer *done = the_redis.done;

    assert_non_null(done);
    the_redis.done = NULL;
    done(&reply, the_redis.done_arg);
    turn(bench);
}

/* Each message says what is left when it goes out, the repeated one too. */
static void a_time_to_live_runs_while_redis_is_away(void **state)
{
    struct bench *bench = *state;
    const struct slice item = slice_str("1");
    const struct push push = {.target = AUDIENCE_EVERYONE,
                              .items = &item,
                              .item_count = 1,
                              .terms = {.ttl_ms = 5000, .has_ttl = true}};
    struct encoded_push *encoded;

    assert_int_equal(encoded_push_new(&push, ++bench->sequence, &encoded), STATUS_OK);
    bus_publisher_add(bench->bus, encoded, now_ms);
    encoded_push_unref(encoded);
    now_ms += 1200;
    come_up(bench);
    assert_int_equal(the_redis.ttl_ms, 3800);
    go_down(bench);
    now_ms += 800;
    come_up(bench);
    assert_int_equal(the_redis.ttl_ms, 3000);
    go_down(bench);
    now_ms += 4000;
    come_up(bench);
    assert_int_equal(the_redis.ttl_ms, 0);
    answer(bench, REDIS_REPLY_INTEGER);
}

static void one_message_is_under_way_and_the_next_gathers(void **state)
{
    struct bench *bench = *state;

    come_up(bench);
    add(bench, 1);
    turn(bench);
    add(bench, 3);
    turn(bench);
    assert_int_equal(the_redis.commands, 1);
    answer(bench, REDIS_REPLY_INTEGER);
    assert_int_equal(the_redis.commands, 2);
    assert_int_equal(the_redis.pushes, 3);
    assert_int_equal(the_redis.first, 2);
    answer(bench, REDIS_REPLY_INTEGER);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_PUBLISHED), 4);
    assert_int_equal(metrics_get(LM_BUS_RECEIVERS), 2);
}

static void a_full_queue_drops_the_copy_and_counts_it(void **state)
{
    struct bench *bench = *state;

    come_up(bench);
    add(bench, MOST + 2);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_QUEUED), MOST);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_FULL), 2);
    assert_int_equal(bus_publisher_offer(bench->bus, RECORD_BYTES, now_ms), LINK_FULL);
    the_redis.up = false;
    assert_int_equal(bus_publisher_offer(bench->bus, RECORD_BYTES, now_ms), LINK_DROPS);
}

static void what_is_queued_waits_for_redis(void **state)
{
    struct bench *bench = *state;

    add(bench, 2);
    turn(bench);
    assert_int_equal(the_redis.commands, 0);
    come_up(bench);
    assert_int_equal(the_redis.pushes, 2);
    answer(bench, REDIS_REPLY_INTEGER);
}

static void a_redis_that_was_down_for_long_gets_nothing_more(void **state)
{
    struct bench *bench = *state;

    add(bench, 1);
    now_ms += QUEUE_SECONDS * 1000 - 1;
    assert_int_equal(bus_publisher_offer(bench->bus, RECORD_BYTES, now_ms), LINK_TAKES);
    now_ms += 1;
    assert_int_equal(bus_publisher_offer(bench->bus, RECORD_BYTES, now_ms), LINK_DROPS);
    add(bench, 1);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_DOWN), 1);
    turn(bench);
    event_base_loop(bench->base, EVLOOP_ONCE); /* its tick */
    assert_int_equal(metrics_get(LM_BUS_PUSHES_EXPIRED), 1);
}

static void a_message_without_an_answer_is_sent_again_under_its_numbers(void **state)
{
    struct bench *bench = *state;

    come_up(bench);
    add(bench, 2);
    turn(bench);
    go_down(bench);
    add(bench, 1);
    come_up(bench);
    assert_int_equal(the_redis.commands, 2);
    assert_int_equal(the_redis.first, 1);
    assert_int_equal(the_redis.pushes, 2); /* as it was: what came later waits */
}

static void a_refused_push_takes_no_others_with_it(void **state)
{
    struct bench *bench = *state;

    come_up(bench);
    add(bench, 4);
    turn(bench);
    assert_int_equal(the_redis.pushes, 4);
    answer(bench, REDIS_REPLY_ERROR);
    assert_int_equal(the_redis.pushes, 2);
    answer(bench, REDIS_REPLY_ERROR);
    assert_int_equal(the_redis.pushes, 1);
    answer(bench, REDIS_REPLY_ERROR);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_REFUSED), 1);
    assert_int_equal(the_redis.first, 2);
    answer(bench, REDIS_REPLY_INTEGER);
    assert_int_equal(the_redis.pushes, 2); /* it grows again */
    answer(bench, REDIS_REPLY_INTEGER);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_PUBLISHED), 3);
}

static void what_ends_the_connection_each_time_is_given_up(void **state)
{
    struct bench *bench = *state;

    add(bench, 1);
    for (int i = 0; i < 6; i++) {
        come_up(bench);
        go_down(bench);
    }
    assert_int_equal(the_redis.commands, 5);
    assert_int_equal(metrics_get(LM_BUS_PUSHES_REFUSED), 1);
}

static void a_shutdown_waits_for_what_only_the_bus_brings(void **state)
{
    struct bench *bench = *state;

    add(bench, 2);
    assert_int_equal(bus_publisher_owes(bench->bus), 0); /* the links bring the mirror's */
    bench->conf.bus_mode = BUS_ONLY;
    assert_int_equal(bus_publisher_owes(bench->bus), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_time_to_live_runs_while_redis_is_away),
        TEST(one_message_is_under_way_and_the_next_gathers),
        TEST(a_full_queue_drops_the_copy_and_counts_it),
        TEST(what_is_queued_waits_for_redis),
        TEST(a_redis_that_was_down_for_long_gets_nothing_more),
        TEST(a_message_without_an_answer_is_sent_again_under_its_numbers),
        TEST(a_refused_push_takes_no_others_with_it),
        TEST(what_ends_the_connection_each_time_is_given_up),
        TEST(a_shutdown_waits_for_what_only_the_bus_brings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
