/* SPDX-License-Identifier: Apache-2.0 */
/* Orders for users that come later: who finds which, until when, and what happens when the table is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway/bucket/join_orders.h"
#include "gateway/metrics/gateway_metrics.h"

static struct join_orders *orders;

static int setup(void **state)
{
    (void)state;
    gateway_metrics_setup();
    return join_orders_new(&orders);
}

static int teardown(void **state)
{
    (void)state;
    join_orders_free(orders);
    return 0;
}

static void add(const char *user, const char *room, int64_t until_ms, int64_t now_ms)
{
    assert_int_equal(
        join_orders_add(orders, slice_str(user), slice_str(room), JOIN_ORDER_IN, until_ms, now_ms),
        STATUS_OK);
}

/* The rooms, each with a space behind it. */
static void finds(const char *user, int64_t now_ms, const char *expected)
{
    struct buf rooms;

    buf_init(&rooms, SIZE_MAX);
    assert_int_equal(join_orders_find(orders, slice_str(user), now_ms, &rooms), STATUS_OK);
    for (size_t i = 0; i < rooms.len; i++)
        if (rooms.data[i] == '\0')
            rooms.data[i] = ' ';
    assert_int_equal(rooms.len, strlen(expected));
    if (rooms.len > 0)
        assert_memory_equal(rooms.data, expected, rooms.len);
    buf_fini(&rooms);
}

static void a_user_finds_its_own_until_they_end(void **state)
{
    (void)state;
    finds("u", 0, "");
    add("u", "r", 100, 0);
    add("u", "s", 200, 0);
    add("v", "t", 100, 0);
    finds("u", 99, "+r +s ");
    finds("v", 99, "+t ");
    finds("u", 100, "+s ");
    finds("u", 200, "");
    finds("u", 0, "");
}

static void the_later_order_counts(void **state)
{
    (void)state;
    add("u", "r", 100, 0);
    add("u", "r", 50, 0);
    finds("u", 50, "");
    add("u", "r", 50, 0);
    add("u", "r", 100, 0);
    finds("u", 50, "+r ");
}

static void a_leave_takes_one_back(void **state)
{
    (void)state;
    join_orders_remove(orders, slice_str("u"), slice_str("r"));
    add("u", "r", 100, 0);
    add("u", "s", 100, 0);
    join_orders_remove(orders, slice_str("u"), slice_str("r"));
    join_orders_remove(orders, slice_str("v"), slice_str("s"));
    finds("u", 0, "+s ");
}

static void an_order_to_stay_out_takes_the_place_of_one_to_come_in(void **state)
{
    (void)state;
    add("u", "r", 100, 0);
    add("u", "s", 100, 0);
    assert_int_equal(join_orders_add(orders, slice_str("u"), slice_str("r"), JOIN_ORDER_OUT, 50, 0),
                     STATUS_OK);
    finds("u", 0, "+s -r ");
    finds("u", 50, "+s ");
}

static void past_its_bound_the_oldest_goes(void **state)
{
    uint64_t before = metrics_get(M_JOIN_ORDERS_DROPPED);

    (void)state;
    for (int i = 0; i < JOIN_ORDERS_MAX; i++) {
        char user[32];

        snprintf(user, sizeof user, "u%d", i);
        add(user, "r", 100, 0);
    }
    finds("u0", 0, "+r ");
    add("v", "r", 100, 0);
    finds("u0", 0, "");
    finds("u1", 0, "+r ");
    finds("v", 0, "+r ");
    assert_int_equal(metrics_get(M_JOIN_ORDERS_DROPPED) - before, 1);
}

static void what_has_ended_makes_room_first(void **state)
{
    uint64_t before = metrics_get(M_JOIN_ORDERS_DROPPED);

    (void)state;
    for (int i = 0; i < JOIN_ORDERS_MAX; i++) {
        char user[32];

        snprintf(user, sizeof user, "u%d", i);
        add(user, "r", i == 7 ? 50 : 100, 0);
    }
    add("v", "r", 100, 60);
    finds("u0", 60, "+r ");
    finds("v", 60, "+r ");
    assert_int_equal(metrics_get(M_JOIN_ORDERS_DROPPED), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_user_finds_its_own_until_they_end, setup, teardown),
        cmocka_unit_test_setup_teardown(the_later_order_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_leave_takes_one_back, setup, teardown),
        cmocka_unit_test_setup_teardown(an_order_to_stay_out_takes_the_place_of_one_to_come_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(past_its_bound_the_oldest_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_ended_makes_room_first, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
