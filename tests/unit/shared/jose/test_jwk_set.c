/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys are taken, which passed over, and which make the whole set refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/jose/jose_key.h"
#include "shared/jose/jwk_set.h"
#include "tests/unit/jose_sign.h"

/* Points of the RFCs: RFC 7515, A.3 (P-256); RFC 8037, A.2 (Ed25519); P-521 of RFC 7515, A.4. */
#define P256_XY                                                                                              \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_"                          \
    "tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC     "\"kty\":\"EC\",\"crv\":\"P-256\"," P256_XY
#define ED     "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define USABLE "{" ED ",\"kid\":\"usable\"}"

enum { TEXT_MAX_BYTES = 4096 };

static enum status parse(const char *json, struct jwk_set **out, struct fault *fault)
{
    *out = NULL;
    return jwk_set_parse(slice_str(json), out, fault);
}

/* A key that is passed over: beside a usable one it is counted, alone the set is refused, both for `why`. */
static void assert_passed_over(const char *jwk, const char *why)
{
    char json[TEXT_MAX_BYTES], text[256];
    struct fault fault = {""};
    struct jwk_set *set;

    snprintf(json, sizeof json, "{\"keys\":[" USABLE ",%s]}", jwk);
    if (parse(json, &set, &fault) != STATUS_OK || jwk_set_count(set) != 1 || jwk_set_passed_over(set) != 1) {
        fail_msg("%s is not passed over %s", jwk, fault.text);
    }
    snprintf(text, sizeof text, "keys[1]: %s", why);
    assert_string_equal(jwk_set_remark(set), text);
    jwk_set_unref(set);
    snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
    assert_int_equal(parse(json, &set, &fault), STATUS_INVALID);
    snprintf(text, sizeof text, "none of the 1 keys can be used; keys[0]: %s", why);
    assert_string_equal(fault.text, text);
}

static void assert_taken(const char *jwk, unsigned algs)
{
    char json[TEXT_MAX_BYTES];
    struct fault fault = {""};
    struct jwk_set *set;

    snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
    if (parse(json, &set, &fault) != STATUS_OK) {
        fail_msg("%s: %s", jwk, fault.text);
    }
    assert_int_equal(jwk_set_count(set), 1);
    assert_int_equal(jwk_set_passed_over(set), 0);
    assert_string_equal(jwk_set_remark(set), "");
    assert_int_equal(jwk_set_algs(set), algs);
    jwk_set_unref(set);
}

static void assert_set_refused(const char *json, const char *text)
{
    struct fault fault = {""};
    struct jwk_set *set;

    assert_int_equal(parse(json, &set, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, text);
    assert_null(set);
}

/* An RSA key whose modulus has `bits` bits, all of them ones. No such key exists; nobody looks for factors.
 */
static const char *rsa_of(size_t bits, const char *e)
{
    static char jwk[TEXT_MAX_BYTES];
    uint8_t n[1100];
    struct buf text;
    size_t len = (bits + 7) / 8;

    memset(n, 0xFF, len);
    n[0] = (uint8_t)(0xFF >> (8 * len - bits));
    buf_init(&text, sizeof jwk);
    assert_int_equal(base64url_append(&text, slice_of(n, len)), STATUS_OK);
    snprintf(jwk, sizeof jwk, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%s\"}", (int)text.len,
             (char *)text.data, e);
    buf_fini(&text);
    return jwk;
}

static void each_kind_has_its_algorithms(void **state)
{
    (void)state;
    assert_taken("{" EC "}", JOSE_BIT(JOSE_ES256));
    assert_taken("{" ED "}", JOSE_BIT(JOSE_EDDSA));
    assert_taken(rsa_of(2048, "AQAB"), JOSE_BIT(JOSE_RS256) | JOSE_BIT(JOSE_PS256));
    assert_taken("{" EC ",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"sign\",\"verify\"],\"x5c\":[7]}",
                 JOSE_BIT(JOSE_ES256));
}

static void what_a_key_says_it_is_for_counts(void **state)
{
    (void)state;
    assert_passed_over("{" EC ",\"use\":\"enc\"}", "its \"use\" is not \"sig\"");
    assert_passed_over("{" EC ",\"use\":\"SIG\"}", "its \"use\" is not \"sig\"");
    assert_passed_over("{" EC ",\"use\":[\"sig\"]}", "its \"use\" is not \"sig\"");
    assert_passed_over("{" EC ",\"key_ops\":[\"sign\"]}", "its \"key_ops\" does not name \"verify\"");
    assert_passed_over("{" EC ",\"key_ops\":[]}", "its \"key_ops\" does not name \"verify\"");
    assert_passed_over("{" EC ",\"key_ops\":\"verify\"}", "its \"key_ops\" does not name \"verify\"");
    assert_passed_over("{" EC ",\"alg\":\"ES384\"}", "its \"alg\" does not belong to its kind of key");
    assert_passed_over("{" EC ",\"alg\":\"HS256\"}", "its \"alg\" does not belong to its kind of key");
    assert_passed_over("{" EC ",\"alg\":\"ECDH-ES\"}", "its \"alg\" is not one that is taken");
    assert_passed_over("{" EC ",\"alg\":\"none\"}", "its \"alg\" is not one that is taken");
    assert_passed_over("{" EC ",\"alg\":7}", "its \"alg\" is not one that is taken");
}

static void kinds_and_curves_that_came_later_are_passed_over(void **state)
{
    static const char *const why = "its \"kty\" and \"crv\" are none that are taken";

    (void)state;
    assert_passed_over("{\"kty\":\"AKP\",\"pub\":\"AA\"}", why);
    assert_passed_over("{\"kty\":\"ec\",\"crv\":\"P-256\"," P256_XY "}", why);
    assert_passed_over("{\"kty\":\"EC\",\"crv\":\"P-521\"," P256_XY "}", why);
    assert_passed_over("{\"kty\":\"EC\",\"crv\":\"secp256k1\"," P256_XY "}", why);
    assert_passed_over("{\"kty\":\"EC\"," P256_XY "}", why);
    assert_passed_over("{\"kty\":\"EC\",\"crv\":\"Ed25519\"," P256_XY "}", why);
    assert_passed_over(
        "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}", why);
    assert_passed_over("{\"crv\":\"P-256\"," P256_XY "}", why);
    assert_passed_over("{\"kty\":7}", why);
    assert_passed_over("{}", why);
}

static void points_lie_on_their_curve(void **state)
{
    static const char *const length = "its \"x\" or \"y\" has not the length of the curve";
    static const char *const off = "its \"x\" and \"y\" are no point of the curve";

    (void)state;
    assert_passed_over(
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}",
        off);
    assert_passed_over(
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        off);
    assert_passed_over("{\"kty\":\"EC\",\"crv\":\"P-384\"," P256_XY "}", length);
    assert_passed_over("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}", length);
    assert_passed_over("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
                       "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"AQ\"}",
                       length);
    assert_passed_over(
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}", length);
    /* base64 with padding, and a bit that is left over */
    assert_passed_over(
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
        length);
    assert_passed_over(
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
        length);
    assert_passed_over("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}",
                       "its \"x\" is not 32 bytes long");
    assert_passed_over(
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "its \"x\" is a point with which anybody can sign");
    assert_passed_over(
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"7f_______________________________________38\"}",
        "its \"x\" is a point with which anybody can sign");
    assert_passed_over("{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", "its \"x\" is not 32 bytes long");
}

static void rsa_has_its_bounds(void **state)
{
    static const char *const bits = "RSA is taken from 2,048 to 8,192 bits";
    static const char *const longer = "its \"n\" is no number, or longer than 8,192 bits";
    static const char *const e_form = "its \"e\" is no number, or longer than 32 bits";
    static const char *const even = "its \"e\" is even or 1, or its \"n\" even";
    unsigned both = JOSE_BIT(JOSE_RS256) | JOSE_BIT(JOSE_PS256);

    (void)state;
    assert_passed_over(rsa_of(1024, "AQAB"), bits);
    assert_passed_over(rsa_of(2047, "AQAB"), bits);
    assert_taken(rsa_of(2048, "AQAB"), both);
    assert_taken(rsa_of(8192, "AQAB"), both);
    assert_passed_over(rsa_of(8193, "AQAB"), bits);
    assert_passed_over(rsa_of(8201, "AQAB"), longer);
    assert_taken(rsa_of(2048, "Aw"), both);
    assert_taken(rsa_of(2048, "_____w"), both);
    assert_passed_over(rsa_of(2048, "AQ"), even);
    assert_passed_over(rsa_of(2048, "Ag"), even);
    assert_passed_over(rsa_of(2048, "AQAA"), even);
    assert_passed_over(rsa_of(2048, "AAEAAQ"), e_form);
    assert_passed_over(rsa_of(2048, "AQAAAAE"), e_form);
    assert_passed_over(rsa_of(2048, ""), e_form);
    assert_passed_over(rsa_of(2048, "AQAB="), e_form);
    assert_passed_over("{\"kty\":\"RSA\",\"e\":\"AQAB\"}", longer);
    assert_passed_over("{\"kty\":\"RSA\",\"n\":\"AP__\",\"e\":\"AQAB\"}", longer);
}

static void a_kid_is_a_short_string(void **state)
{
    char jwk[1024], kid[258];

    (void)state;
    memset(kid, 'k', sizeof kid);
    kid[257] = 0;
    snprintf(jwk, sizeof jwk, "{" EC ",\"kid\":\"%s\"}", kid);
    assert_passed_over(jwk, "its \"kid\" is not a string of at most 256 bytes");
    snprintf(jwk, sizeof jwk, "{" EC ",\"kid\":\"%s\"}", kid + 1);
    assert_taken(jwk, JOSE_BIT(JOSE_ES256));
    assert_passed_over("{" EC ",\"kid\":7}", "its \"kid\" is not a string of at most 256 bytes");
}

static void what_could_be_read_in_two_ways_refuses_the_set(void **state)
{
    (void)state;
    assert_set_refused("{\"keys\":[" USABLE ",{" EC ",\"kid\":\"\\u0075sable\"}]}",
                       "keys[1]: its \"kid\" is that of another key");
    assert_set_refused("{\"keys\":[{" EC ",\"kty\":\"EC\"}]}", "keys[0]: a member stands there twice");
    assert_set_refused("{\"keys\":[{" EC ",\"k\\u0074y\":\"EC\"}]}", "keys[0]: a member stands there twice");
    assert_set_refused("{\"keys\":[],\"keys\":[" USABLE "]}",
                       "a JWK Set (RFC 7517) is a JSON object: a member stands there twice");
    assert_set_refused("{\"keys\":[" USABLE ",7]}", "keys[1]: not a JSON object");
    /* The kid of a key that is of no use here stands in nobody's way. */
    struct jwk_set *set;
    assert_int_equal(parse("{\"keys\":[" USABLE ",{\"kty\":\"X\",\"kid\":\"usable\"}]}", &set, NULL),
                     STATUS_OK);
    jwk_set_unref(set);
}

static void what_is_secret_refuses_the_set(void **state)
{
    static const char *const why = "keys[1]: a private or secret key stands in a set that is public";

    (void)state;
    assert_set_refused("{\"keys\":[" USABLE ",{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", why);
    assert_set_refused("{\"keys\":[" USABLE ",{\"kty\":\"oct\"}]}", why);
    assert_set_refused("{\"keys\":[" USABLE ",{" EC ",\"d\":\"AA\"}]}", why);
    assert_set_refused("{\"keys\":[" USABLE ",{" EC ",\"use\":\"enc\",\"d\":null}]}", why);
    assert_set_refused("{\"keys\":[" USABLE ",{\"kty\":\"X\",\"k\":\"AA\"}]}", why);
}

static void a_set_is_an_object_with_a_list(void **state)
{
    (void)state;
    assert_set_refused("", "a JWK Set (RFC 7517) is a JSON object: not valid JSON");
    assert_set_refused("[]", "a JWK Set (RFC 7517) is a JSON object: not a JSON object");
    assert_set_refused("{}", "a JWK Set (RFC 7517) has a list \"keys\"");
    assert_set_refused("{\"Keys\":[]}", "a JWK Set (RFC 7517) has a list \"keys\"");
    assert_set_refused("{\"keys\":" USABLE "}", "a JWK Set (RFC 7517) has a list \"keys\"");
    assert_set_refused("{\"keys\":[{\"a\":\"\\u0000\"}]}",
                       "a JWK Set (RFC 7517) is a JSON object: U+0000 in a string");
    assert_set_refused("{\"keys\":[{\"a\":\"\xff\"}]}",
                       "a JWK Set (RFC 7517) is a JSON object: not valid JSON");
    assert_set_refused("{\"keys\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}",
                       "a JWK Set (RFC 7517) is a JSON object: nested deeper than 16");
    assert_set_refused("{\"keys\":[]} x", "a JWK Set (RFC 7517) is a JSON object: not valid JSON");
}

static void a_list_without_keys_is_a_set(void **state)
{
    struct jwk_set *set;
    const struct jose_key *key;

    (void)state;
    assert_int_equal(parse(" {\"keys\":[],\"more\":1} ", &set, NULL), STATUS_OK);
    assert_int_equal(jwk_set_count(set), 0);
    assert_int_equal(jwk_set_algs(set), 0);
    assert_int_equal(jwk_set_find(set, NULL, JOSE_ES256, &key), STATUS_NOT_FOUND);
    jwk_set_unref(set);
}

static char *many_keys(size_t count)
{
    char *json = malloc(count * 128 + 64);
    size_t len = (size_t)sprintf(json, "{\"keys\":[");

    for (size_t i = 0; i < count; i++) {
        len += (size_t)sprintf(json + len, "%s{" ED ",\"kid\":\"%zu\"}", i > 0 ? "," : "", i);
    }
    strcpy(json + len, "]}");
    return json;
}

static void a_set_has_its_bounds(void **state)
{
    char *most = many_keys(JWK_SET_KEYS_MAX);
    char *more = many_keys(JWK_SET_KEYS_MAX + 1);
    char *long_text = calloc(1, JWK_SET_BYTES_MAX + 2);
    struct fault fault = {""};
    struct jwk_set *set;
    const struct jose_key *first, *last;

    (void)state;
    assert_int_equal(parse(most, &set, &fault), STATUS_OK);
    assert_int_equal(jwk_set_count(set), JWK_SET_KEYS_MAX);
    assert_int_equal(jwk_set_find(set, &(struct slice){(const uint8_t *)"0", 1}, JOSE_EDDSA, &first),
                     STATUS_OK);
    assert_int_equal(jwk_set_find(set, &(struct slice){(const uint8_t *)"255", 3}, JOSE_EDDSA, &last),
                     STATUS_OK);
    assert_ptr_not_equal(first, last);
    jwk_set_unref(set);
    assert_int_equal(parse(more, &set, &fault), STATUS_TOO_LARGE);
    memset(long_text, ' ', JWK_SET_BYTES_MAX + 1);
    memcpy(long_text, "{\"keys\":[]}", 11);
    assert_int_equal(parse(long_text, &set, &fault), STATUS_TOO_LARGE);
    long_text[JWK_SET_BYTES_MAX] = 0;
    assert_int_equal(parse(long_text, &set, &fault), STATUS_OK);
    jwk_set_unref(set);
    free(long_text);
    free(more);
    free(most);
}

static void a_key_is_found_by_kid_or_alone(void **state)
{
    struct slice usable = slice_str("usable"), other = slice_str("other");
    struct jwk_set *set;
    const struct jose_key *key;

    (void)state;
    assert_int_equal(parse("{\"keys\":[" USABLE ",{" EC "}]}", &set, NULL), STATUS_OK);
    assert_int_equal(jwk_set_find(set, &usable, JOSE_EDDSA, &key), STATUS_OK);
    assert_int_equal(jwk_set_find(set, &usable, JOSE_ES256, &key), STATUS_INVALID);
    assert_int_equal(jwk_set_find(set, &other, JOSE_ES256, &key), STATUS_NOT_FOUND);
    assert_int_equal(jwk_set_find(set, &(struct slice){NULL, 0}, JOSE_ES256, &key), STATUS_NOT_FOUND);
    assert_int_equal(jwk_set_find(set, NULL, JOSE_ES256, &key), STATUS_OK);
    assert_int_equal(jwk_set_find(set, NULL, JOSE_RS256, &key), STATUS_NOT_FOUND);
    jwk_set_unref(jwk_set_ref(set));
    assert_int_equal(jwk_set_count(set), 2);
    jwk_set_unref(set);
    jwk_set_unref(NULL);
}

/* The two have signatures of one length. */
static void a_key_verifies_its_own_algorithms_only(void **state)
{
    static const uint8_t signature[64];
    struct jwk_set *set;
    const struct jose_key *key;

    (void)state;
    assert_int_equal(parse("{\"keys\":[{" EC "}]}", &set, NULL), STATUS_OK);
    assert_int_equal(jwk_set_find(set, NULL, JOSE_ES256, &key), STATUS_OK);
    assert_int_equal(jose_key_verify(key, JOSE_EDDSA, slice_str("a"), slice_of(signature, 64)),
                     STATUS_INVALID);
    assert_int_equal(jose_key_verify(key, JOSE_HS512, slice_str("a"), slice_of(signature, 64)),
                     STATUS_INVALID);
    jwk_set_unref(set);
}

static unsigned secret_algs(size_t len)
{
    static uint8_t bytes[4097];
    struct jwk_set *set = NULL;
    struct fault fault = {""};
    unsigned algs = 0;

    if (jwk_set_of_secret(slice_of(bytes, len), &set, &fault) == STATUS_OK) {
        algs = jwk_set_algs(set);
    } else {
        assert_non_null(strstr(fault.text, "; 32 to 4096 are taken (RFC 7518, 3.2)"));
    }
    jwk_set_unref(set);
    return algs;
}

static void a_secret_is_as_long_as_its_digest(void **state)
{
    unsigned hs256 = JOSE_BIT(JOSE_HS256), hs384 = JOSE_BIT(JOSE_HS384), hs512 = JOSE_BIT(JOSE_HS512);

    (void)state;
    assert_int_equal(secret_algs(0), 0);
    assert_int_equal(secret_algs(31), 0);
    assert_int_equal(secret_algs(32), hs256);
    assert_int_equal(secret_algs(47), hs256);
    assert_int_equal(secret_algs(48), hs256 | hs384);
    assert_int_equal(secret_algs(63), hs256 | hs384);
    assert_int_equal(secret_algs(64), hs256 | hs384 | hs512);
    assert_int_equal(secret_algs(4096), hs256 | hs384 | hs512);
    assert_int_equal(secret_algs(4097), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_algorithms),
        cmocka_unit_test(what_a_key_says_it_is_for_counts),
        cmocka_unit_test(kinds_and_curves_that_came_later_are_passed_over),
        cmocka_unit_test(points_lie_on_their_curve),
        cmocka_unit_test(rsa_has_its_bounds),
        cmocka_unit_test(a_kid_is_a_short_string),
        cmocka_unit_test(what_could_be_read_in_two_ways_refuses_the_set),
        cmocka_unit_test(what_is_secret_refuses_the_set),
        cmocka_unit_test(a_set_is_an_object_with_a_list),
        cmocka_unit_test(a_list_without_keys_is_a_set),
        cmocka_unit_test(a_set_has_its_bounds),
        cmocka_unit_test(a_key_is_found_by_kid_or_alone),
        cmocka_unit_test(a_key_verifies_its_own_algorithms_only),
        cmocka_unit_test(a_secret_is_as_long_as_its_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
