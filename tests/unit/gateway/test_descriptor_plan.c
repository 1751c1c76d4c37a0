/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have how many descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/descriptor_plan.h"

static struct descriptor_needs needs_of(size_t limit, unsigned threads)
{
    return (struct descriptor_needs){
        .limit = limit, .open = 3, .threads = threads, .max_clients = 100000, .max_rpc = 1024};
}

static size_t sum_of(const struct descriptor_plan *plan)
{
    return plan->own + 3 * plan->admin + plan->rpc + plan->handshakes + plan->refused + 2 * plan->hook +
           plan->clients;
}

static void where_there_are_enough_everybody_has_all(void **state)
{
    static const size_t limits[] = {1048576, SIZE_MAX};
    struct descriptor_plan plan;
    struct fault fault;

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct descriptor_needs needs = needs_of(limits[i], 2);

        assert_int_equal(descriptor_plan_make(&needs, &plan, &fault), STATUS_OK);
        assert_int_equal(plan.clients, 100000);
        assert_int_equal(plan.rpc, 1024);
        assert_int_equal(plan.handshakes, 256);
        assert_int_equal(plan.refused, 1024);
        assert_int_equal(plan.admin, 64);
    }
}

static void fetching_keys_takes_what_it_says_and_no_more(void **state)
{
    struct descriptor_needs needs = needs_of(4096, 2);
    struct descriptor_plan without, with;
    struct fault fault;

    (void)state;
    assert_int_equal(descriptor_plan_make(&needs, &without, &fault), STATUS_OK);
    needs.keys = 40;
    assert_int_equal(descriptor_plan_make(&needs, &with, &fault), STATUS_OK);
    assert_int_equal(with.own, without.own + 40);
    assert_true(sum_of(&with) <= 4096);
}

/* From the least limit on, with every number of threads: what is planned fits, and leaves nobody out. */
static void the_sum_never_passes_the_limit(void **state)
{
    struct descriptor_plan plan;
    struct fault fault;

    (void)state;
    for (unsigned threads = 1; threads <= 64; threads++) {
        size_t planned = 0;

        for (size_t limit = 1; limit < 3000; limit++) {
            const struct descriptor_needs needs = needs_of(limit, threads);

            if (descriptor_plan_make(&needs, &plan, &fault) != STATUS_OK) {
                assert_int_equal(planned, 0);
                continue;
            }
            planned++;
            assert_true(sum_of(&plan) <= limit);
            assert_true(plan.own >= 15 + 9 * (size_t)threads);
            assert_true(plan.admin >= 4 && plan.rpc >= 4 && plan.handshakes >= 4 && plan.refused >= 4);
            assert_true(plan.clients >= 8);
        }
        assert_true(planned > 0);
    }
}

static void too_few_are_told_with_what_is_needed(void **state)
{
    const struct descriptor_needs needs = needs_of(256, 32);
    struct descriptor_plan plan;
    struct fault fault;

    (void)state;
    assert_int_equal(descriptor_plan_make(&needs, &plan, &fault), STATUS_INVALID);
    assert_non_null(strstr(fault.text, "RLIMIT_NOFILE: 256 file descriptors are too few"));
    assert_non_null(strstr(fault.text, "323 for the gateway itself with 32 bucketThreads, and 32 for"));
}

static void redis_and_inherited_files_count(void **state)
{
    struct descriptor_needs needs = needs_of(1024, 2);
    struct descriptor_plan plain, more;
    struct fault fault;

    (void)state;
    assert_int_equal(descriptor_plan_make(&needs, &plain, &fault), STATUS_OK);
    needs.redis = true;
    needs.open += 100;
    assert_int_equal(descriptor_plan_make(&needs, &more, &fault), STATUS_OK);
    assert_int_equal(more.own, plain.own + 108);
    assert_true(more.clients < plain.clients);
}

static void a_small_option_is_not_passed(void **state)
{
    struct descriptor_needs needs = needs_of(1024, 2);
    struct descriptor_plan plan;
    struct fault fault;

    (void)state;
    needs.max_rpc = 1;
    needs.max_clients = 3;
    assert_int_equal(descriptor_plan_make(&needs, &plan, &fault), STATUS_OK);
    assert_int_equal(plan.rpc, 1);
    assert_int_equal(plan.clients, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_there_are_enough_everybody_has_all),
        cmocka_unit_test(fetching_keys_takes_what_it_says_and_no_more),
        cmocka_unit_test(the_sum_never_passes_the_limit),
        cmocka_unit_test(too_few_are_told_with_what_is_needed),
        cmocka_unit_test(redis_and_inherited_files_count),
        cmocka_unit_test(a_small_option_is_not_passed),
    };

    return cmocka_run_group_tests_name("descriptor_plan", tests, NULL, NULL);
}
