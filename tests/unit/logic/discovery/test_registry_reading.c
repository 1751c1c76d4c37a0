/* SPDX-License-Identifier: Apache-2.0 */
/* A reading of the registry ends, whatever Redis says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "logic/discovery/registry_reading.h"

static enum status turn(struct registry_reading *reading, const char *cursor, size_t keys, int64_t took_ms,
                        const char *reason)
{
    struct fault fault = {""};
    enum status status = registry_reading_turn(reading, slice_str(cursor), keys, took_ms, &fault);

    if (strstr(fault.text, reason) == NULL)
        fail_msg("\"%s\", not \"%s\"", fault.text, reason);
    return status;
}

static void it_is_complete_at_cursor_0(void **state)
{
    struct registry_reading reading = {.cursor = ""};

    (void)state;
    assert_int_equal(turn(&reading, "18446744073709551615", 1000, 0, ""), STATUS_OK);
    assert_string_equal(reading.cursor, "18446744073709551615");
    assert_false(registry_reading_is_complete(&reading));
    assert_int_equal(turn(&reading, "0", 3, REGISTRY_READING_MAX_MS, ""), STATUS_OK);
    assert_true(registry_reading_is_complete(&reading));
    registry_reading_clear(&reading);
}

static void cursors_are_numbers(void **state)
{
    static const char *const others[] = {"", "x", "-1", "0 ", "184467440737095516150"};
    struct registry_reading reading = {.cursor = ""};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(turn(&reading, others[i], 0, 0, "no number"), STATUS_INVALID);
    assert_int_equal(registry_reading_turn(&reading, slice_of("0\0x", 3), 0, 0, NULL), STATUS_INVALID);
}

static void endless_pages_end(void **state)
{
    struct registry_reading reading = {.cursor = ""};
    char cursor[24];

    (void)state;
    for (int i = 1; i <= REGISTRY_PAGES_MAX; i++) {
        snprintf(cursor, sizeof cursor, "%d", i);
        assert_int_equal(turn(&reading, cursor, 0, 0, ""), STATUS_OK);
    }
    assert_int_equal(turn(&reading, "1", 0, 0, "SCAN did not end after 20000 pages"), STATUS_TOO_LARGE);
    registry_reading_clear(&reading);
    assert_int_equal(turn(&reading, "1", REGISTRY_KEYS_MAX, 0, ""), STATUS_OK);
    assert_int_equal(turn(&reading, "1", 1, 0, "more than 65536 keys"), STATUS_TOO_LARGE);
    registry_reading_clear(&reading);
    assert_int_equal(turn(&reading, "1", 1, REGISTRY_READING_MAX_MS + 1, "within 60 seconds"),
                     STATUS_TOO_LARGE);
}

static void entries_are_bounded(void **state)
{
    struct registry_reading reading = {.cursor = ""};
    char value[128];

    (void)state;
    for (int i = 0; i < REGISTRY_READING_MAX + 2; i++) {
        snprintf(value, sizeof value, "{\"id\":\"g%d\",\"host\":\"h\",\"port\":1,\"state\":\"up\"}", i);
        registry_reading_add(&reading, slice_str(value));
    }
    assert_int_equal(reading.count, REGISTRY_READING_MAX);
    assert_int_equal(reading.noise, 2);
    registry_reading_add(&reading, slice_str("{\"id\":\"g0\",\"host\":\"h\",\"port\":2,\"state\":\"up\"}"));
    assert_int_equal(reading.entries[0].port, 2); /* of an id the last counts, also of a full reading */
    registry_reading_clear(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_complete_at_cursor_0),
        cmocka_unit_test(cursors_are_numbers),
        cmocka_unit_test(endless_pages_end),
        cmocka_unit_test(entries_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
