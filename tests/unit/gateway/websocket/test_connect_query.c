/* SPDX-License-Identifier: Apache-2.0 */
/* What /connect's query asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/websocket/connect_query.h"

static const struct connect_limits limits = {8, 2};

/* Reads the query and expects those rooms, joined by commas; returns the encoding. */
static enum encoding expect(const char *query, const char *rooms)
{
    struct connect_query read;
    char found[64] = "";
    struct slice room;

    assert_null(connect_query_read(slice_str(query), &limits, &read));
    struct slice rest = slice_of(read.rooms.data, read.rooms.len);
    while (connect_query_next_room(&rest, &room)) {
        strcat(found, found[0] != '\0' ? "," : "");
        strncat(found, (const char *)room.data, room.len);
    }
    assert_string_equal(found, rooms);
    connect_query_fini(&read);
    return read.encoding;
}

static void expect_fault(const char *query, const char *fault)
{
    struct connect_query read;

    assert_string_equal(connect_query_read(slice_str(query), &limits, &read), fault);
    connect_query_fini(&read);
}

static void versions_and_rooms_stand_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(expect("", ""), ENCODING_WS_V1);
    assert_int_equal(expect("v=2", ""), ENCODING_WS_V2);
    assert_int_equal(expect("join=a&v=2&join=b", "a,b"), ENCODING_WS_V2);
    assert_int_equal(expect("v=22&join=a", "a"), ENCODING_WS_V1);
    assert_int_equal(expect("join=%C3%A4+%26", "\xC3\xA4 &"), ENCODING_WS_V1);
}

static void other_parameters_are_the_clients_own(void **state)
{
    (void)state;
    assert_int_equal(expect("room=a&token=%zz&&joined=b", ""), ENCODING_WS_V1);
}

static void a_name_that_no_push_could_have_is_refused(void **state)
{
    (void)state;
    expect_fault("join", "the room name is empty");
    expect_fault("join=", "the room name is empty");
    expect_fault("join=123456789", "the room name is too long");
    expect_fault("join=%ff", "the room name is not valid UTF-8");
    expect_fault("join=a%00b", "the room name has a control character");
    expect_fault("join=%4", "join has a % without two hexadecimal digits");
    expect_fault("join=a&join=b&join=c", "join is there more often than maxJoinRoom allows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_and_rooms_stand_in_any_order),
        cmocka_unit_test(other_parameters_are_the_clients_own),
        cmocka_unit_test(a_name_that_no_push_could_have_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
