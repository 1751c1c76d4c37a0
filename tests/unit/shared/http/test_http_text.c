/* SPDX-License-Identifier: Apache-2.0 */
/* The media type of a Content-Type (RFC 9110, 8.3.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/http/http_text.h"

static const char json[] = "application/json";

static void a_media_type_is_itself_in_any_case(void **state)
{
    (void)state;
    assert_true(http_text_is_media_type(slice_str("application/json"), json));
    assert_true(http_text_is_media_type(slice_str("Application/JSON"), json));
}

static void its_parameters_do_not_matter(void **state)
{
    static const char *const values[] = {"application/json;charset=utf-8", "application/json; charset=utf-8",
                                         "application/json \t; charset=utf-8", "application/json;",
                                         "application/json "};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_true(http_text_is_media_type(slice_str(values[i]), json));
}

static void another_one_is_not_it(void **state)
{
    static const char *const values[] = {"",
                                         "application/jso",
                                         "application/jsonx",
                                         "application/json-seq",
                                         "application/json x",
                                         ";",
                                         " application/json",
                                         "text/x;application/json",
                                         "application/json, application/json"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_false(http_text_is_media_type(slice_str(values[i]), json));
    assert_false(http_text_is_media_type(slice_of(NULL, 0), json));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_media_type_is_itself_in_any_case),
        cmocka_unit_test(its_parameters_do_not_matter),
        cmocka_unit_test(another_one_is_not_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
