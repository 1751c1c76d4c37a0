/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/jose/base64url.h"

static void assert_decodes(const char *text, const char *bytes)
{
    uint8_t out[64];
    size_t len = 99;

    assert_int_equal(base64url_decode(slice_str(text), out, sizeof out, &len), STATUS_OK);
    assert_int_equal(len, strlen(bytes));
    assert_memory_equal(out, bytes, len);
}

static void assert_refused(const char *text)
{
    uint8_t out[64];
    size_t len;

    assert_int_equal(base64url_decode(slice_str(text), out, sizeof out, &len), STATUS_INVALID);
}

/* RFC 4648, section 10, and RFC 7515, appendix C. */
static void vectors_of_the_rfcs(void **state)
{
    (void)state;
    assert_decodes("", "");
    assert_decodes("Zg", "f");
    assert_decodes("Zm8", "fo");
    assert_decodes("Zm9v", "foo");
    assert_decodes("Zm9vYg", "foob");
    assert_decodes("Zm9vYmE", "fooba");
    assert_decodes("Zm9vYmFy", "foobar");
    assert_decodes("A-z_4ME", "\x03\xec\xff\xe0\xc1");
}

static void what_is_not_of_the_alphabet_is_refused(void **state)
{
    char text[] = "Zm9v";

    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char c = (char)byte;
        uint8_t out[4];
        size_t len;
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                     c == '_';

        for (size_t at = 0; at < 4; at++) {
            memcpy(text, "Zm9v", 4);
            text[at] = c;
            assert_int_equal(base64url_decode(slice_str(text), out, sizeof out, &len),
                             digit ? STATUS_OK : STATUS_INVALID);
        }
    }
    assert_refused("Zg==");
    assert_refused("Zm8=");
    assert_refused("Zm9v ");
    assert_refused("Zm9v\nYg");
    assert_refused("+/+/");
}

static void each_text_has_one_spelling(void **state)
{
    uint8_t out[4];
    size_t len;

    (void)state;
    assert_refused("Zh"); /* "f" with a bit left over */
    assert_refused("Zv");
    assert_refused("Zm9");
    assert_decodes("Zm9vYg", "foob");
    assert_refused("Zm9vYh");
    assert_refused("Z");
    assert_refused("Zm9vY");
    /* one character, whatever follows it in memory */
    assert_int_equal(base64url_decode(slice_of("Zg", 1), out, sizeof out, &len), STATUS_INVALID);
}

static void a_bound_is_kept(void **state)
{
    uint8_t out[3] = {7, 7, 7};
    size_t len;

    (void)state;
    assert_int_equal(base64url_decode(slice_str("Zm9v"), out, 2, &len), STATUS_TOO_LARGE);
    assert_int_equal(base64url_decode(slice_str("Zm8"), out, 2, &len), STATUS_OK);
    assert_int_equal(len, 2);
    assert_int_equal(out[2], 7);
}

static void every_length_comes_back(void **state)
{
    uint8_t bytes[40], out[40];
    struct buf text;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 251);
    }
    buf_init(&text, 1000);
    for (size_t count = 0; count <= sizeof bytes; count++) {
        buf_clear(&text);
        assert_int_equal(base64url_append(&text, slice_of(bytes, count)), STATUS_OK);
        assert_int_equal(text.len, BASE64URL_ENCODED(count));
        assert_int_equal(BASE64URL_DECODED(text.len), count);
        assert_int_equal(base64url_decode(slice_of(text.data, text.len), out, sizeof out, &len), STATUS_OK);
        assert_int_equal(len, count);
        assert_memory_equal(out, bytes, len);
    }
    buf_fini(&text);
    buf_init(&text, 3);
    assert_int_equal(base64url_append(&text, slice_of(bytes, 3)), STATUS_TOO_LARGE);
    assert_int_equal(text.len, 0);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfcs),
        cmocka_unit_test(what_is_not_of_the_alphabet_is_refused),
        cmocka_unit_test(each_text_has_one_spelling),
        cmocka_unit_test(a_bound_is_kept),
        cmocka_unit_test(every_length_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
