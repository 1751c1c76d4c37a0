/* SPDX-License-Identifier: Apache-2.0 */
/* When keys are fetched: hours pass here in no time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/auth/key_schedule.h"

#define HOUR INT64_C(3600000)

static struct key_schedule schedule;
static int64_t now;

static int begin(void **state)
{
    (void)state;
    now = 5 * HOUR;
    key_schedule_init(&schedule, now);
    return 0;
}

/* What is due in `wait` ms is due then, and not before. */
static void due_in(int64_t least, int64_t most)
{
    int64_t wait = key_schedule_wait_ms(&schedule, now);

    if (wait < least || wait > most)
        fail_msg("due in %lld ms, wanted %lld to %lld", (long long)wait, (long long)least, (long long)most);
    assert_int_equal(key_schedule_wait_ms(&schedule, now + wait), 0);
    assert_int_equal(key_schedule_wait_ms(&schedule, now + wait + 1), 0);
    if (wait > 0)
        assert_int_equal(key_schedule_wait_ms(&schedule, now + wait - 1), 1);
}

static void succeed(int64_t max_age_s, uint32_t chance)
{
    key_schedule_begin(&schedule, now);
    key_schedule_succeed(&schedule, now, max_age_s, chance);
}

static void fail_once(uint32_t chance)
{
    key_schedule_begin(&schedule, now);
    key_schedule_fail(&schedule, now, chance);
}

static void the_first_is_due_at_once(void **state)
{
    (void)state;
    due_in(0, 0);
}

static void keys_are_fetched_again_before_they_are_old(void **state)
{
    static const struct {
        int64_t max_age_s;
        int64_t life_ms;
    } rows[] = {{-1, 3600000},   {0, 300000},       {299, 300000},       {300, 300000},
                {7200, 7200000}, {86400, 86400000}, {31536000, 86400000}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        succeed(rows[i].max_age_s, 0);
        due_in(rows[i].life_ms * 80 / 100, rows[i].life_ms * 80 / 100);
        succeed(rows[i].max_age_s, 100);
        due_in(rows[i].life_ms * 90 / 100, rows[i].life_ms * 90 / 100);
        for (uint32_t chance = 0; chance < 1000; chance += 7) {
            succeed(rows[i].max_age_s, chance * 4294967);
            due_in(rows[i].life_ms * 80 / 100, rows[i].life_ms * 90 / 100);
        }
    }
}

static void pauses_grow_to_five_minutes_and_begin_anew(void **state)
{
    int64_t ceiling = 1000;

    (void)state;
    for (int i = 0; i < 100; i++) {
        fail_once(UINT32_MAX);
        due_in(ceiling / 2, ceiling);
        now += key_schedule_wait_ms(&schedule, now);
        ceiling = ceiling * 2 < 300000 ? ceiling * 2 : 300000;
    }
    due_in(0, 0);
    succeed(-1, 0);
    fail_once(0);
    due_in(500, 1000);
}

static void an_unknown_key_brings_it_forward(void **state)
{
    (void)state;
    succeed(-1, 0);
    key_schedule_want(&schedule, now);
    due_in(30000, 30000);
    now += 10000;
    key_schedule_want(&schedule, now);
    due_in(20000, 20000);
    now += HOUR / 2;
    due_in(0, 0);
    succeed(-1, 0);
    now += HOUR / 2;
    due_in(1, HOUR);
    key_schedule_want(&schedule, now);
    due_in(0, 0);
}

/* However many tokens name keys that are not there, the server is asked once each 30 s. */
static void a_flood_of_unknown_keys_asks_once_each_half_minute(void **state)
{
    int fetches = 0;

    (void)state;
    succeed(-1, 0);
    for (int64_t end = now + 600000; now < end; now += 100) {
        key_schedule_want(&schedule, now);
        if (key_schedule_wait_ms(&schedule, now) > 0)
            continue;
        succeed(-1, 0);
        fetches++;
    }
    assert_int_equal(fetches, 19);
}

/* The pause of failures is not cut below half a minute from one fetch to the next. */
static void an_unknown_key_does_not_hammer_a_server_that_fails(void **state)
{
    int fetches = 0;

    (void)state;
    for (int i = 0; i < 12; i++) {
        fail_once(UINT32_MAX);
        now += key_schedule_wait_ms(&schedule, now);
    }
    for (int64_t end = now + 600000; now < end; now += 100) {
        key_schedule_want(&schedule, now);
        if (key_schedule_wait_ms(&schedule, now) > 0)
            continue;
        fail_once(UINT32_MAX);
        fetches++;
    }
    assert_int_equal(fetches, 20);
}

static void wanting_never_puts_it_off(void **state)
{
    (void)state;
    fail_once(0);
    key_schedule_want(&schedule, now);
    due_in(500, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        TEST(the_first_is_due_at_once),
        TEST(keys_are_fetched_again_before_they_are_old),
        TEST(pauses_grow_to_five_minutes_and_begin_anew),
        TEST(an_unknown_key_brings_it_forward),
        TEST(a_flood_of_unknown_keys_asks_once_each_half_minute),
        TEST(an_unknown_key_does_not_hammer_a_server_that_fails),
        TEST(wanting_never_puts_it_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
