/* SPDX-License-Identifier: Apache-2.0 */
/* connection_id: what is printed reads back, and one connection has one text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "shared/contract/connection_id.h"

static struct connection_id id;

static void prints(uint64_t instance, uint32_t place, uint64_t serial, const char *text)
{
    const struct connection_id given = {.instance = instance, .place = place, .serial = serial};
    char out[CONNECTION_ID_MAX + 1];

    assert_int_equal(connection_id_print(&given, out), strlen(text));
    assert_string_equal(out, text);
    assert_int_equal(connection_id_parse(slice_str(text), &id), STATUS_OK);
    assert_true(id.instance == instance && id.place == place && id.serial == serial);
}

static void what_is_printed_reads_back(void **state)
{
    (void)state;
    prints(0x9f86d081884c7d65, 0x1f, 0x2c0, "9f86d081884c7d65-1f-2c0");
    prints(0, 0, 1, "0000000000000000-0-1");
    prints(UINT64_MAX, CONNECTION_ID_PLACES - 1, UINT64_MAX, "ffffffffffffffff-fffffe-ffffffffffffffff");
    assert_int_equal(strlen("ffffffffffffffff-fffffe-ffffffffffffffff"), CONNECTION_ID_MAX);
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "9f86d081884c7d65",
        "9f86d081884c7d65-",
        "9f86d081884c7d65-1f",
        "9f86d081884c7d65-1f-",
        "9f86d081884c7d65--2c0",
        "9f86d081884c7d6-1f-2c0",
        "9f86d081884c7d650-1f-2c0",
        "9f86d081884c7d65-01f-2c0",
        "9f86d081884c7d65-1f-02c0",
        "9f86d081884c7d65-1f-0",
        "9f86d081884c7d65-00-1",
        "9F86D081884C7D65-1f-2c0",
        "9f86d081884c7d65-1F-2c0",
        "9f86d081884c7d65-1f-2C0",
        "9f86d081884c7d65-1f-2c0 ",
        " 9f86d081884c7d65-1f-2c0",
        "9f86d081884c7d65-1f-2c0-",
        "9f86d081884c7d65-1f-2c0-1",
        "9f86d081884c7d65-0x1-2c0",
        "9f86d081884c7d65-1f-2cg",
        "9f86d081884c7d65-ffffff-1",
        "9f86d081884c7d65-1000000-1",
        "9f86d081884c7d65-1f-10000000000000000",
        "9f86d081884c7d65_1f_2c0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (connection_id_parse(slice_str(texts[i]), &id) != STATUS_INVALID)
            fail_msg("%s is taken", texts[i]);
}

static void a_nul_is_no_end(void **state)
{
    (void)state;
    assert_int_equal(connection_id_parse(slice_of("9f86d081884c7d65-1f-2c0\0", 24), &id), STATUS_INVALID);
}

static void an_id_begins_as_the_hellos_instance_does(void **state)
{
    (void)state;
    assert_true(connection_id_instance("9f86d081884c7d659a2feaa0c55ad015") == 0x9f86d081884c7d65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(a_nul_is_no_end),
        cmocka_unit_test(an_id_begins_as_the_hellos_instance_does),
    };

    return cmocka_run_group_tests_name("connection_id", tests, NULL, NULL);
}
