/* SPDX-License-Identifier: Apache-2.0 */
/* How many users several gateways have together: exactly while they are few, else about so many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "logic/query/user_hashes.h"
#include "shared/base/hashmap.h"
#include "shared/jose/base64url.h"

static struct distinct users;

static int forget(void **state)
{
    (void)state;
    distinct_fini(&users);
    users = (struct distinct){0};
    return 0;
}

static bool add_text(struct slice text)
{
    if (!user_hashes_valid(text))
        return false;
    assert_int_equal(user_hashes_add(&users, text), STATUS_OK);
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static bool add_hashes(const uint64_t *hashes, size_t count)
{
    uint64_t *big = calloc(count + 1, sizeof *big);
    struct buf text;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < count; i++)
        big[i] = htobe64(hashes[i]);
    assert_int_equal(base64url_append(&text, slice_of(big, count * sizeof *big)), STATUS_OK);
    bool good = add_text(slice_of(text.data, text.len));
    buf_fini(&text);
    free(big);
    return good;
}

/* A gateway with the users `first` to `last`, which gives the smallest of their hashes. */
static void add_users(size_t first, size_t last)
{
    static const uint64_t key[2] = {1, 2};
    size_t count = last - first + 1;
    uint64_t *hashes = calloc(count, sizeof *hashes);
    char name[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "user-%zu", first + i);
        hashes[i] = hashmap_siphash(key, slice_str(name));
    }
    qsort(hashes, count, sizeof *hashes, compare);
    assert_true(add_hashes(hashes, count < DISTINCT_MAX ? count : DISTINCT_MAX));
    free(hashes);
}

static void expect_exactly(uint64_t number)
{
    bool exact;

    assert_int_equal(distinct_count(&users, &exact), number);
    assert_true(exact);
}

static void expect_about(double number)
{
    bool exact;
    double got = (double)distinct_count(&users, &exact);

    assert_false(exact);
    assert_true(got > number * 0.92 && got < number * 1.08); /* five times the error that is expected */
}

static void nobody_is_nobody(void **state)
{
    (void)state;
    expect_exactly(0);
    assert_true(add_text(slice_str("")));
    expect_exactly(0);
}

static void who_is_at_two_gateways_counts_once(void **state)
{
    (void)state;
    add_users(1, 1000);
    expect_exactly(1000);
    add_users(501, 1500);
    expect_exactly(1500);
    add_users(1, 1500);
    expect_exactly(1500);
}

static void the_last_exact_number_and_the_first_estimate(void **state)
{
    (void)state;
    add_users(1, DISTINCT_MAX - 1);
    expect_exactly(DISTINCT_MAX - 1);
    add_users(DISTINCT_MAX, DISTINCT_MAX);
    expect_about(DISTINCT_MAX);
}

static void many_are_estimated(void **state)
{
    (void)state;
    add_users(1, 100000);
    expect_about(100000);
    add_users(50001, 150000);
    expect_about(150000);
    add_users(150001, 150010);
    expect_about(150010);
}

static void a_list_that_is_none_is_refused(void **state)
{
    const uint64_t unsorted[] = {2, 1}, twice[] = {3, 3};
    uint64_t *many = calloc(DISTINCT_MAX + 1, sizeof *many);

    (void)state;
    for (size_t i = 0; i <= DISTINCT_MAX; i++)
        many[i] = i + 1;
    add_users(1, 10);
    assert_false(add_hashes(unsorted, 2));
    assert_false(add_hashes(twice, 2));
    assert_false(add_hashes(many, DISTINCT_MAX + 1));
    assert_false(add_text(slice_str("AAAA"))); /* three bytes */
    assert_false(add_text(slice_str("====")));
    expect_exactly(10);
    free(many);
}

#define TEST(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_nobody),
        TEST(who_is_at_two_gateways_counts_once),
        TEST(the_last_exact_number_and_the_first_estimate),
        TEST(many_are_estimated),
        TEST(a_list_that_is_none_is_refused),
    };

    return cmocka_run_group_tests_name("user_hashes", tests, NULL, NULL);
}
