/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/auth/hook_cache.h"

static struct hook_cache *cache;

static int begin(void **state)
{
    (void)state;
    assert_int_equal(hook_cache_new(3, &cache), STATUS_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hook_cache_free(cache);
    return 0;
}

static void keep(const char *asked, const char *answer, int64_t expires_s)
{
    hook_cache_keep(cache, slice_str(asked), slice_str(answer), expires_s);
}

/* `answer` NULL: nothing. */
static void expect(const char *asked, int64_t now_s, const char *answer)
{
    struct hook_kept kept;
    bool found = hook_cache_find(cache, slice_str(asked), now_s, &kept);

    if (found != (answer != NULL))
        fail_msg("%s: %s", asked, found ? "kept" : "not kept");
    if (found)
        assert_true(slice_equal(kept.answer, slice_str(answer)));
}

static void test_by_exactly_what_was_asked(void **state)
{
    (void)state;
    keep("cookie a", "ann", 100);
    keep("cookie b", "bob", 100);
    expect("cookie a", 50, "ann");
    expect("cookie b", 50, "bob");
    expect("cookie", 50, NULL);
    expect("cookie a ", 50, NULL);
    expect("Cookie a", 50, NULL);
    keep("cookie a", "eve", 200);
    expect("cookie a", 150, "eve");
    assert_int_equal(hook_cache_count(cache), 2);
}

static void test_until_its_end(void **state)
{
    struct hook_kept kept;

    (void)state;
    keep("a", "x", 100);
    assert_true(hook_cache_find(cache, slice_str("a"), 99, &kept));
    assert_int_equal(kept.expires_s, 100);
    expect("a", 100, NULL);
    assert_int_equal(hook_cache_count(cache), 0);
}

static void test_the_least_used_gives_way(void **state)
{
    (void)state;
    keep("a", "1", 100);
    keep("b", "2", 100);
    keep("c", "3", 100);
    expect("a", 1, "1");
    keep("d", "4", 100);
    assert_int_equal(hook_cache_count(cache), 3);
    expect("b", 1, NULL);
    expect("a", 1, "1");
    expect("c", 1, "3");
    expect("d", 1, "4");
}

static void test_bytes_are_bounded(void **state)
{
    size_t len = HOOK_CACHE_BYTES / 3;
    char *answer = malloc(len + 1);

    (void)state;
    memset(answer, 'x', len);
    answer[len] = '\0';
    hook_cache_reset(cache, 100);
    keep("a", answer, 100);
    keep("b", answer, 100);
    keep("c", answer, 100);
    assert_int_equal(hook_cache_count(cache), 2);
    expect("a", 1, NULL);
    expect("c", 1, answer);
    free(answer);
    len = HOOK_CACHE_BYTES;
    answer = malloc(len + 1);
    memset(answer, 'x', len);
    answer[len] = '\0';
    keep("d", answer, 100); /* larger than all may be */
    expect("d", 1, NULL);
    assert_int_equal(hook_cache_count(cache), 2);
    free(answer);
}

static void test_none_and_anew(void **state)
{
    (void)state;
    keep("a", "1", 100);
    hook_cache_reset(cache, 0);
    expect("a", 1, NULL);
    keep("a", "1", 100);
    expect("a", 1, NULL);
    hook_cache_reset(cache, 1);
    keep("a", "1", 100);
    keep("b", "2", 100);
    expect("a", 1, NULL);
    expect("b", 1, "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_exactly_what_was_asked, begin, end),
        cmocka_unit_test_setup_teardown(test_until_its_end, begin, end),
        cmocka_unit_test_setup_teardown(test_the_least_used_gives_way, begin, end),
        cmocka_unit_test_setup_teardown(test_bytes_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_none_and_anew, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
