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

#include "logic/query/user_count.h"
#include "shared/base/hashmap.h"
#include "shared/jose/base64url.h"

static struct user_count *users;

static int set_up(void **state)
{
    (void)state;
    users = malloc(sizeof *users);
    assert_non_null(users);
    user_count_init(users);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(users);
    return 0;
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
    bool good = user_count_add(users, slice_of(text.data, text.len));
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
    assert_true(add_hashes(hashes, count < USER_HASHES ? count : USER_HASHES));
    free(hashes);
}

static void expect_exactly(uint64_t number)
{
    bool exact;

    assert_int_equal(user_count_get(users, &exact), number);
    assert_true(exact);
}

static void expect_about(double number)
{
    bool exact;
    double got = (double)user_count_get(users, &exact);

    assert_false(exact);
    assert_true(got > number * 0.92 && got < number * 1.08); /* five times the error that is expected */
}

static void nobody_is_nobody(void **state)
{
    (void)state;
    expect_exactly(0);
    assert_true(user_count_add(users, slice_str("")));
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
    add_users(1, USER_HASHES - 1);
    expect_exactly(USER_HASHES - 1);
    add_users(USER_HASHES, USER_HASHES);
    expect_about(USER_HASHES);
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

static void a_list_that_is_none_is_refused_and_changes_nothing(void **state)
{
    const uint64_t unsorted[] = {2, 1}, twice[] = {3, 3};
    uint64_t *many = calloc(USER_HASHES + 1, sizeof *many);

    (void)state;
    for (size_t i = 0; i <= USER_HASHES; i++)
        many[i] = i + 1;
    add_users(1, 10);
    assert_false(add_hashes(unsorted, 2));
    assert_false(add_hashes(twice, 2));
    assert_false(add_hashes(many, USER_HASHES + 1));
    assert_false(user_count_add(users, slice_str("AAAA"))); /* three bytes */
    assert_false(user_count_add(users, slice_str("====")));
    expect_exactly(10);
    free(many);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_nobody),
        TEST(who_is_at_two_gateways_counts_once),
        TEST(the_last_exact_number_and_the_first_estimate),
        TEST(many_are_estimated),
        TEST(a_list_that_is_none_is_refused_and_changes_nothing),
    };

    return cmocka_run_group_tests_name("user_count", tests, NULL, NULL);
}
