/* SPDX-License-Identifier: Apache-2.0 */
/* The newest half is always there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/intake/ack_cache.h"

static void fill(struct ack_cache *cache, uint64_t count)
{
    for (uint64_t sequence = 1; sequence <= count; sequence++) {
        assert_int_equal(ack_cache_reserve(cache, 1), STATUS_OK);
        ack_cache_add(cache, sequence, (uint32_t)sequence + 1);
    }
}

static void what_was_added_is_found(void **state)
{
    struct ack_cache cache = {0};

    (void)state;
    assert_null(ack_cache_find(&cache, 1));
    fill(&cache, 100);
    for (uint64_t sequence = 1; sequence <= 100; sequence++)
        assert_int_equal(ack_cache_find(&cache, sequence)->clients, sequence + 1);
    assert_null(ack_cache_find(&cache, 101));
    ack_cache_fini(&cache);
}

static void past_the_bound_the_oldest_half_goes(void **state)
{
    struct ack_cache cache = {0};

    (void)state;
    fill(&cache, ACK_CACHE_MAX + 1);
    assert_null(ack_cache_find(&cache, ACK_CACHE_MAX / 2));
    for (uint64_t sequence = ACK_CACHE_MAX / 2 + 1; sequence <= ACK_CACHE_MAX + 1; sequence++)
        assert_non_null(ack_cache_find(&cache, sequence));
    assert_in_range(cache.cap, 1, ACK_CACHE_MAX);
    ack_cache_fini(&cache);
}

static void the_last_half_is_there_at_any_time(void **state)
{
    struct ack_cache cache = {0};

    (void)state;
    fill(&cache, 2 * ACK_CACHE_MAX + 77);
    for (uint64_t back = 0; back < ACK_CACHE_MAX / 2; back++)
        assert_non_null(ack_cache_find(&cache, 2 * ACK_CACHE_MAX + 77 - back));
    ack_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(past_the_bound_the_oldest_half_goes),
        cmocka_unit_test(the_last_half_is_there_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
