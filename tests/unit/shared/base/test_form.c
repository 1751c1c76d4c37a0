/* SPDX-License-Identifier: Apache-2.0 */
/* Form fields as go-push's callers send them: encoded, and bare JSON from curl -d. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shared/base/form.h"

static void assert_field(const char *body, const char *name, const char *expected)
{
    struct buf out;
    size_t bad = 0;

    buf_init(&out, 1024);
    assert_int_equal(form_field(slice_str(body), name, &out, &bad), STATUS_OK);
    assert_int_equal(out.len, strlen(expected));
    if (out.len > 0) {
        assert_memory_equal(out.data, expected, out.len);
    }
    buf_fini(&out);
}

static enum status field_status(const char *body, const char *name, size_t *bad)
{
    struct buf out;
    enum status status;

    buf_init(&out, 1024);
    status = form_field(slice_str(body), name, &out, bad);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
    return status;
}

static void takes_bare_json(void **state)
{
    static const char body[] = "room=default&items=[{\"msg\": \"hi = there\"}]";

    (void)state;
    assert_field(body, "room", "default");
    assert_field(body, "items", "[{\"msg\": \"hi = there\"}]");
}

static void decodes_values_and_names(void **state)
{
    (void)state;
    assert_field("items=%5B%7b%22a%22%3A1%7D%5d", "items", "[{\"a\":1}]");
    assert_field("items=[\"a+b%2Bc%26d%25\"]", "items", "[\"a b+c&d%\"]");
    assert_field("it%65ms=[1]", "items", "[1]");
    assert_field("room=%E4%BD%A0", "room", "\xe4\xbd\xa0");
}

static void takes_the_first_of_a_name(void **state)
{
    (void)state;
    assert_field("items=[1]&items=[2]", "items", "[1]");
    assert_field("a=1&&items=[1]&room=x", "items", "[1]");
    assert_field("room=&room=x", "room", "");
    assert_field("room", "room", "");
    assert_field("xroom=1&roomx=2&roo=3&room=4", "room", "4");
}

static void misses_what_is_not_there(void **state)
{
    size_t bad;

    (void)state;
    assert_int_equal(field_status("", "room", &bad), STATUS_NOT_FOUND);
    assert_int_equal(field_status("&&&", "room", &bad), STATUS_NOT_FOUND);
    assert_int_equal(field_status("Room=1&=room&items=room=1", "room", &bad), STATUS_NOT_FOUND);
    assert_int_equal(field_status("room%00=1&ro%=2&%zzroom=3", "room", &bad), STATUS_NOT_FOUND);
}

static void names_the_bad_escape(void **state)
{
    static const struct {
        const char *body;
        size_t bad;
    } cases[] = {
        {"room=%", 5}, {"room=a%4", 6}, {"room=%4g", 5}, {"x=%&room=ab%zz&y=1", 11}, {"room=%41%&a=1", 8}};
    size_t bad;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(field_status(cases[i].body, "room", &bad), STATUS_INVALID);
        assert_int_equal(bad, cases[i].bad);
    }
}

/* What stands behind the body is not part of it, even if it would complete the escape. */
static void reads_no_escape_past_the_end(void **state)
{
    struct buf out;
    size_t bad = 0;

    (void)state;
    buf_init(&out, 64);
    assert_int_equal(form_field(slice_of("room=%41", 7), "room", &out, &bad), STATUS_INVALID);
    assert_int_equal(bad, 5);
    assert_int_equal(form_field(slice_of("room%3D=1", 6), "room=", &out, &bad), STATUS_NOT_FOUND);
    buf_fini(&out);
}

static void keeps_to_the_limit_of_the_decoded_bytes(void **state)
{
    struct buf out;
    size_t bad;

    (void)state;
    buf_init(&out, 4);
    assert_int_equal(form_field(slice_str("a=%41%42%43%44"), "a", &out, &bad), STATUS_OK);
    buf_clear(&out);
    assert_int_equal(form_field(slice_str("a=12345"), "a", &out, &bad), STATUS_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

static void appends_behind_what_is_there(void **state)
{
    struct buf out;
    size_t bad;

    (void)state;
    buf_init(&out, 64);
    assert_int_equal(buf_append_str(&out, "before:"), STATUS_OK);
    assert_int_equal(form_field(slice_str("a=b"), "a", &out, &bad), STATUS_OK);
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "before:b", 8);
    buf_fini(&out);
}

static void encodes_what_it_decodes(void **state)
{
    uint8_t every[256];
    struct buf form, back;
    size_t bad;

    (void)state;
    for (size_t i = 0; i < sizeof every; i++) {
        every[i] = (uint8_t)i;
    }
    buf_init(&form, 4096);
    buf_init(&back, 4096);
    assert_int_equal(form_append(&form, "room", slice_str("a b&c=\xc3\xa9*-._")), STATUS_OK);
    assert_int_equal(buf_append_str(&form, "&"), STATUS_OK);
    assert_int_equal(form.len, strlen("room=a+b%26c%3D%C3%A9*-._&"));
    assert_memory_equal(form.data, "room=a+b%26c%3D%C3%A9*-._&", form.len);
    assert_int_equal(form_append(&form, "items", slice_of(every, sizeof every)), STATUS_OK);
    assert_int_equal(form_field(slice_of(form.data, form.len), "items", &back, &bad), STATUS_OK);
    assert_int_equal(back.len, sizeof every);
    assert_memory_equal(back.data, every, sizeof every);
    buf_fini(&form);
    buf_fini(&back);
}

static void appends_all_or_nothing(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 8);
    assert_int_equal(form_append(&out, "a", slice_str("123456")), STATUS_OK);
    assert_int_equal(form_append(&out, "b", slice_str("")), STATUS_TOO_LARGE);
    assert_int_equal(out.len, 8);
    buf_clear(&out);
    assert_int_equal(form_append(&out, "a", slice_str("&&&")), STATUS_TOO_LARGE);
    assert_int_equal(out.len, 0);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_bare_json),
        cmocka_unit_test(decodes_values_and_names),
        cmocka_unit_test(takes_the_first_of_a_name),
        cmocka_unit_test(misses_what_is_not_there),
        cmocka_unit_test(names_the_bad_escape),
        cmocka_unit_test(reads_no_escape_past_the_end),
        cmocka_unit_test(keeps_to_the_limit_of_the_decoded_bytes),
        cmocka_unit_test(appends_behind_what_is_there),
        cmocka_unit_test(encodes_what_it_decodes),
        cmocka_unit_test(appends_all_or_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
