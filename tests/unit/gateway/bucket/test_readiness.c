/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several causes is told, and that each is forgotten by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/bucket/readiness.h"

static void the_first_cause_is_told(void **state)
{
    struct readiness readiness = {0};

    (void)state;
    assert_null(readiness_fault(&readiness));
    readiness_set(&readiness, UNREADY_BANS, true);
    assert_string_equal(readiness_fault(&readiness), "no logic has said yet who is banned");
    assert_true(readiness_is(&readiness, UNREADY_BANS));
    assert_false(readiness_is(&readiness, UNREADY_REGISTRY));
    readiness_set(&readiness, UNREADY_REGISTRY, true);
    assert_string_equal(readiness_fault(&readiness), "the gateway is not yet in the registry");
    readiness_set(&readiness, UNREADY_CANARY, true);
    assert_string_equal(readiness_fault(&readiness), "the canaries of the logics do not arrive");
    readiness_set(&readiness, UNREADY_DRAINING, true);
    assert_string_equal(readiness_fault(&readiness), "the gateway is shutting down");
}

static void each_cause_ends_by_itself(void **state)
{
    struct readiness readiness = {0};

    (void)state;
    readiness_set(&readiness, UNREADY_REGISTRY, true);
    readiness_set(&readiness, UNREADY_CANARY, true);
    readiness_set(&readiness, UNREADY_CANARY, true);
    readiness_set(&readiness, UNREADY_CANARY, false);
    assert_string_equal(readiness_fault(&readiness), "the gateway is not yet in the registry");
    readiness_set(&readiness, UNREADY_REGISTRY, false);
    assert_null(readiness_fault(&readiness));
    readiness_set(&readiness, UNREADY_DRAINING, false);
    assert_null(readiness_fault(&readiness));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_cause_is_told),
        cmocka_unit_test(each_cause_ends_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
