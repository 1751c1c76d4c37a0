/* SPDX-License-Identifier: Apache-2.0 */
/* From pushes to buckets, with buckets that the test plays: who gets what, the accounts of items, pressure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/fanout/fanout.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/net/precise_timer.h"
#include "tests/unit/terms_script.h"

#define HERE "0123456789abcdef" /* this gateway, in the ids of its connections */

enum { BUCKETS = 2, MARK = 10 };

struct bucket {
    size_t jobs;
    size_t woken;
    enum status answer; /* to a delivery */
    char
        got[512]; /* "room:count " of each; "room:count! " with a deadline, "room:count- " when it excludes */
};

static struct bucket bucket_of[BUCKETS];

enum status bucket_post_delivery(struct bucket *bucket, struct delivery *delivery)
{
    size_t len = strlen(bucket->got);

    if (bucket->answer == STATUS_OK)
        snprintf(bucket->got + len, sizeof bucket->got - len, "%.*s:%u%s%s ", (int)delivery->key.len,
                 (const char *)delivery->key.data, delivery->items, delivery->expires_us != 0 ? "!" : "",
                 delivery->exclusions != NULL ? "-" : "");
    return bucket->answer;
}

void bucket_wake(struct bucket *bucket)
{
    bucket->woken++;
}

size_t bucket_jobs(const struct bucket *bucket)
{
    return bucket->jobs;
}

size_t bucket_clients(const struct bucket *bucket)
{
    return bucket == &bucket_of[0]; /* one in the first */
}

/* The timer of the windows, which the test lets fire. */
struct precise_timer {
    precise_timer_fire *on_fire;
    void *arg;
    bool set;
    int64_t deadline_us;
};

static struct precise_timer window;

enum status precise_timer_new(struct event_base *base, precise_timer_fire *on_fire, void *arg,
                              struct precise_timer **out)
{
    (void)base;
    window = (struct precise_timer){.on_fire = on_fire, .arg = arg};
    *out = &window;
    return STATUS_OK;
}

void precise_timer_free(struct precise_timer *timer)
{
    (void)timer;
}

void precise_timer_set(struct precise_timer *timer, int64_t deadline_us)
{
    timer->set = true;
    timer->deadline_us = deadline_us;
}

void precise_timer_cancel(struct precise_timer *timer)
{
    timer->set = false;
}

bool precise_timer_is_set(const struct precise_timer *timer)
{
    return timer->set;
}

static void pass_us(int64_t us)
{
    int64_t until = clock_now_us() + us;

    while (clock_now_us() <= until)
        continue;
}

/* Waits for the timer's time and lets it fire. */
static void fire(void)
{
    assert_true(window.set);
    pass_us(window.deadline_us - clock_now_us());
    window.set = false;
    window.on_fire(window.arg);
}

struct bench {
    struct event_base *base;
    struct directory *directory;
    struct connection_table *connections;
    struct fanout *fanout;
    struct bucket *buckets[BUCKETS];
    int pressed; /* how often it was told, and */
    bool is_pressed;
};

static void on_pressure(void *arg, bool pressed)
{
    struct bench *bench = arg;

    bench->pressed++;
    bench->is_pressed = pressed;
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct fanout_conf conf = {
        .limits = {.merger = {.delay_us = 0, .max_items = 100, .max_bytes = 65536, .leading = true},
                   .max_jobs = MARK},
        .buckets = bench->buckets,
        .bucket_count = BUCKETS,
        .on_pressure = on_pressure,
        .arg = bench,
    };

    memset(bucket_of, 0, sizeof bucket_of);
    for (int i = 0; i < BUCKETS; i++)
        bench->buckets[i] = &bucket_of[i];
    gateway_metrics_setup();
    assert_int_equal(directory_new(&bench->directory), STATUS_OK);
    conf.directory = bench->directory;
    assert_int_equal(connection_table_new(16, connection_id_instance(HERE), &bench->connections), STATUS_OK);
    conf.connections = bench->connections;
    bench->base = event_base_new();
    assert_int_equal(fanout_new(bench->base, &conf, &bench->fanout), STATUS_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    fanout_free(bench->fanout);
    event_base_free(bench->base);
    directory_free(bench->directory);
    connection_table_free(bench->connections);
    free(bench);
    return 0;
}

static struct directory_entry *enter(struct bench *bench, const char *room, unsigned bucket)
{
    struct directory_entry *entry =
        directory_enter(bench->directory, slice_str(room), hashmap_hash(slice_str(room)), bucket);

    assert_non_null(entry);
    atomic_fetch_add(&entry->members[ENCODING_WS_V1], 1);
    return entry;
}

static void leave(struct bench *bench, struct directory_entry *entry, unsigned bucket)
{
    directory_exit(bench->directory, entry, bucket);
}

/* One push of `count` items of one digit each; `terms` NULL: none. */
static uint32_t push_with(struct bench *bench, const char *room, uint32_t count,
                          const struct push_terms *terms)
{
    static const uint8_t item[] = {0, 0, 0, 1, '7'}; /* length and bytes, as in a record */
    struct push_sink sink = fanout_sink(bench->fanout);
    uint8_t items[10 * sizeof item];

    assert_true(count <= 10);
    for (uint32_t i = 0; i < count; i++)
        memcpy(items + i * sizeof item, item, sizeof item);
    return sink.deliver(sink.arg, slice_str(room), slice_of(items, count * sizeof item), count, terms);
}

static uint32_t push(struct bench *bench, const char *room, uint32_t count)
{
    return push_with(bench, room, count, NULL);
}

/* With the terms of a line of words. */
static uint32_t push_terms(struct bench *bench, const char *room, uint32_t count, const char *line)
{
    struct terms_script script;

    return push_with(bench, room, count, terms_script_read(&script, line));
}

/* All items that came are merged, without audience or dropped. */
static void expect_balance(void)
{
    assert_int_equal(metrics_get(M_ITEMS_RECEIVED),
                     metrics_get(M_ITEMS_MERGED) + metrics_get(M_ITEMS_NO_AUDIENCE) +
                         metrics_get(M_ITEMS_CONFLATED) + metrics_get(M_ITEMS_DROPPED_MEMORY) +
                         metrics_get(M_ITEMS_DROPPED_BUCKET) + metrics_get(M_ITEMS_DROPPED_EXPIRED));
    assert_int_equal(metrics_get(M_ITEMS_MERGING), 0);
}

static void only_buckets_with_members_get_it(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 1);

    assert_int_equal(push(bench, "r", 3), 1);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "");
    assert_string_equal(bucket_of[1].got, "r:3 ");
    expect_balance();
    leave(bench, entry, 1);
}

static void the_items_of_a_turn_share_a_frame(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);
    uint64_t before = metrics_get(M_BATCHES);

    push(bench, "r", 1);
    push(bench, "r", 2);
    assert_string_equal(bucket_of[0].got, "");
    assert_int_equal(metrics_get(M_ITEMS_MERGING), 3);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:3 ");
    assert_int_equal(metrics_get(M_BATCHES) - before, 1);
    assert_int_equal(metrics_get(M_ITEMS_MERGING), 0);
    leave(bench, entry, 0);
}

/* A user's key is found like a room's, its items stand in a row of their own, and the room of that name hears
 * nothing. */
static void the_connections_of_a_user_get_it(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *first = enter(bench, "\x02u7", 0);
    struct directory_entry *second = enter(bench, "\x02u7", 1);
    struct directory_entry *room = enter(bench, "u7", 0);
    uint64_t users = metrics_get(M_ITEMS_USER);
    uint64_t rooms = metrics_get(M_ITEMS_ROOM);

    assert_int_equal(push(bench, "\x02u7", 2), 2);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "\x02u7:2 ");
    assert_string_equal(bucket_of[1].got, "\x02u7:2 ");
    assert_int_equal(metrics_get(M_ITEMS_USER) - users, 2);
    assert_int_equal(metrics_get(M_ITEMS_ROOM), rooms);
    expect_balance();
    leave(bench, first, 0);
    leave(bench, second, 1);
    leave(bench, room, 0);
}

static void a_room_without_members_costs_a_counter(void **state)
{
    struct bench *bench = *state;
    uint64_t before = metrics_get(M_ITEMS_NO_AUDIENCE);

    assert_int_equal(push(bench, "nobody", 2), 0);
    assert_int_equal(fanout_pending(bench->fanout), 0);
    assert_int_equal(metrics_get(M_ITEMS_NO_AUDIENCE) - before, 2);
    expect_balance();
}

static void who_leaves_before_the_window_ends_is_no_audience(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);
    uint64_t before = metrics_get(M_ITEMS_NO_AUDIENCE);

    push(bench, "r", 2);
    leave(bench, entry, 0);
    fanout_end_turn(bench->fanout);
    assert_int_equal(metrics_get(M_ITEMS_NO_AUDIENCE) - before, 2);
    assert_int_equal(metrics_get(M_ITEMS_MERGING), 0);
    expect_balance();
}

static void what_a_full_bucket_does_not_take_is_dropped_and_counted(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);
    uint64_t before = metrics_get(M_ITEMS_DROPPED_BUCKET);

    (void)enter(bench, "r", 1);
    bucket_of[1].answer = STATUS_FULL;
    push(bench, "r", 4);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:4 ");
    assert_int_equal(metrics_get(M_ITEMS_DROPPED_BUCKET) - before, 4);
    expect_balance();
    leave(bench, entry, 0);
    leave(bench, entry, 1);
}

/* All items of one push, and what waited before it, and not at the end of the turn. */
static void an_urgent_push_goes_at_once_and_whole(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);

    push(bench, "r", 2);
    push_terms(bench, "r", 3, "urgent");
    assert_string_equal(bucket_of[0].got, "r:5 ");
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:5 ");
    expect_balance();
    leave(bench, entry, 0);
}

static void replaced_items_are_counted(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);
    uint64_t before = metrics_get(M_ITEMS_CONFLATED);

    push_terms(bench, "r", 3, "key=a");
    push_terms(bench, "r", 1, "key=b");
    push_terms(bench, "r", 1, "key=a");
    assert_int_equal(metrics_get(M_ITEMS_MERGING), 2);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:2 ");
    assert_int_equal(metrics_get(M_ITEMS_CONFLATED) - before, 3);
    expect_balance();
    leave(bench, entry, 0);
}

static void a_deadline_and_exclusions_go_with_their_batch(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);

    push(bench, "r", 1);
    push_terms(bench, "r", 2, "ttl=60000");
    push_terms(bench, "r", 1, "-u");
    push(bench, "r", 1);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:1 r:2! r:2- ");
    expect_balance();
    leave(bench, entry, 0);
}

/* Whose gateway it is, an id says. */
static void connections_of_other_gateways_exclude_nobody(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);

    push_terms(bench, "r", 1, "-#00000000000000ff-1-40");
    fanout_end_turn(bench->fanout);
    push_terms(bench, "r", 1, "-#" HERE "-1-40 -#no-id");
    fanout_end_turn(bench->fanout);
    push_terms(bench, "r", 1, "-#" HERE "-fffff-40");
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:1 r:1- r:1 ");
    expect_balance();
    leave(bench, entry, 0);
}

static void what_is_over_when_it_comes_is_dropped_and_seals_nothing(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);
    uint64_t before = metrics_get(M_ITEMS_DROPPED_EXPIRED);

    push(bench, "r", 1);
    assert_int_equal(push_terms(bench, "r", 2, "ttl=0 urgent"), 1);
    assert_string_equal(bucket_of[0].got, "");
    push(bench, "r", 1);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:2 ");
    assert_int_equal(metrics_get(M_ITEMS_DROPPED_EXPIRED) - before, 2);
    expect_balance();
    leave(bench, entry, 0);
}

/* The loop was held up within the turn. */
static void what_is_late_at_its_sealing_is_dropped(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);
    uint64_t before = metrics_get(M_ITEMS_DROPPED_EXPIRED);

    push_terms(bench, "r", 2, "ttl=1");
    pass_us(1000);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "");
    assert_int_equal(metrics_get(M_ITEMS_DROPPED_EXPIRED) - before, 2);
    expect_balance();
    leave(bench, entry, 0);
}

static void pressure_begins_above_the_mark_and_ends_at_half(void **state)
{
    struct bench *bench = *state;

    bucket_of[1].jobs = MARK;
    fanout_end_turn(bench->fanout);
    assert_int_equal(bench->pressed, 0);
    bucket_of[1].jobs = MARK + 1;
    fanout_end_turn(bench->fanout);
    assert_true(bench->is_pressed);
    assert_int_equal(metrics_get(M_RPC_HELD), 1);
    bucket_of[1].jobs = MARK / 2 + 1;
    fanout_end_turn(bench->fanout);
    assert_true(bench->is_pressed);
    bucket_of[1].jobs = MARK / 2;
    fanout_end_turn(bench->fanout);
    assert_false(bench->is_pressed);
    assert_int_equal(bench->pressed, 2);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

/* Nobody says that a bucket has caught up, so the loop looks. */
static void pressure_ends_by_itself(void **state)
{
    struct bench *bench = *state;
    const struct timeval patience = {.tv_sec = 5};
    bool late = false;

    bucket_of[0].jobs = MARK + 1;
    fanout_end_turn(bench->fanout);
    bucket_of[0].jobs = 0;
    assert_int_equal(event_base_once(bench->base, -1, EV_TIMEOUT, on_late, &late, &patience), 0);
    while (bench->is_pressed && !late)
        event_base_loop(bench->base, EVLOOP_ONCE);
    assert_false(late);
    assert_int_equal(bench->pressed, 2);
}

static void only_buckets_with_clients_are_woken(void **state)
{
    struct bench *bench = *state;

    fanout_wake_buckets(bench->fanout);
    fanout_wake_buckets(bench->fanout); /* at once again: they are awake */
    assert_int_equal(bucket_of[0].woken, 1);
    assert_int_equal(bucket_of[1].woken, 0);
}

/* Other limits, with a window of `delay_us`. */
static void set_window(struct bench *bench, int64_t delay_us)
{
    const struct fanout_limits limits = {
        .merger = {.delay_us = delay_us, .max_items = 100, .max_bytes = 65536, .leading = true},
        .max_jobs = MARK};

    fanout_set_limits(bench->fanout, &limits);
}

/* The loop has not run meanwhile: no timer has ended the first window. */
static void a_window_that_has_ended_holds_nothing_back(void **state)
{
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);

    set_window(bench, 1000);
    push(bench, "r", 1);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:1 ");
    pass_us(1000);
    push(bench, "r", 2);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:1 r:2 ");
    leave(bench, entry, 0);
}

/* The timer was set for the end of windows that nobody waits for, and is set anew for one that somebody does.
 */
static void what_waits_goes_when_its_window_ends(void **state)
{
    enum { WINDOW_US = 20000 };
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);

    set_window(bench, WINDOW_US);
    push(bench, "r", 1);
    fanout_end_turn(bench->fanout);
    int64_t later = window.deadline_us;
    push(bench, "r", 2);
    fanout_end_turn(bench->fanout);
    assert_string_equal(bucket_of[0].got, "r:1 ");
    assert_in_range(later - window.deadline_us, WINDOW_US - WINDOW_US / 32, WINDOW_US);
    fire();
    assert_string_equal(bucket_of[0].got, "r:1 r:2 ");
    leave(bench, entry, 0);
}

/* The windows of many rooms, each opened at a time of its own, end together. */
static void windows_end_on_a_grid(void **state)
{
    enum { WINDOW_US = 32000 };
    struct bench *bench = *state;
    struct directory_entry *entry = enter(bench, "r", 0);

    set_window(bench, WINDOW_US);
    push(bench, "r", 1);
    fanout_end_turn(bench->fanout);
    push(bench, "r", 2);
    fanout_end_turn(bench->fanout);
    assert_int_equal(window.deadline_us % (WINDOW_US / 32), 0);
    leave(bench, entry, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_buckets_with_members_get_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_items_of_a_turn_share_a_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(the_connections_of_a_user_get_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_room_without_members_costs_a_counter, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_before_the_window_ends_is_no_audience, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_full_bucket_does_not_take_is_dropped_and_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_urgent_push_goes_at_once_and_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(replaced_items_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_and_exclusions_go_with_their_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(connections_of_other_gateways_exclude_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_over_when_it_comes_is_dropped_and_seals_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_late_at_its_sealing_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(pressure_begins_above_the_mark_and_ends_at_half, setup, teardown),
        cmocka_unit_test_setup_teardown(pressure_ends_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(only_buckets_with_clients_are_woken, setup, teardown),
        cmocka_unit_test_setup_teardown(a_window_that_has_ended_holds_nothing_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_goes_when_its_window_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(windows_end_on_a_grid, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
