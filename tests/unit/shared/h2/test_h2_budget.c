/* SPDX-License-Identifier: Apache-2.0 */
/* What frames cost and what pays for them, without a socket or a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/h2/h2_budget.h"

enum { PING = 6, DATA = 0, RST_STREAM = 3, PADDED = 8, MAX_PAYLOAD = 16384 };

static uint8_t bytes[H2_FRAME_HEADER_LEN + MAX_PAYLOAD];

static size_t frame(uint8_t type, uint8_t flags, size_t payload)
{
    const uint8_t head[] = {(uint8_t)(payload >> 16), (uint8_t)(payload >> 8), (uint8_t)payload, type, flags};

    memset(bytes, 0xff, sizeof bytes);
    memcpy(bytes, head, sizeof head);
    return H2_FRAME_HEADER_LEN + payload;
}

/* How many of the frame in `bytes` pass, at most `most`. */
static int passed(struct h2_budget *budget, size_t len, int most)
{
    int count = 0;

    while (count < most && h2_budget_receive(budget, bytes, len, budget->now_ms))
        count++;
    return count;
}

static void frames_cost_until_nothing_is_left(void **state)
{
    struct h2_budget budget;

    (void)state;
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(PING, 1, 8), 9999), H2_BUDGET_FRAMES);
    assert_int_equal(passed(&budget, frame(PING, 1, 8), 9999), 0);
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(0x77, 0, 0), 9999), H2_BUDGET_FRAMES);
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(RST_STREAM, 0, 4), 9999), H2_BUDGET_FRAMES / H2_RESET_FRAMES);
}

static void time_pays_up_to_the_most(void **state)
{
    struct h2_budget budget;
    size_t len = frame(PING, 0, 8);

    (void)state;
    h2_budget_init(&budget, false, 1000);
    for (int64_t now = 1000; now < 100000; now++)
        assert_true(h2_budget_receive(&budget, bytes, len, now));
    assert_true(h2_budget_receive(&budget, bytes, len, INT64_MAX / 1024));
    assert_int_equal(passed(&budget, len, 9999), H2_BUDGET_FRAMES - 1);
}

static void bytes_of_data_pay(void **state)
{
    struct h2_budget budget;

    (void)state;
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(DATA, 0, MAX_PAYLOAD), 100000), 100000);
    assert_int_equal(passed(&budget, frame(DATA, 0, H2_FRAME_COST), 100000), 100000);
    assert_int_equal(passed(&budget, frame(DATA, 0, H2_FRAME_COST - 1), 9999999),
                     H2_BUDGET_FRAMES * H2_FRAME_COST - (H2_FRAME_COST - 1));
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(DATA, 0, 1), 9999), 2007);
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(DATA, PADDED, 256), 9999), H2_BUDGET_FRAMES);
    h2_budget_init(&budget, false, 1000);
    assert_int_equal(passed(&budget, frame(0x77, 0, MAX_PAYLOAD), 9999), H2_BUDGET_FRAMES);
}

static void what_is_earned_pays(void **state)
{
    struct h2_budget budget;
    size_t len = frame(PING, 0, 8);

    (void)state;
    h2_budget_init(&budget, false, 1000);
    h2_budget_earn(&budget, SIZE_MAX);
    assert_int_equal(passed(&budget, len, 1000), 1000);
    h2_budget_earn(&budget, 500 * H2_FRAME_COST);
    assert_int_equal(passed(&budget, len, 9999), H2_BUDGET_FRAMES - 500);
    h2_budget_init(&budget, false, 1000);
    assert_true(h2_budget_spend(&budget, (size_t)H2_BUDGET_FRAMES * H2_FRAME_COST));
    assert_false(h2_budget_spend(&budget, 1));
}

/* Frames are found however the bytes are cut, behind the preface of a client too. */
static void every_cut_counts_alike(void **state)
{
    static uint8_t all[H2_CLIENT_PREFACE_LEN + 10 * (H2_FRAME_HEADER_LEN + 300)];
    size_t len = H2_CLIENT_PREFACE_LEN;

    (void)state;
    memset(all, 0xff, sizeof all);
    for (size_t payload = 0; payload < 300; payload += 30) {
        size_t one = frame(PING, 0, payload);

        memcpy(all + len, bytes, one);
        len += one;
    }
    for (size_t step = 1; step <= len; step++) {
        struct h2_budget budget;

        h2_budget_init(&budget, true, 1000);
        for (size_t at = 0; at < len; at += step)
            assert_true(h2_budget_receive(&budget, all + at, len - at < step ? len - at : step, 1000));
        assert_int_equal(budget.units, (H2_BUDGET_FRAMES - 10) * H2_FRAME_COST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_cost_until_nothing_is_left),
        cmocka_unit_test(time_pays_up_to_the_most),
        cmocka_unit_test(bytes_of_data_pay),
        cmocka_unit_test(what_is_earned_pays),
        cmocka_unit_test(every_cut_counts_alike),
    };

    return cmocka_run_group_tests_name("h2_budget", tests, NULL, NULL);
}
