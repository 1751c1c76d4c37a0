/* SPDX-License-Identifier: Apache-2.0 */
/* How many different ones: exactly while they are few, nearly when they are many, and of several places as if
 * it had been one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "shared/base/distinct.h"
#include "shared/base/hashmap.h"

static const uint64_t key[2] = {1, 2};

static uint64_t hash_of(unsigned number)
{
    char name[16];
    int len = snprintf(name, sizeof name, "user-%u", number);

    return hashmap_siphash(key, slice_of(name, (size_t)len));
}

static void add(struct distinct *distinct, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        assert_int_equal(distinct_add(distinct, hash_of(i)), STATUS_OK);
}

static void expect_exactly(struct distinct *distinct, unsigned count)
{
    const uint64_t *hashes;
    bool exact = false;

    assert_int_equal(distinct_count(distinct, &exact), count);
    assert_true(exact);
    assert_int_equal(distinct_hashes(distinct, &hashes), count);
    for (unsigned i = 1; i < count; i++)
        assert_true(hashes[i - 1] < hashes[i]);
}

/* Within four standard deviations. */
static void expect_nearly(struct distinct *distinct, double count)
{
    bool exact = true;
    double found = (double)distinct_count(distinct, &exact);

    assert_false(exact);
    assert_true(found > count * 0.936 && found < count * 1.064);
}

static void few_are_counted_exactly(void **state)
{
    struct distinct distinct = {0};

    (void)state;
    expect_exactly(&distinct, 0);
    add(&distinct, 0, 1);
    expect_exactly(&distinct, 1);
    for (int again = 0; again < 50; again++)
        add(&distinct, 0, 1000);
    expect_exactly(&distinct, 1000);
    add(&distinct, 0, DISTINCT_MAX - 1);
    expect_exactly(&distinct, DISTINCT_MAX - 1);
    distinct_fini(&distinct);
    expect_exactly(&distinct, 0);
}

static void many_are_estimated(void **state)
{
    static const unsigned counts[] = {DISTINCT_MAX, 10000, 300000};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct distinct distinct = {0};

        add(&distinct, 0, counts[i]);
        add(&distinct, 0, counts[i] / 2); /* who comes again does not count */
        expect_nearly(&distinct, counts[i]);
        assert_true(distinct.capacity <= 2 * DISTINCT_MAX);
        distinct_fini(&distinct);
    }
}

static void the_smallest_are_kept_and_no_others(void **state)
{
    struct distinct distinct = {0};
    const uint64_t *hashes;

    (void)state;
    for (uint64_t i = 20000; i > 0; i--)
        assert_int_equal(distinct_add(&distinct, i * 7), STATUS_OK);
    assert_int_equal(distinct_hashes(&distinct, &hashes), DISTINCT_MAX);
    for (uint64_t i = 0; i < DISTINCT_MAX; i++)
        assert_true(hashes[i] == (i + 1) * 7);
    distinct_fini(&distinct);
}

static void places_together_are_as_one(void **state)
{
    struct distinct one = {0}, other = {0}, both = {0};
    const uint64_t *hashes, *expected;
    size_t count;

    (void)state;
    add(&one, 0, 40000);
    add(&other, 20000, 60000);
    add(&both, 0, 60000);
    count = distinct_hashes(&other, &hashes);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(distinct_add(&one, hashes[i]), STATUS_OK);
    assert_int_equal(distinct_hashes(&one, &hashes), distinct_hashes(&both, &expected));
    assert_memory_equal(hashes, expected, DISTINCT_MAX * sizeof *hashes);
    expect_nearly(&one, 60000);
    distinct_fini(&one);
    distinct_fini(&other);
    distinct_fini(&both);
}

static void the_largest_hash_is_no_overflow(void **state)
{
    struct distinct distinct = {0};
    bool exact;

    (void)state;
    for (uint64_t i = 0; i < DISTINCT_MAX; i++)
        assert_int_equal(distinct_add(&distinct, UINT64_MAX - i), STATUS_OK);
    assert_int_equal(distinct_count(&distinct, &exact), DISTINCT_MAX - 1);
    distinct_fini(&distinct);
    for (uint64_t i = 0; i < DISTINCT_MAX; i++)
        assert_int_equal(distinct_add(&distinct, i), STATUS_OK);
    assert_true(distinct_count(&distinct, &exact) > UINT64_MAX / 2);
    distinct_fini(&distinct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_counted_exactly),
        cmocka_unit_test(many_are_estimated),
        cmocka_unit_test(the_smallest_are_kept_and_no_others),
        cmocka_unit_test(places_together_are_as_one),
        cmocka_unit_test(the_largest_hash_is_no_overflow),
    };

    return cmocka_run_group_tests_name("distinct", tests, NULL, NULL);
}
