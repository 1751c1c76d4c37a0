/* SPDX-License-Identifier: Apache-2.0 */
/* What a client does after each close code: of the table, of later versions, of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/contract/close_codes.h"

static void a_code_has_the_name_of_its_row(void **state)
{
    (void)state;
    assert_string_equal(close_code_name(1000), "normal");
    assert_string_equal(close_code_name(CLOSE_going_away), "going_away");
    assert_string_equal(close_code_name(4201), "heartbeat_timeout");
    assert_string_equal(close_code_name(4002), "unauthorized");
    assert_string_equal(close_code_name(4202), "token_expired");
    assert_string_equal(close_code_name(4999), "");
    assert_string_equal(close_code_name(0), "");
}

static void rows_of_the_same_class_advise_the_same(void **state)
{
    static const int codes[] = {
#define X(code, name, advice) code,
        CLOSE_CODES(X)
#undef X
    };
    static const enum close_advice classes[] = {CLOSE_THEN_NEVER, CLOSE_THEN_BACK_OFF, CLOSE_THEN_NOW};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] >= 4000)
            assert_int_equal(close_code_advice(codes[i]), classes[codes[i] / 100 - 40]);
}

static void a_drain_tells_when(void **state)
{
    (void)state;
    assert_int_equal(close_code_advice(1001), CLOSE_THEN_TOLD);
    assert_int_equal(close_code_advice(1000), CLOSE_THEN_ANY);
}

static void what_needs_repair_is_never(void **state)
{
    static const int codes[] = {1002, 1003, 1007, 1008, 1009, 4000, 4001, 4002};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(close_code_advice(codes[i]), CLOSE_THEN_NEVER);
}

static void what_is_nobodys_fault_backs_off(void **state)
{
    static const int codes[] = {0, 1006, 1011, 1012, 1013, 3000, 4300, 4999};

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_int_equal(close_code_advice(codes[i]), CLOSE_THEN_BACK_OFF);
}

static void codes_of_later_versions_go_by_their_class(void **state)
{
    (void)state;
    assert_int_equal(close_code_advice(4099), CLOSE_THEN_NEVER);
    assert_int_equal(close_code_advice(4199), CLOSE_THEN_BACK_OFF);
    assert_int_equal(close_code_advice(4299), CLOSE_THEN_NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_has_the_name_of_its_row),
        cmocka_unit_test(rows_of_the_same_class_advise_the_same),
        cmocka_unit_test(a_drain_tells_when),
        cmocka_unit_test(what_needs_repair_is_never),
        cmocka_unit_test(what_is_nobodys_fault_backs_off),
        cmocka_unit_test(codes_of_later_versions_go_by_their_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
