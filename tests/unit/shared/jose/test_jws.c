/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a token, and its header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/jose/jws.h"
#include "tests/unit/jose_sign.h"

static struct jws jws;

static void assert_split(const char *token, enum status expected)
{
    enum status status = jws_split(slice_str(token), &jws);

    if (status != expected) {
        fail_msg("%s: %s", token, status_text(status));
    }
}

static void three_parts_with_dots_between(void **state)
{
    static const char *const bad[] = {
        "",        ".",   "..", "e30", "e30.", "e30.e30", "e30.e30.AA.", "e30.e30.AA.AA", "e30..e30.AA",
        ".e30.AA", "..AA"};

    (void)state;
    assert_split("e30.Zm8.AAEC", STATUS_OK);
    assert_memory_equal(jws.header_text.data, "{}", jws.header_text.len);
    assert_int_equal(jws.header_text.len, 2);
    assert_true(slice_equal(jws.payload, slice_str("Zm8")));
    assert_true(slice_equal(jws.input, slice_str("e30.Zm8")));
    assert_true(slice_equal(jws.signature, slice_of("\0\1\2", 3)));
    assert_split("e30..", STATUS_OK);
    assert_int_equal(jws.payload.len, 0);
    assert_int_equal(jws.signature.len, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_split(bad[i], STATUS_INVALID);
    }
}

static void parts_are_strict_base64url(void **state)
{
    static const char *const bad[] = {
        "e30=.Zm8.AA",  "e30.Zm8.AA==", " e30.Zm8.AA",      "e30.Zm8.AA ", "e30.Zm8.AA\n",
        "e30.Zm8.A A",  "e31.Zm8.AA",   "e30.Zm8.AB",       "e30.Zm8.A",   "e.Zm8.AA",
        "e30.Zm8.+/AA", "e30\n.Zm8.AA", "e30.Zm8.\xc3\xa9",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_split(bad[i], STATUS_INVALID);
    }
}

static void a_token_and_a_signature_have_their_bounds(void **state)
{
    char token[JWS_TOKEN_MAX + 2];

    (void)state;
    memset(token, 'A', sizeof token);
    memcpy(token, "e30.", 4);
    token[JWS_TOKEN_MAX - 3] = '.';
    token[JWS_TOKEN_MAX] = 0;
    assert_split(token, STATUS_OK);
    token[JWS_TOKEN_MAX] = 'A';
    token[JWS_TOKEN_MAX + 1] = 0;
    assert_split(token, STATUS_TOO_LARGE);
    memcpy(token, "e30..", 5);
    memset(token + 5, 'A', sizeof token - 5);
    token[5 + 1366] = 0; /* 1,024 bytes */
    assert_split(token, STATUS_OK);
    assert_int_equal(jws.signature.len, 1024);
    token[5 + 1366] = 'A'; /* 1,025 */
    token[5 + 1367] = 0;
    assert_split(token, STATUS_INVALID);
}

static void a_header_is_read(void **state)
{
    struct jws_header header;

    (void)state;
    assert_null(jws_header_read(slice_str("{\"kid\":\"k\\u00e9\",\"alg\":\"ES\\u0032\\u00356\"}"), &header));
    assert_true(header.known && header.alg == JOSE_ES256);
    assert_true(header.has_kid && slice_equal(header.kid, slice_str("k\xc3\xa9")));
    assert_null(jws_header_read(slice_str("{\"alg\":\"ES512\"}"), &header));
    assert_false(header.known);
    assert_false(header.has_kid);
}

static void assert_header_refused(const char *json, const char *why)
{
    struct jws_header header;
    const char *got = jws_header_read(slice_str(json), &header);

    assert_non_null(got);
    assert_string_equal(got, why);
}

static void a_header_is_refused_by_name(void **state)
{
    char json[600];

    (void)state;
    assert_header_refused("{\"alg\":\"HS256\",\"crit\":[]}",
                          "\"crit\" names extensions, of which none is understood");
    assert_header_refused("{\"alg\":\"HS256\",\"cr\\u0069t\":[\"b64\"]}",
                          "\"crit\" names extensions, of which none is understood");
    assert_header_refused("{\"alg\":\"HS256\",\"b64\":false}", "\"b64\" is not understood");
    assert_header_refused("{\"alg\":\"HS256\",\"cty\":\"JWT\"}",
                          "\"cty\" says that there is a token in the token");
    assert_header_refused("{\"alg\":\"HS256\",\"typ\":\"JWE\"}", "\"typ\" is neither JWT nor at+jwt");
    assert_header_refused("{\"alg\":\"HS256\",\"typ\":null}", "\"typ\" is neither JWT nor at+jwt");
    assert_header_refused("{}", "\"alg\" is missing or not a string");
    assert_header_refused("{\"alg\":null}", "\"alg\" is missing or not a string");
    assert_header_refused("{\"ALG\":\"HS256\"}", "\"alg\" is missing or not a string");
    assert_header_refused("{\"alg\":\"HS256\",\"alg\":\"none\"}", "a member stands there twice");
    assert_header_refused("{\"alg\":\"HS256\",\"kid\":[]}", "\"kid\" is not a string of at most 256 bytes");
    assert_header_refused("{\"alg\":\"HS256\",\"kid\":\"\\u0000\"}", "U+0000 in a string");
    assert_header_refused("{\"alg\":\"HS256\",\"x\\u0000\":1}", "U+0000 in a string");
    assert_header_refused("{\"alg\":\"HS256\",\"x\":\"\xc0\x80\"}", "not valid JSON");
    assert_header_refused("{\"alg\":\"HS256\",\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
                          "nested deeper than 16");
    assert_header_refused("\xef\xbb\xbf{\"alg\":\"HS256\"}", "not valid JSON");
    assert_header_refused("\"alg\"", "not a JSON object");
    snprintf(json, sizeof json, "{\"alg\":\"HS256\",\"kid\":\"%0257d\"}", 7);
    assert_header_refused(json, "\"kid\" is not a string of at most 256 bytes");
}

static void a_backslash_before_u0000_is_none(void **state)
{
    struct jws_header header;

    (void)state;
    assert_null(jws_header_read(slice_str("{\"alg\":\"HS256\",\"x\":\"\\\\u0000\"}"), &header));
}

static void names_are_at_most_64(void **state)
{
    char json[1024] = "{\"alg\":\"HS256\"";
    struct jws_header header;
    size_t len = strlen(json);

    (void)state;
    for (int i = 0; i < 63; i++) {
        len += (size_t)sprintf(json + len, ",\"m%d\":1", i);
    }
    strcpy(json + len, "}");
    assert_null(jws_header_read(slice_str(json), &header));
    strcpy(json + len, ",\"m\":1}");
    assert_header_refused(json, "more than 64 members");
}

static bool is_slow(const char *header)
{
    struct buf token;
    bool slow;

    buf_init(&token, 4096);
    assert_int_equal(base64url_append(&token, slice_str(header)), STATUS_OK);
    assert_int_equal(buf_append_str(&token, ".e30.AA"), STATUS_OK);
    slow = jws_is_slow(slice_of(token.data, token.len));
    buf_fini(&token);
    return slow;
}

static void what_is_slow_is_told_by_the_header(void **state)
{
    (void)state;
    assert_true(is_slow("{\"alg\":\"RS256\"}"));
    assert_true(is_slow("{\"alg\":\"EdDSA\"}"));
    assert_false(is_slow("{\"alg\":\"HS512\"}"));
    assert_false(is_slow("{\"alg\":\"none\"}"));
    assert_false(is_slow("{\"alg\":\"RS256\",\"crit\":[]}"));
    assert_false(is_slow("x"));
    assert_false(jws_is_slow(slice_str("")));
    assert_false(jws_is_slow(slice_str("eyJhbGciOiJSUzI1NiJ9")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_parts_with_dots_between),
        cmocka_unit_test(parts_are_strict_base64url),
        cmocka_unit_test(a_token_and_a_signature_have_their_bounds),
        cmocka_unit_test(a_header_is_read),
        cmocka_unit_test(a_header_is_refused_by_name),
        cmocka_unit_test(a_backslash_before_u0000_is_none),
        cmocka_unit_test(names_are_at_most_64),
        cmocka_unit_test(what_is_slow_is_told_by_the_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
