/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that the tool makes, held against the examples of the RFCs and against what gateways check with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "deploy/tool/token_make.h"
#include "shared/jose/jwt.h"
#include "tests/unit/jose_sign.h"

#define NOW INT64_C(1800000000)

static char *taken(struct buf *buf)
{
    assert_int_equal(buf_append(buf, "", 1), STATUS_OK);
    return (char *)buf->data;
}

/* RFC 8037, appendix A.1. */
static struct token_key key_of_rfc_8037(void)
{
    struct token_key key = {.kind = JOSE_ED25519};
    uint8_t d[32];
    size_t len;

    assert_int_equal(
        base64url_decode(slice_str("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), d, sizeof d, &len),
        STATUS_OK);
    key.pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d, len);
    assert_non_null(key.pkey);
    return key;
}

/* Appendix A.2 (the public key), A.3 (its thumbprint) and A.4 (a signature, which Ed25519 makes the same each
 * time). */
static void rfc_8037(void **state)
{
    struct token_key key = key_of_rfc_8037();
    struct buf out, text;

    (void)state;
    buf_init(&out, 4096);
    buf_init(&text, 4096);
    assert_int_equal(token_key_members(&key, &out), STATUS_OK);
    assert_string_equal(
        taken(&out),
        "\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"");
    buf_clear(&out);
    assert_int_equal(token_key_thumbprint(&key, &out), STATUS_OK);
    assert_string_equal(taken(&out), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    buf_clear(&out);
    assert_int_equal(token_key_sign(&key, JOSE_EDDSA,
                                    slice_str("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
                                    &out),
                     STATUS_OK);
    assert_int_equal(base64url_append(&text, slice_of(out.data, out.len)), STATUS_OK);
    assert_string_equal(taken(&text),
                        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_"
                        "MuM0KAg");
    buf_fini(&text);
    buf_fini(&out);
    token_key_fini(&key);
}

static void assert_claims(const struct options *options, const char *expected)
{
    struct fault fault = {""};
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(token_make_claims(options, NOW, &out, &fault), STATUS_OK);
    assert_string_equal(taken(&out), expected);
    buf_fini(&out);
}

static void claims_hold_what_was_given(void **state)
{
    char *rooms[] = {"orders.*", "user-{sub}"};
    char *joins[] = {"lobby"};
    char *auds[] = {"a", "b\"c"};
    struct options options = {.sub = "u7", .seconds = 3600};

    (void)state;
    assert_claims(&options, "{\"sub\":\"u7\",\"iat\":1800000000,\"exp\":1800003600}");
    options.iss = "https://id.example.org";
    options.auds = (struct words){auds, 1};
    options.rooms = (struct words){rooms, 2};
    options.joins = (struct words){joins, 1};
    options.info = "{\"name\": \"Ann\"}";
    assert_claims(&options,
                  "{\"iss\":\"https://id.example.org\",\"sub\":\"u7\",\"aud\":\"a\",\"iat\":1800000000,"
                  "\"exp\":1800003600,\"rooms\":[\"orders.*\",\"user-{sub}\"],\"join\":[\"lobby\"],"
                  "\"info\":{\"name\": \"Ann\"}}");
    options = (struct options){.sub = "u7", .seconds = 1, .auds = {auds, 2}, .pattern = "priv-*"};
    assert_claims(&options,
                  "{\"sub\":\"u7\",\"aud\":[\"a\",\"b\\\"c\"],\"iat\":1800000000,\"exp\":1800000001,"
                  "\"room\":\"priv-*\"}");
}

static void assert_refused(const struct options *options, const char *text)
{
    struct fault fault = {""};
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(token_make_claims(options, NOW, &out, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, text);
    buf_fini(&out);
}

static void claims_that_no_gateway_takes_are_refused(void **state)
{
    char info[1026];
    char *joins[33];
    struct options options = {.sub = "u\xff"};

    (void)state;
    assert_refused(&options, "a claim is not valid UTF-8");
    options = (struct options){.sub = "u7", .info = "{x}"};
    assert_refused(&options, "--info: not JSON at byte 1: expected a member name in quotes");
    memset(info, '1', sizeof info - 1);
    info[1025] = 0;
    options.info = info;
    assert_refused(&options, "--info: a gateway takes at most 1024 bytes");
    for (size_t i = 0; i < 33; i++) {
        joins[i] = "r";
    }
    options = (struct options){.sub = "u7", .joins = {joins, 33}};
    assert_refused(&options, "--join: a gateway takes at most 32 rooms");
}

/* The verdict of a gateway that has the key's JWK Set, or its secret. */
static enum jwt_verdict judge(const struct token_key *key, const char *token)
{
    static const char *const auds[] = {"a"};
    struct jwt_issuer issuer = {.auds = auds, .aud_count = 1};
    struct jwt_rules rules = {&issuer, 1, 0, 3600};
    struct jwk_set *keys = NULL;
    struct buf jwks;
    struct jwt jwt;
    enum jwt_verdict verdict;

    buf_init(&jwks, 65536);
    if (key->kind == JOSE_SECRET) {
        assert_int_equal(jwk_set_of_secret(slice_of(key->secret.data, key->secret.len), &keys, NULL),
                         STATUS_OK);
    } else {
        assert_int_equal(token_make_jwks(key, "k\"1", NULL, &jwks), STATUS_OK);
        assert_int_equal(jwk_set_parse(slice_of(jwks.data, jwks.len), &keys, NULL), STATUS_OK);
    }
    issuer.keys = keys;
    verdict = jwt_check(slice_str(token), &rules, NOW + 1, &jwt);
    jwt_fini(&jwt);
    jwk_set_unref(keys);
    buf_fini(&jwks);
    return verdict;
}

static void a_gateway_takes_what_is_made(void **state)
{
    const char *claims = "{\"aud\":\"a\",\"exp\":1800003600}";

    (void)state;
    for (int i = 0; i < JOSE_ALGS; i++) {
        enum jose_alg alg = (enum jose_alg)i;
        struct jose_signer signer = jose_signer_of(alg);
        struct token_key key = {.kind = jose_alg_kind(alg), .pkey = signer.pkey};
        struct buf token;

        buf_init(&key.secret, 4096);
        buf_append_str(&key.secret, JOSE_TEST_SECRET);
        buf_init(&token, 65536);
        assert_int_equal(token_make(&key, alg, "k\"1", slice_str(claims), &token), STATUS_OK);
        assert_int_equal(judge(&key, taken(&token)), JWT_GOOD);
        buf_fini(&token);
        token_key_fini(&key);
    }
}

static void an_algorithm_belongs_to_its_key(void **state)
{
    struct token_key rsa = {.kind = JOSE_RSA};
    struct fault fault = {""};
    enum jose_alg alg;

    (void)state;
    assert_int_equal(token_make_alg(&rsa, NULL, &alg, &fault), STATUS_OK);
    assert_int_equal(alg, JOSE_RS256);
    assert_int_equal(token_make_alg(&rsa, "PS256", &alg, &fault), STATUS_OK);
    assert_int_equal(alg, JOSE_PS256);
    assert_int_equal(token_make_alg(&rsa, "HS256", &alg, &fault), STATUS_INVALID);
    assert_string_equal(fault.text, "--alg: HS256 does not belong to this kind of key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_8037),
        cmocka_unit_test(claims_hold_what_was_given),
        cmocka_unit_test(claims_that_no_gateway_takes_are_refused),
        cmocka_unit_test(a_gateway_takes_what_is_made),
        cmocka_unit_test(an_algorithm_belongs_to_its_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
