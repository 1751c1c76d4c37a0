/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of rooms: what matches, what does not, the bounds of a list, and that no pattern takes long. Each
 * answer is also held against a slow matcher that tries everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/contract/room_pattern.h"

static const struct slice nobody = {NULL, 0};

static bool slow(const char *pattern, const char *room)
{
    if (*pattern == '\0')
        return *room == '\0';
    if (*pattern == '*')
        return slow(pattern + 1, room) || (*room != '\0' && slow(pattern, room + 1));
    return *room == *pattern && slow(pattern + 1, room + 1);
}

static void matches(const char *pattern, const char *user, const char *room, bool wanted)
{
    struct slice who = user != NULL ? slice_str(user) : nobody;

    if (room_pattern_matches(slice_str(pattern), who, slice_str(room)) != wanted)
        fail_msg("%s for %s against %s: wanted %d", pattern, user != NULL ? user : "nobody", room, wanted);
}

static void a_literal_is_itself(void **state)
{
    (void)state;
    matches("orders", NULL, "orders", true);
    matches("orders", NULL, "order", false);
    matches("orders", NULL, "orders2", false);
    matches("orders", NULL, "Orders", false);
    matches("a?c", NULL, "abc", false);
    matches("[a]", NULL, "a", false);
    matches("{user}", "u", "{user}", true);
    matches("{su", "u", "{su", true);
}

static void a_star_is_any_run(void **state)
{
    (void)state;
    matches("*", NULL, "x", true);
    matches("orders.*", NULL, "orders.7", true);
    matches("orders.*", NULL, "orders.", true);
    matches("orders.*", NULL, "orders", false);
    matches("*.7", NULL, "orders.7", true);
    matches("*.7", NULL, "orders.7x", false);
    matches("a*b*c", NULL, "a-b-c", true);
    matches("a*b*c", NULL, "abc", true);
    matches("a*b*c", NULL, "acb", false);
    matches("a*a", NULL, "a", false);
    matches("a*a", NULL, "aa", true);
    matches("*ab*ab", NULL, "ab", false);
    matches("*ab*ab", NULL, "abab", true);
    matches("**", NULL, "x", true);
    matches("a**b", NULL, "ab", true);
}

static void sub_is_the_user_and_no_pattern(void **state)
{
    (void)state;
    matches("user-{sub}", "u7", "user-u7", true);
    matches("user-{sub}", "u7", "user-u8", false);
    matches("user-{sub}", NULL, "user-", false);
    matches("user-{sub}", NULL, "user-{sub}", false);
    matches("{sub}.*", "u7", "u7.x", true);
    matches("{sub}.*", "*", "u7.x", false);
    matches("{sub}.*", "*", "*.x", true);
    matches("{sub}{sub}", "ab", "abab", true);
    matches("*-{sub}-*", "{sub}", "x-{sub}-y", true);
    matches("*-{sub}-*", "a*b", "x-axb-y", false);
}

static void no_name_is_empty(void **state)
{
    (void)state;
    matches("*", NULL, "", false);
}

/* Every pattern and name of three letters up to a length. */
static void nothing_differs_from_trying_everything(void **state)
{
    static const char letters[] = "ab*";
    char pattern[7], room[8];

    (void)state;
    for (unsigned p = 0; p < 3 * 3 * 3 * 3 * 3 * 3; p++)
        for (unsigned len = 1; len <= 6; len++)
            for (unsigned r = 0; r < 1U << 7; r++) {
                size_t room_len = 1 + r % 7;

                for (unsigned i = 0, rest = p; i < len; i++, rest /= 3)
                    pattern[i] = letters[rest % 3];
                pattern[len] = '\0';
                for (size_t i = 0; i < room_len; i++)
                    room[i] = (r >> i) & 1 ? 'a' : 'b';
                room[room_len] = '\0';
                matches(pattern, NULL, room, slow(pattern, room));
            }
}

/* A matcher that goes back takes years for the first. */
static void no_pattern_takes_long(void **state)
{
    char pattern[ROOM_PATTERN_MAX + 1], room[1025];
    int64_t begun;

    (void)state;
    memset(room, 'a', 1024);
    room[1024] = '\0';
    for (size_t i = 0; i < ROOM_PATTERN_MAX; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[ROOM_PATTERN_MAX - 1] = 'b';
    pattern[ROOM_PATTERN_MAX] = '\0';
    begun = clock_now_ms();
    for (int i = 0; i < 1000; i++)
        matches(pattern, NULL, room, false);
    memset(pattern, 'a', ROOM_PATTERN_MAX);
    pattern[0] = '*';
    pattern[ROOM_PATTERN_MAX - 2] = 'b';
    pattern[ROOM_PATTERN_MAX - 1] = '*';
    for (int i = 0; i < 1000; i++)
        matches(pattern, NULL, room, false);
    assert_true(clock_now_ms() - begun < 2000);
}

static void what_is_longer_than_a_name_matches_nothing(void **state)
{
    char pattern[ROOM_PATTERN_MAX + 1] = "", user[1025];

    (void)state;
    memset(user, 'u', 1024);
    user[1024] = '\0';
    matches("{sub}", user, user, true);
    for (int i = 0; i < 51; i++)
        strcat(pattern, "{sub}");
    matches(pattern, user, user, false);
    matches("x{sub}", user, user, false);
}

static void only_patterns_are_taken(void **state)
{
    char longest[ROOM_PATTERN_MAX + 2];

    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_null(room_pattern_fault(slice_of(longest, ROOM_PATTERN_MAX)));
    assert_non_null(room_pattern_fault(slice_of(longest, ROOM_PATTERN_MAX + 1)));
    assert_non_null(room_pattern_fault(slice_str("")));
    assert_non_null(room_pattern_fault(slice_str("a\xff")));
    assert_non_null(room_pattern_fault(slice_str("a\n")));
    assert_null(room_pattern_fault(slice_str("r\xc3\xa4um*")));
}

static void a_list_is_bounded_and_matches_by_any(void **state)
{
    struct room_patterns patterns = {NULL, 0, 0};
    char text[16];

    (void)state;
    assert_false(room_patterns_match(&patterns, nobody, slice_str("a")));
    assert_int_equal(room_patterns_add(&patterns, slice_str("")), STATUS_INVALID);
    for (int i = 0; i < ROOM_PATTERNS_MAX; i++) {
        snprintf(text, sizeof text, "r%d.*", i);
        assert_int_equal(room_patterns_add(&patterns, slice_str(text)), STATUS_OK);
    }
    assert_int_equal(room_patterns_add(&patterns, slice_str("x")), STATUS_FULL);
    assert_int_equal(patterns.count, ROOM_PATTERNS_MAX);
    assert_true(room_patterns_match(&patterns, nobody, slice_str("r0.x")));
    assert_true(room_patterns_match(&patterns, nobody, slice_str("r63.x")));
    assert_false(room_patterns_match(&patterns, nobody, slice_str("r64.x")));
    room_patterns_fini(&patterns);
    assert_int_equal(patterns.count, 0);
}

static void an_exclusion_takes_away(void **state)
{
    static const char *const texts[] = {"!private.*", "*", "!{sub}"};
    struct room_patterns patterns = {NULL, 0, 0};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(room_patterns_add(&patterns, slice_str(texts[i])), STATUS_OK);
    assert_true(room_patterns_match(&patterns, nobody, slice_str("default")));
    assert_true(room_patterns_match(&patterns, nobody, slice_str("privat")));
    assert_true(room_patterns_match(&patterns, nobody, slice_str("!private.x")));
    assert_false(room_patterns_match(&patterns, nobody, slice_str("private.x")));
    assert_true(room_patterns_match(&patterns, nobody, slice_str("u7")));
    assert_false(room_patterns_match(&patterns, slice_str("u7"), slice_str("u7")));
    room_patterns_fini(&patterns);
    assert_int_equal(room_patterns_add(&patterns, slice_str("!a")), STATUS_OK);
    assert_false(room_patterns_match(&patterns, nobody, slice_str("b"))); /* taken away from nothing */
    assert_int_equal(room_patterns_add(&patterns, slice_str("!")), STATUS_INVALID);
    room_patterns_fini(&patterns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_is_itself),
        cmocka_unit_test(a_star_is_any_run),
        cmocka_unit_test(sub_is_the_user_and_no_pattern),
        cmocka_unit_test(no_name_is_empty),
        cmocka_unit_test(nothing_differs_from_trying_everything),
        cmocka_unit_test(no_pattern_takes_long),
        cmocka_unit_test(what_is_longer_than_a_name_matches_nothing),
        cmocka_unit_test(only_patterns_are_taken),
        cmocka_unit_test(a_list_is_bounded_and_matches_by_any),
        cmocka_unit_test(an_exclusion_takes_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
