/* SPDX-License-Identifier: Apache-2.0 */
/* audience: keys and target bytes of all kinds; no name that a client may give is the key of another kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/contract/audience.h"
#include "shared/contract/push.h"

static void a_key_says_whose_it_is(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < AUDIENCE_KINDS; kind++)
        if (kind != AUDIENCE_ROOM)
            assert_int_equal(audience_of(audience_key((enum audience)kind)), kind);
    assert_int_equal(audience_of(slice_of(NULL, 0)), AUDIENCE_EVERYONE);
    assert_int_equal(audience_of(slice_str("room")), AUDIENCE_ROOM);
    assert_int_equal(audience_of(slice_str(" ")), AUDIENCE_ROOM);
    assert_int_equal(audience_of(slice_str("\xC3\xA9")), AUDIENCE_ROOM);
}

static void only_rooms_have_keys_that_a_client_can_name(void **state)
{
    uint8_t name[] = {0, 'a'};

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        name[0] = (uint8_t)first;
        bool is_name = push_room_fault(slice_of(name, 2), 8) == NULL;

        if (audience_of(slice_of(name, 2)) != AUDIENCE_ROOM)
            assert_false(is_name);
    }
    for (unsigned kind = 0; kind < AUDIENCE_KINDS; kind++)
        if (kind != AUDIENCE_ROOM)
            assert_non_null(push_room_fault(audience_key((enum audience)kind), 8));
}

static void target_bytes_are_those_of_the_wire(void **state)
{
    enum audience kind = AUDIENCE_CANARY;

    (void)state;
    assert_int_equal(audience_target(AUDIENCE_EVERYONE), 0);
    assert_int_equal(audience_target(AUDIENCE_ROOM), 1);
    assert_true(audience_of_target(0, &kind));
    assert_int_equal(kind, AUDIENCE_EVERYONE);
    assert_true(audience_of_target(1, &kind));
    assert_int_equal(kind, AUDIENCE_ROOM);
    for (unsigned byte = 2; byte < 256; byte++)
        assert_false(audience_of_target((uint8_t)byte, &kind));
    assert_string_equal(audience_name(AUDIENCE_EVERYONE), "all");
    assert_string_equal(audience_name(AUDIENCE_ROOM), "rooms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_says_whose_it_is),
        cmocka_unit_test(only_rooms_have_keys_that_a_client_can_name),
        cmocka_unit_test(target_bytes_are_those_of_the_wire),
    };

    return cmocka_run_group_tests_name("audience", tests, NULL, NULL);
}
