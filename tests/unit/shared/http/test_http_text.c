/* SPDX-License-Identifier: Apache-2.0 */
/* The media type of a Content-Type (RFC 9110, 8.3.1), and the last segment of a path (RFC 3986, 2.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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

static enum status decode(const char *path, char out[64])
{
    struct buf buf;

    buf_init(&buf, 63);
    enum status status = http_text_decode_segment(slice_str(path), &buf);
    if (buf.len > 0)
        memcpy(out, buf.data, buf.len);
    out[buf.len] = '\0';
    buf_fini(&buf);
    return status;
}

static void the_last_segment_is_decoded(void **state)
{
    static const char *const cases[][2] = {{"/rooms/r", "r"},
                                           {"/rooms/a%2Fb", "a/b"},
                                           {"/rooms/%c3%A4", "\u00e4"},
                                           {"/rooms/a+b", "a+b"},
                                           {"/rooms/%2525", "%25"},
                                           {"/x/y/z", "z"},
                                           {"r", "r"},
                                           {"/rooms/", ""}};
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(decode(cases[i][0], out), STATUS_OK);
        assert_string_equal(out, cases[i][1]);
    }
}

static void a_bad_escape_is_refused(void **state)
{
    static const char *const paths[] = {"/rooms/%", "/rooms/a%2", "/rooms/%2g", "/rooms/%g2", "/rooms/%%41"};
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(decode(paths[i], out), STATUS_INVALID);
}

static void a_long_one_is_told(void **state)
{
    char path[100];
    char out[64];

    (void)state;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(decode(path, out), STATUS_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_media_type_is_itself_in_any_case),
        cmocka_unit_test(its_parameters_do_not_matter),
        cmocka_unit_test(another_one_is_not_it),
        cmocka_unit_test(the_last_segment_is_decoded),
        cmocka_unit_test(a_bad_escape_is_refused),
        cmocka_unit_test(a_long_one_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
