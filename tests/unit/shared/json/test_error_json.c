/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of an error, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/json/error_json.h"

static void expect(struct buf *out, const char *text)
{
    assert_int_equal(out->len, strlen(text));
    assert_memory_equal(out->data, text, out->len);
    buf_fini(out);
}

static void an_error_is_an_object_with_code_and_message(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    assert_int_equal(error_json_append(&out, "not_found", "no such path"), STATUS_OK);
    expect(&out, "{\"error\":{\"code\":\"not_found\",\"message\":\"no such path\"}}");
}

static void a_message_is_escaped(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    assert_int_equal(error_json_append(&out, "c", "\"a\\b\"\n\303\251"), STATUS_OK);
    expect(&out, "{\"error\":{\"code\":\"c\",\"message\":\"\\\"a\\\\b\\\"\\n\303\251\"}}");
}

static void members_may_follow(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    assert_int_equal(error_json_begin(&out, "c", "m"), STATUS_OK);
    assert_int_equal(buf_append_str(&out, ",\"more\":1}"), STATUS_OK);
    expect(&out, "{\"error\":{\"code\":\"c\",\"message\":\"m\"},\"more\":1}");
}

static void what_does_not_fit_is_told(void **state)
{
    static const char text[] = "{\"error\":{\"code\":\"c\",\"message\":\"m\"}}";

    (void)state;
    for (size_t max = 0; max < sizeof text - 1; max++) {
        struct buf out;

        buf_init(&out, max);
        assert_int_equal(error_json_append(&out, "c", "m"), STATUS_TOO_LARGE);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_an_object_with_code_and_message),
        cmocka_unit_test(a_message_is_escaped),
        cmocka_unit_test(members_may_follow),
        cmocka_unit_test(what_does_not_fit_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
