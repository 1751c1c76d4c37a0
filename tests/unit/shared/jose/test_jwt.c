/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens are signed here with OpenSSL and checked by jwt_check. Time is 1,000,000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/jose/jwt.h"
#include "tests/unit/jose_sign.h"

#define NOW    INT64_C(1000000)
#define ISS    "https://id.example.org"
#define CLAIMS "{\"iss\":\"" ISS "\",\"sub\":\"u7\",\"aud\":\"fanfare\",\"exp\":1000600}"

static const char *const auds[] = {"fanfare", "other"};
static struct jose_signer signers[JOSE_ALGS];
static struct jwk_set *sets[JOSE_ALGS]; /* with kid "a" */

static struct jwk_set *set_of(const char *json)
{
    struct jwk_set *set = NULL;
    struct fault fault = {""};

    if (jwk_set_parse(slice_str(json), &set, &fault) != STATUS_OK) {
        fail_msg("%s", fault.text);
    }
    return set;
}

static struct jwk_set *set_of_signer(const struct jose_signer *signer, const char *more)
{
    char *jwk = jose_jwk(signer, more);
    char json[4096];

    snprintf(json, sizeof json, "{\"keys\":[%s]}", jwk);
    free(jwk);
    return set_of(json);
}

static int make_keys(void **state)
{
    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        signers[i] = jose_signer_of((enum jose_alg)i);
        if (signers[i].pkey == NULL) {
            assert_int_equal(jwk_set_of_secret(signers[i].secret, &sets[i], NULL), STATUS_OK);
        } else {
            sets[i] = set_of_signer(&signers[i], ",\"kid\":\"a\"");
        }
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        jose_signer_fini(&signers[i]);
        jwk_set_unref(sets[i]);
    }
    return 0;
}

static struct jwt_issuer issuer_of(enum jose_alg alg)
{
    return (struct jwt_issuer){.iss = ISS, .auds = auds, .aud_count = 2, .keys = sets[alg]};
}

static enum jwt_verdict judge(const struct jwt_issuer *issuer, const char *token)
{
    struct jwt_rules rules = {.issuers = issuer, .count = 1, .leeway_s = 10, .max_s = 86400};
    struct jwt jwt;
    enum jwt_verdict verdict = jwt_check(slice_str(token), &rules, NOW, &jwt);

    jwt_fini(&jwt);
    return verdict;
}

/* Judges and frees the token. */
static enum jwt_verdict judge_own(const struct jwt_issuer *issuer, char *token)
{
    enum jwt_verdict verdict = judge(issuer, token);

    free(token);
    return verdict;
}

/* The verdict on claims, signed as they should be. */
static enum jwt_verdict judge_claims(const char *claims)
{
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);

    return judge_own(&issuer, jose_token(&signers[JOSE_HS256], NULL, claims));
}

static enum jwt_verdict judge_header(const char *header)
{
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);

    return judge_own(&issuer, jose_sign(&signers[JOSE_HS256], header, CLAIMS));
}

static void each_algorithm_is_verified(void **state)
{
    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        struct jwt_issuer issuer = issuer_of((enum jose_alg)i);
        char *token = jose_token(&signers[i], "a", CLAIMS);

        assert_int_equal(judge(&issuer, token), JWT_GOOD);
        assert_int_equal(jwt_is_slow(slice_str(token)), i > JOSE_HS512);
        free(token);
        assert_int_equal(judge_own(&issuer, jose_token(&signers[i], NULL, CLAIMS)), JWT_GOOD);
    }
}

static void a_good_token_says_what_it_holds(void **state)
{
    struct jwt_issuer issuers[] = {{.iss = "https://other.example"}, issuer_of(JOSE_HS256)};
    struct jwt_rules rules = {.issuers = issuers, .count = 2, .leeway_s = 10, .max_s = 86400};
    char *token = jose_token(&signers[JOSE_HS256], NULL,
                             "{\"sub\":\"u\\u0037\",\"rooms\":[\"a*\"],\"aud\":[\"x\",\"other\"],"
                             "\"exp\":1000600.9,\"nbf\":999999.5,\"iat\":999000.5,\"iss\":\"" ISS "\"}");
    struct json_value rooms;
    struct jwt jwt;

    (void)state;
    assert_int_equal(jwt_check(slice_str(token), &rules, NOW, &jwt), JWT_GOOD);
    assert_int_equal(jwt.issuer, 1);
    assert_int_equal(jwt.alg, JOSE_HS256);
    assert_true(json_string_is(jwt.sub, "u7", false));
    assert_int_equal(jwt.exp, 1000600);
    assert_int_equal(jwt.nbf, 1000000);
    assert_int_equal(jwt.iat, 999000);
    assert_true(jwt_claim(&jwt, "rooms", &rooms));
    assert_memory_equal(rooms.text.data, "[\"a*\"]", 6);
    assert_false(jwt_claim(&jwt, "join", &rooms));
    assert_null(jwt.why);
    jwt_fini(&jwt);
    free(token);
}

static void a_byte_that_is_changed_is_noticed(void **state)
{
    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        struct jwt_issuer issuer = issuer_of((enum jose_alg)i);
        char *token = jose_token(&signers[i], "a", CLAIMS);
        char *dot = strrchr(token, '.');

        dot[10] = dot[10] == 'A' ? 'B' : 'A';
        assert_int_equal(judge(&issuer, token), JWT_BAD_SIGNATURE);
        free(token);
    }
}

static void a_foreign_key_signs_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        struct jwt_issuer issuer = issuer_of((enum jose_alg)i);
        struct jose_signer foreign = jose_signer_of((enum jose_alg)i);

        foreign.secret = slice_str("another secret of sixty-four bytes, which nobody here knows.....");
        assert_int_equal(judge_own(&issuer, jose_token(&foreign, "a", CLAIMS)), JWT_BAD_SIGNATURE);
        jose_signer_fini(&foreign);
    }
}

static void none_is_no_algorithm(void **state)
{
    static const char *const names[] = {"none",  "None",   "NONE",  "nOnE", "",
                                        "hs256", "HS256 ", "RS512", "ES512"};
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);
    char header[64];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *token, *dot;

        snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[i]);
        token = jose_sign(&signers[JOSE_HS256], header, CLAIMS);
        assert_int_equal(judge(&issuer, token), JWT_ALG_NOT_ALLOWED);
        dot = strrchr(token, '.');
        dot[1] = 0; /* without a signature */
        assert_int_equal(judge(&issuer, token), JWT_ALG_NOT_ALLOWED);
        free(token);
    }
}

/* RFC 8725, section 2.1: the public key, which everybody knows, taken for a secret. */
static void a_public_key_is_no_secret(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_RS256);
    char *jwk = jose_jwk(&signers[JOSE_RS256], "");
    struct jose_signer signer = {.alg = JOSE_HS256, .secret = slice_str(jwk)};

    (void)state;
    assert_int_equal(judge_own(&issuer, jose_token(&signer, "a", CLAIMS)), JWT_ALG_NOT_ALLOWED);
    assert_int_equal(judge_own(&issuer, jose_token(&signer, NULL, CLAIMS)), JWT_ALG_NOT_ALLOWED);
    free(jwk);
}

static void claims_are_checked(void **state)
{
    static const struct {
        const char *claims;
        enum jwt_verdict verdict;
    } rows[] = {
        {CLAIMS, JWT_GOOD},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\"}", JWT_BAD_CLAIMS},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":\"1000600\"}", JWT_BAD_CLAIMS},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":999990}", JWT_EXPIRED},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":999991}", JWT_GOOD},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"nbf\":1000010}", JWT_GOOD},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"nbf\":1000011}", JWT_NOT_YET_VALID},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"iat\":1000011}", JWT_NOT_YET_VALID},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1086410}", JWT_GOOD},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1086411}", JWT_TOO_LONG_LIVED},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"iat\":914200}", JWT_GOOD},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"iat\":914199}", JWT_TOO_LONG_LIVED},
        {"{\"iss\":\"" ISS "\",\"aud\":\"Fanfare\",\"exp\":1000600}", JWT_WRONG_AUDIENCE},
        {"{\"iss\":\"" ISS "\",\"exp\":1000600}", JWT_WRONG_AUDIENCE},
        {"{\"iss\":\"" ISS "\",\"aud\":[],\"exp\":1000600}", JWT_BAD_CLAIMS},
        {"{\"iss\":\"" ISS "\",\"aud\":[\"fanfare\",7],\"exp\":1000600}", JWT_BAD_CLAIMS},
        {"{\"iss\":\"" ISS "/\",\"aud\":\"fanfare\",\"exp\":1000600}", JWT_UNKNOWN_ISSUER},
        {"{\"aud\":\"fanfare\",\"exp\":1000600}", JWT_UNKNOWN_ISSUER},
        {"{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"e\\u0078p\":2000000}", JWT_BAD_CLAIMS},
        {"[]", JWT_BAD_CLAIMS},
        {"", JWT_BAD_CLAIMS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum jwt_verdict verdict = judge_claims(rows[i].claims);

        if (verdict != rows[i].verdict) {
            fail_msg("%s: %s", rows[i].claims, jwt_verdict_name(verdict));
        }
    }
}

static void headers_are_checked(void **state)
{
    static const struct {
        const char *header;
        enum jwt_verdict verdict;
    } rows[] = {
        {"{\"alg\":\"HS256\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"typ\":\"application/at+JWT\"}", JWT_GOOD},
        {"{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"typ\":7}", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"b64\":true}", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"cty\":\"JWT\"}", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"kid\":7}", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", JWT_BAD_HEADER},
        {"{\"alg\":7}", JWT_BAD_HEADER},
        {"{}", JWT_BAD_HEADER},
        {"[]", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\"", JWT_BAD_HEADER},
        {"{\"alg\":\"HS256\",\"jku\":\"https://evil.example/\",\"jwk\":{\"kty\":\"oct\"}}", JWT_GOOD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum jwt_verdict verdict = judge_header(rows[i].header);

        if (verdict != rows[i].verdict) {
            fail_msg("%s: %s", rows[i].header, jwt_verdict_name(verdict));
        }
    }
}

static void an_issuer_is_judged_by_its_own_keys(void **state)
{
    struct jwt_issuer issuers[] = {issuer_of(JOSE_ES256), issuer_of(JOSE_ES256)};
    struct jwt_rules rules = {.issuers = issuers, .count = 2, .max_s = 86400};
    struct jose_signer other = jose_signer_of(JOSE_ES256);
    char *token = jose_token(&other, "a", CLAIMS);
    struct jwt jwt;

    (void)state;
    issuers[1].iss = "https://other.example";
    issuers[1].keys = set_of_signer(&other, ",\"kid\":\"a\"");
    assert_int_equal(jwt_check(slice_str(token), &rules, NOW, &jwt), JWT_BAD_SIGNATURE);
    assert_int_equal(jwt.issuer, 0);
    jwt_fini(&jwt);
    issuers[0].keys = NULL;
    assert_int_equal(jwt_check(slice_str(token), &rules, NOW, &jwt), JWT_NO_KEYS);
    jwt_fini(&jwt);
    jwk_set_unref(issuers[1].keys);
    jose_signer_fini(&other);
    free(token);
}

static void a_token_without_kid_needs_the_only_key_that_fits(void **state)
{
    char *first = jose_jwk(&signers[JOSE_ES256], ",\"kid\":\"a\"");
    struct jose_signer second = jose_signer_of(JOSE_ES256);
    char *other = jose_jwk(&second, ",\"kid\":\"b\"");
    struct jwt_issuer issuer = issuer_of(JOSE_ES256);
    char json[4096];

    (void)state;
    snprintf(json, sizeof json, "{\"keys\":[%s,%s]}", first, other);
    issuer.keys = set_of(json);
    assert_int_equal(judge_own(&issuer, jose_token(&second, "b", CLAIMS)), JWT_GOOD);
    assert_int_equal(judge_own(&issuer, jose_token(&second, "a", CLAIMS)), JWT_BAD_SIGNATURE);
    assert_int_equal(judge_own(&issuer, jose_token(&second, NULL, CLAIMS)), JWT_UNKNOWN_KEY);
    assert_int_equal(judge_own(&issuer, jose_token(&second, "c", CLAIMS)), JWT_UNKNOWN_KEY);
    jwk_set_unref(issuer.keys);
    jose_signer_fini(&second);
    free(first);
    free(other);
}

static void the_issuers_algorithms_are_a_bound(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_RS256);

    (void)state;
    issuer.algs = JOSE_BIT(JOSE_PS256);
    assert_int_equal(judge_own(&issuer, jose_token(&signers[JOSE_RS256], "a", CLAIMS)), JWT_ALG_NOT_ALLOWED);
    issuer.algs |= JOSE_BIT(JOSE_RS256);
    assert_int_equal(judge_own(&issuer, jose_token(&signers[JOSE_RS256], "a", CLAIMS)), JWT_GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_is_verified),
        cmocka_unit_test(a_good_token_says_what_it_holds),
        cmocka_unit_test(a_byte_that_is_changed_is_noticed),
        cmocka_unit_test(a_foreign_key_signs_nothing),
        cmocka_unit_test(none_is_no_algorithm),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(claims_are_checked),
        cmocka_unit_test(headers_are_checked),
        cmocka_unit_test(an_issuer_is_judged_by_its_own_keys),
        cmocka_unit_test(a_token_without_kid_needs_the_only_key_that_fits),
        cmocka_unit_test(the_issuers_algorithms_are_a_bound),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
