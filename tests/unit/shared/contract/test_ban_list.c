/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that have heard the same agree, whatever came first; what is over is forgotten, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shared/contract/ban_list.h"

enum { NOW = 1000000 };

static struct ban_list *list_new(void)
{
    struct ban_list *list;

    assert_int_equal(ban_list_new(&list), STATUS_OK);
    return list;
}

static struct ban ban_of(const char *user, int64_t at_s, int64_t until_s, int64_t keep_s)
{
    return (struct ban){slice_str(user), NOW + until_s, (NOW + at_s) * 1000, NOW + keep_s};
}

static enum status merge(struct ban_list *list, struct ban ban)
{
    assert_null(ban_fault(&ban));
    return ban_list_merge(list, &ban, NOW);
}

static bool is_kept_out(const struct ban_list *list, const char *user, int64_t now_s)
{
    struct ban ban;

    return ban_list_find(list, slice_str(user), &ban) && ban_holds(&ban, now_s);
}

static void a_ban_holds_until_its_end(void **state)
{
    struct ban_list *list = list_new();

    (void)state;
    assert_int_equal(ban_list_digest(list), 0);
    assert_int_equal(merge(list, ban_of("u", 0, 60, 60)), STATUS_OK);
    assert_true(is_kept_out(list, "u", NOW + 59));
    assert_false(is_kept_out(list, "u", NOW + 60));
    assert_false(is_kept_out(list, "v", NOW));
    assert_int_equal(ban_list_in_force(list, NOW + 59), 1);
    assert_int_equal(ban_list_in_force(list, NOW + 60), 0);
    ban_list_free(list);
}

static void of_two_the_later_order_counts(void **state)
{
    struct ban_list *list = list_new();

    (void)state;
    merge(list, ban_of("u", 10, 60, 60));
    merge(list, ban_of("u", 9, 600, 600));
    assert_false(is_kept_out(list, "u", NOW + 60));
    merge(list, ban_of("u", 11, 30, 30));
    assert_true(is_kept_out(list, "u", NOW + 29));
    assert_false(is_kept_out(list, "u", NOW + 30));
    merge(list, ban_of("u", 11, 40, 40)); /* ordered at the same time: the longer one */
    merge(list, ban_of("u", 11, 35, 35));
    assert_true(is_kept_out(list, "u", NOW + 39));
    assert_int_equal(ban_list_count(list), 1);
    ban_list_free(list);
}

/* Else who was away meanwhile would bring the first one back. */
static void what_was_lifted_is_known_as_long_as_the_ban(void **state)
{
    struct ban_list *list = list_new();
    struct ban ban;

    (void)state;
    merge(list, ban_of("u", 0, 600, 600));
    merge(list, ban_of("u", 1, 1, 5));
    assert_false(is_kept_out(list, "u", NOW + 1));
    ban_list_expire(list, NOW + 599);
    assert_true(ban_list_find(list, slice_str("u"), &ban));
    assert_int_equal(ban.keep_s, NOW + 600);
    const struct ban old = ban_of("u", 0, 600, 600);
    assert_int_equal(ban_list_merge(list, &old, NOW + 599), STATUS_OK);
    assert_false(is_kept_out(list, "u", NOW + 599));
    ban_list_expire(list, NOW + 600);
    assert_int_equal(ban_list_count(list), 0);
    assert_int_equal(ban_list_digest(list), 0);
    ban_list_free(list);
}

static void what_is_over_is_not_learned(void **state)
{
    struct ban_list *list = list_new();
    struct ban ban = ban_of("u", -60, 0, 0);

    (void)state;
    assert_int_equal(merge(list, ban), STATUS_OK);
    assert_int_equal(ban_list_count(list), 0);
    ban.keep_s++;
    assert_int_equal(merge(list, ban), STATUS_OK);
    assert_int_equal(ban_list_count(list), 1);
    ban_list_free(list);
}

/* Every order of four bans of two users, each heard twice. */
static void the_order_of_hearing_does_not_matter(void **state)
{
    const struct ban bans[] = {ban_of("u", 0, 100, 100), ban_of("u", 5, 5, 50), ban_of("u", 5, 7, 20),
                               ban_of("v", 1, 30, 30)};
    struct ban_list *first = list_new();

    (void)state;
    for (int i = 0; i < 4; i++)
        merge(first, bans[i]);
    for (int order = 0; order < 256; order++) {
        struct ban_list *list = list_new();

        for (int i = 0; i < 4; i++)
            merge(list, bans[order >> 2 * i & 3]);
        for (int i = 3; i >= 0; i--)
            merge(list, bans[i]);
        assert_int_equal(ban_list_digest(list), ban_list_digest(first));
        ban_list_free(list);
    }
    ban_list_free(first);
}

static void the_digest_tells_lists_apart(void **state)
{
    const struct ban bans[] = {ban_of("u", 0, 60, 60), ban_of("v", 0, 60, 60), ban_of("u", 0, 61, 61),
                               ban_of("u", 1, 60, 60), ban_of("u", 0, 60, 61)};
    enum { COUNT = sizeof bans / sizeof bans[0] };
    uint64_t seen[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        struct ban_list *list = list_new();

        merge(list, bans[i]);
        seen[i] = ban_list_digest(list);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(seen[i], seen[j]);
        ban_list_free(list);
    }
}

static void fill(struct ban_list *list, size_t count)
{
    char name[32];

    for (size_t i = ban_list_count(list); i < count; i++) {
        snprintf(name, sizeof name, "u%zu", i);
        assert_int_equal(merge(list, ban_of(name, 0, (int64_t)i + 1, (int64_t)i + 1)), STATUS_OK);
    }
}

static void it_is_bounded_in_users(void **state)
{
    struct ban_list *list = list_new();
    const struct slice more[] = {slice_str("u0"), slice_str("more"), slice_str("and more")};

    (void)state;
    fill(list, BAN_LIST_MAX - 1);
    assert_true(ban_list_has_room(list, more, 2, NOW));
    assert_false(ban_list_has_room(list, more, 3, NOW));
    assert_int_equal(merge(list, ban_of("more", 0, 60, 60)), STATUS_OK);
    uint64_t digest = ban_list_digest(list);
    assert_int_equal(merge(list, ban_of("and more", 0, 60, 60)), STATUS_FULL);
    assert_int_equal(ban_list_digest(list), digest);
    assert_int_equal(merge(list, ban_of("u0", 1, 90, 90)), STATUS_OK); /* it is there already */
    assert_true(ban_list_has_room(list, more, 2, NOW));
    assert_true(ban_list_has_room(list, more, 3, NOW + 60)); /* some are over */
    ban_list_free(list);
}

static void it_is_bounded_in_bytes(void **state)
{
    struct ban_list *list = list_new();
    char name[1025] = "";
    const struct slice one = slice_of("x", 1);

    (void)state;
    memset(name, 'n', sizeof name - 1);
    for (size_t i = 0; i < BAN_LIST_NAME_BYTES / 1024; i++) {
        assert_true(ban_list_has_room(list, &one, 1, NOW));
        snprintf(name, sizeof name, "%04zu", i);
        name[4] = 'n';
        assert_int_equal(merge(list, ban_of(name, 0, 60, 60)), STATUS_OK);
    }
    assert_false(ban_list_has_room(list, &one, 1, NOW));
    assert_int_equal(merge(list, ban_of("x", 0, 60, 60)), STATUS_FULL);
    ban_list_free(list);
}

static void an_order_is_later_than_all_that_is_known(void **state)
{
    struct ban_list *list = list_new();
    const struct slice users[] = {slice_str("u"), slice_str("v"), slice_str("w")};

    (void)state;
    merge(list, ban_of("u", 50, 60, 60)); /* by a clock that is ahead */
    merge(list, ban_of("v", -50, 60, 60));
    assert_int_equal(ban_list_moment(list, users + 1, 2, NOW * INT64_C(1000)), NOW * INT64_C(1000));
    assert_int_equal(ban_list_moment(list, users, 3, NOW * INT64_C(1000)), (NOW + 50) * INT64_C(1000) + 1);
    ban_list_free(list);
}

static void a_clock_that_is_days_ahead_is_not_believed(void **state)
{
    struct ban_list *list = list_new();

    (void)state;
    assert_int_equal(merge(list, ban_of("u", BAN_AHEAD_S, BAN_AHEAD_S + 60, BAN_AHEAD_S + 60)), STATUS_OK);
    assert_int_equal(merge(list, ban_of("v", BAN_AHEAD_S + 1, BAN_AHEAD_S + 60, BAN_AHEAD_S + 60)),
                     STATUS_INVALID);
    assert_int_equal(merge(list, ban_of("u", BAN_AHEAD_S + 1, 0, BAN_AHEAD_S + 60)), STATUS_INVALID);
    assert_true(is_kept_out(list, "u", NOW));
    ban_list_free(list);
}

static void what_is_no_ban_has_a_fault(void **state)
{
    struct ban ban = ban_of("u", 0, BAN_MAX_S, BAN_MAX_S);

    (void)state;
    assert_null(ban_fault(&ban));
    ban.keep_s++;
    assert_string_equal(ban_fault(&ban), "longer than 30 days");
    ban.keep_s -= 2;
    assert_string_equal(ban_fault(&ban), "forgotten before it is over");
    ban = ban_of("u", 2, 0, 1);
    assert_string_equal(ban_fault(&ban), "forgotten before it is over");
    ban = ban_of("", 0, 1, 1);
    assert_non_null(ban_fault(&ban));
    ban = ban_of("a\nb", 0, 1, 1);
    assert_non_null(ban_fault(&ban));
    ban = ban_of("u", 0, 0, 0);
    ban.until_s = -1;
    assert_string_equal(ban_fault(&ban), "a time before 1970");
}

struct told {
    char users[64];
    int gone;
};

static void note(void *arg, const struct ban *ban, bool gone)
{
    struct told *told = arg;

    told->gone += gone;
    strncat(told->users, (const char *)ban->user.data, ban->user.len);
}

static void every_change_is_told(void **state)
{
    struct ban_list *list = list_new();
    struct told told = {"", 0};

    (void)state;
    ban_list_tell(list, note, &told);
    merge(list, ban_of("u", 0, 60, 60));
    merge(list, ban_of("v", 0, 90, 90));
    merge(list, ban_of("u", 0, 60, 60)); /* known */
    merge(list, ban_of("u", 1, 70, 70));
    assert_string_equal(told.users, "uvu");
    assert_int_equal(told.gone, 0);
    ban_list_expire(list, NOW + 70);
    assert_string_equal(told.users, "uvuu");
    assert_int_equal(told.gone, 1);
    ban_list_tell(list, NULL, NULL);
    ban_list_expire(list, NOW + 90);
    assert_int_equal(told.gone, 1);
    ban_list_free(list);
}

/* What is forgotten leaves no hole: a list is told by its indexes. */
static void all_that_is_known_has_an_index(void **state)
{
    struct ban_list *list = list_new();
    struct ban ban;

    (void)state;
    fill(list, 100);
    ban_list_expire(list, NOW + 40);
    assert_int_equal(ban_list_count(list), 60);
    for (size_t i = 0; i < 60; i++) {
        const struct ban at = ban_list_get(list, i);

        assert_true(at.keep_s > NOW + 40 && ban_list_find(list, at.user, &ban));
        assert_ptr_equal(ban.user.data, at.user.data);
        for (size_t j = 0; j < i; j++)
            assert_false(slice_equal(ban_list_get(list, j).user, at.user));
    }
    fill(list, 100);
    ban_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ban_holds_until_its_end),
        cmocka_unit_test(of_two_the_later_order_counts),
        cmocka_unit_test(what_was_lifted_is_known_as_long_as_the_ban),
        cmocka_unit_test(what_is_over_is_not_learned),
        cmocka_unit_test(the_order_of_hearing_does_not_matter),
        cmocka_unit_test(the_digest_tells_lists_apart),
        cmocka_unit_test(it_is_bounded_in_users),
        cmocka_unit_test(it_is_bounded_in_bytes),
        cmocka_unit_test(an_order_is_later_than_all_that_is_known),
        cmocka_unit_test(a_clock_that_is_days_ahead_is_not_believed),
        cmocka_unit_test(what_is_no_ban_has_a_fault),
        cmocka_unit_test(every_change_is_told),
        cmocka_unit_test(all_that_is_known_has_an_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
