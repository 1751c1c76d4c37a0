/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 against RFC 3629: every two-byte text, and every scalar value there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/utf8.h"

static bool surrogate(uint32_t point)
{
    return point >= 0xD800 && point <= 0xDFFF;
}

static void takes_every_scalar_value_in_its_only_form(void **state)
{
    char text[4];
    size_t bad;

    (void)state;
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        size_t len = utf8_encode(point, text);

        assert_int_equal(utf8_valid(slice_of(text, len), &bad), !surrogate(point));
        if (len > 1) {
            assert_false(utf8_valid(slice_of(text, len - 1), &bad));
        }
    }
}

static void takes_exactly_the_two_byte_texts_of_the_table(void **state)
{
    size_t bad;

    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            uint8_t text[] = {(uint8_t)first, (uint8_t)second};
            bool valid = (first < 0x80 && second < 0x80) ||
                         (first >= 0xC2 && first <= 0xDF && (second & 0xC0) == 0x80);

            assert_int_equal(utf8_valid(slice_of(text, 2), &bad), valid);
        }
    }
}

static void names_the_first_bad_byte(void **state)
{
    static const struct {
        const char *text;
        size_t bad;
    } cases[] = {
        {"\x80", 0},
        {"abc\xff", 3},
        {"12345678\xc3", 8},
        {"1234567890123456\xed\xa0\x80", 16},
        {"\xe4\xbd\xa0\xe5\xa5", 3},
        {"\xf0\x9f\x98\x80\xf0\x9f\x98", 4},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"\xf8\x88\x80\x80\x80", 0},
        {"\xc0\x80", 0},
        {"\xc3\xa9\xa9", 2},
        {"1234567\xe4\xbd!", 7},
    };
    size_t bad;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(utf8_valid(slice_str(cases[i].text), &bad));
        assert_int_equal(bad, cases[i].bad);
    }
}

static void takes_nothing_and_needs_no_place(void **state)
{
    (void)state;
    assert_true(utf8_valid(slice_of(NULL, 0), NULL));
    assert_false(utf8_valid(slice_str("\xff"), NULL));
}

static void skips_only_what_is_wide(void **state)
{
    static const uint8_t text[] = "\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80!\xff";

    (void)state;
    assert_ptr_equal(utf8_skip_wide(text, text + 11), text + 9);
    assert_ptr_equal(utf8_skip_wide(text, text + 8), text + 5);
    assert_ptr_equal(utf8_skip_wide(text + 9, text + 11), text + 9);
    assert_ptr_equal(utf8_skip_wide(text + 10, text + 11), text + 10);
    assert_ptr_equal(utf8_skip_wide(text, text), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_scalar_value_in_its_only_form),
        cmocka_unit_test(takes_exactly_the_two_byte_texts_of_the_table),
        cmocka_unit_test(names_the_first_bad_byte),
        cmocka_unit_test(takes_nothing_and_needs_no_place),
        cmocka_unit_test(skips_only_what_is_wide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
