/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a command, both ways: what is printed is read again, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/contract/command.h"

static struct command command;
static struct fault fault;

static enum status parse(const char *text)
{
    fault.text[0] = '\0';
    return command_parse(slice_str(text), 16, &command, &fault);
}

static void refuses(const char *text, const char *why)
{
    assert_int_equal(parse(text), STATUS_INVALID);
    if (strstr(fault.text, why) == NULL)
        fail_msg("%s: \"%s\" and not \"%s\"", text, fault.text, why);
    assert_int_equal(command_parse(slice_str(text), 16, &command, NULL), STATUS_INVALID);
}

static void expect_print(const struct slice *rooms, const char *expected)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    assert_int_equal(command_print(&command, rooms, &text), STATUS_OK);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
    buf_fini(&text);
}

static void a_kick_is_read_as_it_is_printed(void **state)
{
    const char *text = "{\"kick\":{\"code\":4099,\"reason\":\"no \\\"more\\\"\"}}";

    (void)state;
    assert_int_equal(parse(text), STATUS_OK);
    assert_int_equal(command.kind, COMMAND_KICK);
    assert_int_equal(command.code, 4099);
    assert_true(slice_equal(slice_of(command.reason, command.reason_len), slice_str("no \"more\"")));
    expect_print(NULL, text);
}

static void joins_and_leaves_have_rooms_and_seconds(void **state)
{
    const struct slice rooms[] = {slice_str("r"), slice_str("a\"b")};
    const char *text = "{\"join\":{\"rooms\":[\"r\",\"a\\\"b\"],\"seconds\":86400}}";
    char bytes[AUDIENCE_NAME_MAX];
    struct slice rest, room;

    (void)state;
    assert_int_equal(parse(text), STATUS_OK);
    assert_int_equal(command.kind, COMMAND_JOIN);
    assert_int_equal(command.seconds, 86400);
    assert_int_equal(command.room_count, 2);
    rest = command.rooms;
    for (int i = 0; i < 2; i++) {
        assert_true(command_next_room(&rest, bytes, &room));
        assert_true(slice_equal(room, rooms[i]));
    }
    assert_false(command_next_room(&rest, bytes, &room));
    expect_print(rooms, text);
    assert_int_equal(parse("{ \"leave\" : { \"seconds\" : 0 , \"rooms\" : [ \"r\" ] } }"), STATUS_OK);
    assert_int_equal(command.kind, COMMAND_LEAVE);
}

static void refuses_what_is_no_command(void **state)
{
    (void)state;
    refuses("", "");
    refuses("[]", "with one of kick, join, leave, ban and unban");
    refuses("{}", "with one of kick, join, leave, ban and unban");
    refuses("{\"bar\":{}}", "with one of kick, join, leave, ban and unban");
    refuses("{\"kick\":{\"code\":4003,\"reason\":\"\"},\"join\":{}}",
            "with one of kick, join, leave, ban and unban");
    refuses("{\"kick\":[]}", "kick must be an object");
    refuses("{\"kick\":{\"code\":4003}}", "reason is missing");
    refuses("{\"kick\":{\"reason\":\"\"}}", "code is missing");
    refuses("{\"kick\":{\"code\":4003,\"code\":4003,\"reason\":\"\"}}", "code stands twice");
    refuses("{\"kick\":{\"code\":4003,\"reason\":\"\",\"more\":1}}", "unknown member \"more\"");
    refuses("{\"kick\":{\"code\":4003,\"reason\":\"\"}", "at byte");
}

static void refuses_codes_that_are_not_free(void **state)
{
    static const int64_t good[] = {4003, 4050, 4099, 4150, 4199, 4250, 4299};
    static const int64_t bad[] = {-1,   0,    1000, 4000, 4002, 4004, 4049,
                                  4100, 4149, 4200, 4249, 4300, 4350, 69539};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(command_code_is_allowed(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(command_code_is_allowed(bad[i]));
    refuses("{\"kick\":{\"code\":4003.0,\"reason\":\"\"}}", "code must be 4003, 4050 to 4099");
    refuses("{\"kick\":{\"code\":\"4003\",\"reason\":\"\"}}", "code must be 4003, 4050 to 4099");
    refuses("{\"kick\":{\"code\":99999999999999999999999,\"reason\":\"\"}}",
            "code must be 4003, 4050 to 4099");
}

static void refuses_bad_reasons(void **state)
{
    char text[256] = "{\"kick\":{\"code\":4003,\"reason\":\"";
    size_t at = strlen(text);

    (void)state;
    memset(text + at, 'x', COMMAND_REASON_MAX);
    strcpy(text + at + COMMAND_REASON_MAX, "\"}}");
    assert_int_equal(parse(text), STATUS_OK);
    strcpy(text + at + COMMAND_REASON_MAX, "x\"}}");
    refuses(text, "reason is longer than 100 bytes");
    refuses("{\"kick\":{\"code\":4003,\"reason\":\"\\u0007\"}}", "reason has a control character");
    refuses("{\"kick\":{\"code\":4003,\"reason\":1}}", "reason must be a string");
}

static void refuses_bad_rooms_and_seconds(void **state)
{
    (void)state;
    refuses("{\"join\":{\"rooms\":[],\"seconds\":1}}", "rooms is empty");
    refuses("{\"join\":{\"rooms\":\"r\",\"seconds\":1}}", "rooms must be an array");
    refuses("{\"join\":{\"rooms\":[1],\"seconds\":1}}", "rooms must be strings");
    refuses("{\"join\":{\"rooms\":[\"\"],\"seconds\":1}}", "the room name is empty");
    refuses("{\"join\":{\"rooms\":[\"12345678901234567\"],\"seconds\":1}}", "the room name is too long");
    refuses("{\"join\":{\"rooms\":[\"r\"],\"seconds\":86401}}", "seconds must be a whole number");
    refuses("{\"join\":{\"rooms\":[\"r\"],\"seconds\":-1}}", "seconds must be a whole number");
    refuses("{\"join\":{\"rooms\":[\"r\"],\"seconds\":1e1}}", "seconds must be a whole number");
    refuses("{\"join\":{\"rooms\":[\"r\"]}}", "seconds is missing");
}

static void each_kind_is_about_some_audiences(void **state)
{
    (void)state;
    assert_true(command_fits(COMMAND_KICK, AUDIENCE_ROOM));
    assert_true(command_fits(COMMAND_KICK, AUDIENCE_USER));
    assert_true(command_fits(COMMAND_KICK, AUDIENCE_CONNECTION));
    assert_false(command_fits(COMMAND_KICK, AUDIENCE_EVERYONE));
    assert_true(command_fits(COMMAND_JOIN, AUDIENCE_USER));
    assert_false(command_fits(COMMAND_JOIN, AUDIENCE_ROOM));
    assert_false(command_fits(COMMAND_LEAVE, AUDIENCE_CONNECTION));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kick_is_read_as_it_is_printed),
        cmocka_unit_test(joins_and_leaves_have_rooms_and_seconds),
        cmocka_unit_test(refuses_what_is_no_command),
        cmocka_unit_test(refuses_codes_that_are_not_free),
        cmocka_unit_test(refuses_bad_reasons),
        cmocka_unit_test(refuses_bad_rooms_and_seconds),
        cmocka_unit_test(each_kind_is_about_some_audiences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
