/* SPDX-License-Identifier: Apache-2.0 */
/* The newest half is always there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/intake/ack_cache.h"

static const struct offline_set no_users;

static void fill(struct ack_cache *cache, uint64_t count)
{
    for (uint64_t sequence = 1; sequence <= count; sequence++) {
        assert_int_equal(ack_cache_reserve(cache, 1), STATUS_OK);
        ack_cache_add(cache, sequence, (uint32_t)sequence + 1, &no_users);
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

/* A push to `users` users, of whom the one at `index` is not there. */
static void add_users(struct ack_cache *cache, uint64_t sequence, uint16_t users, uint16_t index)
{
    static struct offline_set set;

    offline_set_begin(&set, users);
    offline_set_add(&set, index);
    assert_int_equal(ack_cache_reserve(cache, 1), STATUS_OK);
    ack_cache_add(cache, sequence, 0, &set);
}

static void assert_offline(const struct ack_cache *cache, uint64_t sequence, uint16_t users, uint16_t index)
{
    uint16_t told = 0;
    const uint8_t *bits = ack_cache_offline(cache, sequence, &told);

    assert_non_null(bits);
    assert_int_equal(told, users);
    for (uint16_t i = 0; i < users; i++)
        assert_int_equal(offline_set_has(bits, i), i == index);
}

static void who_was_not_there_is_found(void **state)
{
    struct ack_cache cache = {0};
    uint16_t users;

    (void)state;
    add_users(&cache, 1, 1, 0);
    assert_int_equal(ack_cache_reserve(&cache, 1), STATUS_OK);
    ack_cache_add(&cache, 2, 7, &no_users);
    add_users(&cache, 3, 1000, 999);
    add_users(&cache, 4, 9, 8);
    assert_offline(&cache, 1, 1, 0);
    assert_null(ack_cache_offline(&cache, 2, &users));
    assert_offline(&cache, 3, 1000, 999);
    assert_offline(&cache, 4, 9, 8);
    assert_null(ack_cache_offline(&cache, 5, &users));
    ack_cache_fini(&cache);
}

/* Past the bytes the older ones are not known any more; the entries themselves stay. */
static void bits_are_bounded(void **state)
{
    struct ack_cache cache = {0};
    uint16_t users;

    (void)state;
    for (uint64_t sequence = 1; sequence <= 100; sequence++)
        add_users(&cache, sequence, 65535, (uint16_t)(sequence * 600));
    assert_in_range(cache.bits_cap, 1, ACK_CACHE_BITS);
    assert_null(ack_cache_offline(&cache, 1, &users));
    assert_non_null(ack_cache_find(&cache, 1));
    for (uint64_t sequence = 86; sequence <= 100; sequence++)
        assert_offline(&cache, sequence, 65535, (uint16_t)(sequence * 600));
    ack_cache_fini(&cache);
}

/* Bits go with their entries, and what stays is still the right one. */
static void bits_of_forgotten_pushes_go(void **state)
{
    struct ack_cache cache = {0};
    const uint64_t last = 3 * ACK_CACHE_MAX;

    (void)state;
    for (uint64_t sequence = 1; sequence <= last; sequence++) {
        if (sequence % 2 == 0)
            add_users(&cache, sequence, 12, (uint16_t)(sequence / 2 % 12));
        else {
            assert_int_equal(ack_cache_reserve(&cache, 1), STATUS_OK);
            ack_cache_add(&cache, sequence, 1, &no_users);
        }
    }
    assert_in_range(cache.bits_len, 1, 4 * ACK_CACHE_MAX / 2);
    for (uint64_t sequence = last - ACK_CACHE_MAX / 2 + 2; sequence <= last; sequence += 2)
        assert_offline(&cache, sequence, 12, (uint16_t)(sequence / 2 % 12));
    ack_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(past_the_bound_the_oldest_half_goes),
        cmocka_unit_test(the_last_half_is_there_at_any_time),
        cmocka_unit_test(who_was_not_there_is_found),
        cmocka_unit_test(bits_are_bounded),
        cmocka_unit_test(bits_of_forgotten_pushes_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
