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
        if (!audience_has_names((enum audience)kind))
            assert_int_equal(audience_of(audience_key((enum audience)kind)), kind);
    assert_int_equal(audience_of(slice_of(NULL, 0)), AUDIENCE_EVERYONE);
    assert_int_equal(audience_of(slice_str("room")), AUDIENCE_ROOM);
    assert_int_equal(audience_of(slice_str(" ")), AUDIENCE_ROOM);
    assert_int_equal(audience_of(slice_str("\xC3\xA9")), AUDIENCE_ROOM);
}

/* A key of the kind, which may be written to `out`. */
static struct slice key_like(enum audience kind, uint8_t out[AUDIENCE_KEY_MAX])
{
    return audience_has_names(kind) ? audience_key_of(kind, slice_str("u7"), out) : audience_key(kind);
}

static void a_key_has_its_name(void **state)
{
    uint8_t out[AUDIENCE_KEY_MAX], other[AUDIENCE_KEY_MAX];
    struct slice room = slice_str("r1");
    struct slice user;

    (void)state;
    assert_ptr_equal(audience_key_of(AUDIENCE_ROOM, room, out).data, room.data);
    assert_int_equal(audience_key_of(AUDIENCE_ROOM, room, out).len, room.len);
    user = audience_key_of(AUDIENCE_USER, room, out);
    assert_true(slice_equal(user, slice_str("\x02r1")));
    assert_int_equal(audience_of(user), AUDIENCE_USER);
    assert_true(slice_equal(audience_key_name(user), room));
    assert_true(slice_equal(audience_key_name(room), room));
    for (unsigned one = 0; one < AUDIENCE_KINDS; one++)
        for (unsigned two = 0; two < one; two++)
            assert_false(slice_equal(key_like((enum audience)one, out), key_like((enum audience)two, other)));
}

static void the_longest_name_has_a_key(void **state)
{
    uint8_t name[AUDIENCE_NAME_MAX + 1], out[AUDIENCE_KEY_MAX];
    struct slice longest = slice_of(name, AUDIENCE_NAME_MAX);

    (void)state;
    memset(name, 'u', sizeof name);
    assert_null(push_name_fault(AUDIENCE_USER, longest, SIZE_MAX));
    assert_string_equal(push_name_fault(AUDIENCE_USER, slice_of(name, sizeof name), SIZE_MAX),
                        "the user name is too long");
    assert_true(slice_equal(audience_key_name(audience_key_of(AUDIENCE_USER, longest, out)), longest));
}

static void only_rooms_have_keys_that_a_client_can_name(void **state)
{
    uint8_t name[AUDIENCE_KEY_MAX] = {0, 'a'};

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        name[0] = (uint8_t)first;
        bool is_name = push_room_fault(slice_of(name, 2), 8) == NULL;

        if (audience_of(slice_of(name, 2)) != AUDIENCE_ROOM)
            assert_false(is_name);
    }
    for (unsigned kind = 0; kind < AUDIENCE_KINDS; kind++)
        if (kind != AUDIENCE_ROOM)
            assert_non_null(push_room_fault(key_like((enum audience)kind, name), 8));
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
    assert_int_equal(audience_target(AUDIENCE_USER), 2);
    assert_true(audience_of_target(2, &kind));
    assert_int_equal(kind, AUDIENCE_USER);
    assert_int_equal(audience_target(AUDIENCE_CONNECTION), 3);
    assert_true(audience_of_target(3, &kind));
    assert_int_equal(kind, AUDIENCE_CONNECTION);
    for (unsigned byte = 4; byte < 256; byte++)
        assert_false(audience_of_target((uint8_t)byte, &kind));
    assert_string_equal(audience_name(AUDIENCE_EVERYONE), "all");
    assert_string_equal(audience_name(AUDIENCE_ROOM), "rooms");
    assert_string_equal(audience_name(AUDIENCE_USER), "users");
    assert_string_equal(audience_noun(AUDIENCE_ROOM), "room");
    assert_string_equal(audience_noun(AUDIENCE_USER), "user");
    assert_null(audience_noun(AUDIENCE_EVERYONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_says_whose_it_is),
        cmocka_unit_test(a_key_has_its_name),
        cmocka_unit_test(the_longest_name_has_a_key),
        cmocka_unit_test(only_rooms_have_keys_that_a_client_can_name),
        cmocka_unit_test(target_bytes_are_those_of_the_wire),
    };

    return cmocka_run_group_tests_name("audience", tests, NULL, NULL);
}
