/* SPDX-License-Identifier: Apache-2.0 */
/* Bans in commands: there and back, what they make of a user, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shared/contract/command.h"

static const char *printed(const struct command *command)
{
    static char text[512];
    struct buf out;

    buf_init(&out, COMMAND_MAX_BYTES);
    assert_int_equal(command_print(command, NULL, &out), STATUS_OK);
    snprintf(text, sizeof text, "%.*s", (int)out.len, (const char *)out.data);
    buf_fini(&out);
    return text;
}

static void a_ban_there_and_back(void **state)
{
    static const char text[] =
        "{\"ban\":{\"code\":4050,\"reason\":\"no more\",\"until\":1000060,\"at\":1000000123}}";
    struct command command;

    (void)state;
    assert_int_equal(command_parse(slice_str(text), 64, &command, NULL), STATUS_OK);
    assert_string_equal(printed(&command), text);
    const struct ban ban = command_ban(&command, slice_str("u"));
    assert_int_equal(ban.until_s, 1000060);
    assert_int_equal(ban.at_ms, 1000000123);
    assert_int_equal(ban.keep_s, 1000060);
    assert_true(command_fits(COMMAND_BAN, AUDIENCE_USER) && !command_fits(COMMAND_BAN, AUDIENCE_ROOM));
}

static void an_unban_there_and_back(void **state)
{
    static const char text[] = "{\"unban\":{\"at\":1000000123,\"keep\":1000060}}";
    struct command command;

    (void)state;
    assert_int_equal(command_parse(slice_str(text), 64, &command, NULL), STATUS_OK);
    assert_string_equal(printed(&command), text);
    const struct ban ban = command_ban(&command, slice_str("u"));
    assert_int_equal(ban.until_s, 0);
    assert_int_equal(ban.at_ms, 1000000123);
    assert_int_equal(ban.keep_s, 1000060);
    assert_true(command_fits(COMMAND_UNBAN, AUDIENCE_USER) &&
                !command_fits(COMMAND_UNBAN, AUDIENCE_CONNECTION));
}

/* Ordered by a clock that is ahead of the one that says how long it is. */
static void a_ban_is_known_until_it_was_ordered_at_least(void **state)
{
    const struct command command = {.kind = COMMAND_BAN, .until_s = 1000060, .at_ms = 1000100000};
    const struct ban ban = command_ban(&command, slice_str("u"));

    (void)state;
    assert_null(ban_fault(&ban));
}

static void expect_refused(const char *text, const char *says)
{
    struct fault fault = {""};
    struct command command;

    assert_int_equal(command_parse(slice_str(text), 64, &command, &fault), STATUS_INVALID);
    if (strstr(fault.text, says) == NULL)
        fail_msg("%s: %s", text, fault.text);
}

static void what_is_no_ban_is_refused(void **state)
{
    (void)state;
    expect_refused("{\"ban\":{\"code\":4003,\"reason\":\"\",\"until\":1}}", "at is missing");
    expect_refused("{\"ban\":{\"code\":4003,\"reason\":\"\",\"until\":-1,\"at\":1}}", "until must be");
    expect_refused("{\"ban\":{\"code\":4003,\"reason\":\"\",\"until\":1,\"at\":\"1\"}}", "at must be");
    expect_refused("{\"ban\":{\"code\":4003,\"reason\":\"\",\"until\":2592001,\"at\":999}}",
                   "longer than 30 days");
    expect_refused("{\"ban\":{\"code\":4003,\"reason\":\"\",\"until\":1,\"at\":1,\"keep\":1}}",
                   "unknown member");
    expect_refused("{\"kick\":{\"code\":4003,\"reason\":\"\",\"until\":1,\"at\":1}}", "unknown member");
    expect_refused("{\"unban\":{\"at\":1000000,\"keep\":999}}", "forgotten before it is over");
    expect_refused("{\"unban\":{\"at\":1000000}}", "keep is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ban_there_and_back),
        cmocka_unit_test(an_unban_there_and_back),
        cmocka_unit_test(a_ban_is_known_until_it_was_ordered_at_least),
        cmocka_unit_test(what_is_no_ban_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
