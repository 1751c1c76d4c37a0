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

/* What is signed as it should be and still is no claims. */
static enum jwt_verdict judge_bytes(struct slice claims)
{
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);

    return judge_own(&issuer,
                     jose_sign_bytes(&signers[JOSE_HS256], slice_str("{\"alg\":\"HS256\"}"), claims));
}

static void claims_are_one_object_of_json(void **state)
{
    static const char *const bad[] = {
        "null",
        "[" CLAIMS "]",
        CLAIMS CLAIMS,
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"x\":\"\\u0000\"}",
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"x\":\"\xed\xa0\x80\"}",
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"x\":\"\\ud800\"}",
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"x\":[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]}",
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"a\":1,\"\\u0061\":1}",
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,}",
        "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":01000600}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        enum jwt_verdict verdict = judge_bytes(slice_str(bad[i]));

        if (verdict != JWT_BAD_CLAIMS) {
            fail_msg("%s: %s", bad[i], jwt_verdict_name(verdict));
        }
    }
    assert_int_equal(judge_bytes(slice_str("{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,"
                                           "\"x\":[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]}")),
                     JWT_GOOD);
    assert_int_equal(judge_bytes(slice_of(CLAIMS "\0", sizeof CLAIMS)), JWT_BAD_CLAIMS);
}

static void types_and_dates_are_checked_after_the_signature(void **state)
{
    static const char *const more[] = {
        "\"sub\":7",  "\"sub\":null", "\"jti\":7",     "\"nbf\":\"1000000\"",      "\"iat\":null",
        "\"iat\":-1", "\"nbf\":1e3",  "\"iat\":1e400", "\"nbf\":9007199254740992",
    };
    char claims[256];

    (void)state;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        enum jwt_verdict verdict;

        snprintf(claims, sizeof claims, "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,%s}",
                 more[i]);
        verdict = judge_claims(claims);
        if (verdict != JWT_BAD_CLAIMS) {
            fail_msg("%s: %s", claims, jwt_verdict_name(verdict));
        }
    }
    assert_int_equal(judge_claims("{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1e400}"), JWT_BAD_CLAIMS);
    assert_int_equal(judge_claims("{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":-1}"), JWT_BAD_CLAIMS);
    assert_int_equal(judge_claims("{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":9007199254740992}"),
                     JWT_BAD_CLAIMS);
    assert_int_equal(judge_claims("{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":9007199254740991}"),
                     JWT_TOO_LONG_LIVED);
}

/* Every claim is wrong, and the signature: only the signature is told of. */
static void a_forger_learns_nothing_of_the_claims(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);
    char *token =
        jose_token(&signers[JOSE_HS256], NULL, "{\"iss\":\"" ISS "\",\"aud\":7,\"exp\":1,\"sub\":7}");

    (void)state;
    strrchr(token, '.')[5] ^= 1;
    assert_int_equal(judge_own(&issuer, token), JWT_BAD_SIGNATURE);
}

static void signatures_of_another_form_are_refused(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_ES256);
    char *token = jose_token(&signers[JOSE_ES256], "a", CLAIMS);
    char *dot = strrchr(token, '.');
    uint8_t der[80], zero[64] = {0};
    size_t der_len = sizeof der;
    struct buf text;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    (void)state;
    assert_int_equal(
        EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, signers[JOSE_ES256].pkey, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, der, &der_len, (uint8_t *)token, (size_t)(dot - token)), 1);
    EVP_MD_CTX_free(context);
    buf_init(&text, 4096);
    for (int i = 0; i < 3; i++) {
        struct slice signature = i == 0 ? slice_of(der, der_len) : slice_of(zero, i == 1 ? 64 : 0);

        buf_clear(&text);
        assert_int_equal(buf_append(&text, token, (size_t)(dot - token) + 1), STATUS_OK);
        assert_int_equal(base64url_append(&text, signature), STATUS_OK);
        assert_int_equal(buf_append(&text, "", 1), STATUS_OK);
        assert_int_equal(judge(&issuer, (char *)text.data), JWT_BAD_SIGNATURE);
    }
    dot[strlen(dot) - 2] = 0; /* a byte less */
    assert_int_equal(judge(&issuer, token), JWT_BAD_SIGNATURE);
    buf_fini(&text);
    free(token);
}

static void a_token_has_a_bound(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);
    char claims[8000];

    (void)state;
    snprintf(claims, sizeof claims,
             "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"x\":\"%05996d\"}", 0);
    assert_int_equal(judge_own(&issuer, jose_token(&signers[JOSE_HS256], NULL, claims)), JWT_GOOD);
    snprintf(claims, sizeof claims,
             "{\"iss\":\"" ISS "\",\"aud\":\"fanfare\",\"exp\":1000600,\"x\":\"%06200d\"}", 0);
    assert_int_equal(judge_own(&issuer, jose_token(&signers[JOSE_HS256], NULL, claims)), JWT_TOO_LARGE);
    assert_int_equal(judge(&issuer, "a.b"), JWT_MALFORMED);
    assert_int_equal(judge(&issuer, ""), JWT_MALFORMED);
}

static void an_audience_has_to_be_set(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_HS256);

    (void)state;
    issuer.aud_count = 0;
    assert_int_equal(judge_own(&issuer, jose_token(&signers[JOSE_HS256], NULL, CLAIMS)), JWT_WRONG_AUDIENCE);
    assert_int_equal(
        judge_own(&issuer, jose_token(&signers[JOSE_HS256], NULL, "{\"iss\":\"" ISS "\",\"exp\":1000600}")),
        JWT_GOOD);
}

/* The issuer without a name is for whom no other is. */
static void an_issuer_without_a_name_takes_the_rest(void **state)
{
    struct jwt_issuer issuers[] = {{.aud_count = 0, .keys = sets[JOSE_HS384]}, issuer_of(JOSE_HS256)};
    struct jwt_rules rules = {.issuers = issuers, .count = 2, .max_s = 86400};
    static const char *const claims[] = {"{\"exp\":1000600}", "{\"iss\":\"x\",\"exp\":1000600}", CLAIMS};
    struct jwt jwt;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char *token = jose_token(&signers[JOSE_HS256], NULL, claims[i]);

        assert_int_equal(jwt_check(slice_str(token), &rules, NOW, &jwt), JWT_GOOD);
        assert_int_equal(jwt.issuer, i == 2);
        jwt_fini(&jwt);
        free(token);
    }
}

static void a_set_without_keys_knows_no_key(void **state)
{
    struct jwt_issuer issuer = issuer_of(JOSE_ES256);

    (void)state;
    issuer.keys = set_of("{\"keys\":[]}");
    assert_int_equal(judge_own(&issuer, jose_token(&signers[JOSE_ES256], "a", CLAIMS)), JWT_UNKNOWN_KEY);
    jwk_set_unref(issuer.keys);
}

static void each_verdict_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < JWT_VERDICTS; i++) {
        const char *text = jwt_verdict_text((enum jwt_verdict)i);

        assert_int_equal(text[strlen(text) - 1], '.');
        assert_int_equal(strspn(jwt_verdict_name((enum jwt_verdict)i), "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(jwt_verdict_name((enum jwt_verdict)i)));
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
        cmocka_unit_test(claims_are_one_object_of_json),
        cmocka_unit_test(types_and_dates_are_checked_after_the_signature),
        cmocka_unit_test(a_forger_learns_nothing_of_the_claims),
        cmocka_unit_test(signatures_of_another_form_are_refused),
        cmocka_unit_test(a_token_has_a_bound),
        cmocka_unit_test(an_audience_has_to_be_set),
        cmocka_unit_test(an_issuer_without_a_name_takes_the_rest),
        cmocka_unit_test(a_set_without_keys_knows_no_key),
        cmocka_unit_test(each_verdict_has_a_name_and_a_sentence),
        cmocka_unit_test(an_issuer_is_judged_by_its_own_keys),
        cmocka_unit_test(a_token_without_kid_needs_the_only_key_that_fits),
        cmocka_unit_test(the_issuers_algorithms_are_a_bound),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
