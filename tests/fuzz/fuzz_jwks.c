/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JWK Set: what is taken holds public keys only, each of which has an algorithm, refuses
 * signatures that nobody has made, and is found by its algorithm; space around the text changes nothing. */
#include "shared/jose/jose_key.h"
#include "shared/jose/jwk_set.h"
#include "tests/fuzz/fuzz.h"

#define SECRETS (JOSE_BIT(JOSE_HS256) | JOSE_BIT(JOSE_HS384) | JOSE_BIT(JOSE_HS512))

static void check_key(const struct jose_key *key, enum jose_alg alg)
{
    static const uint8_t fills[] = {0, 1, 0xFF};
    uint8_t signature[JOSE_SIGNATURE_MAX];
    size_t len = jose_alg_bytes(alg) == 0 ? key->modulus_len : jose_alg_bytes(alg);

    fuzz_check(key->algs != 0 && (key->algs & SECRETS) == 0 && len <= JOSE_SIGNATURE_MAX);
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(signature, fills[i], len);
        fuzz_check(jose_key_verify(key, alg, slice_str("a.b"), slice_of(signature, len)) == STATUS_INVALID);
    }
    fuzz_check(jose_key_verify(key, alg, slice_str("a.b"), slice_of(signature, len - 1)) == STATUS_INVALID);
    fuzz_check(jose_key_verify(key, JOSE_HS256, slice_str("a.b"), slice_of(signature, 32)) == STATUS_INVALID);
}

static void check_set(const struct jwk_set *set)
{
    unsigned algs = jwk_set_algs(set);

    fuzz_check(jwk_set_count(set) + jwk_set_passed_over(set) <= JWK_SET_KEYS_MAX);
    fuzz_check((jwk_set_count(set) > 0) == (algs != 0) && (algs & SECRETS) == 0);
    fuzz_check((jwk_set_passed_over(set) > 0) == (jwk_set_remark(set)[0] != 0));
    for (int i = 0; i < JOSE_ALGS; i++) {
        const struct jose_key *key = NULL;
        enum status status = jwk_set_find(set, NULL, (enum jose_alg)i, &key);

        fuzz_check(status == STATUS_OK ? (algs & JOSE_BIT(i)) != 0 : status == STATUS_NOT_FOUND);
        if (status == STATUS_OK) {
            check_key(key, (enum jose_alg)i);
        }
    }
}

static void check_space(struct slice json, enum status expected)
{
    uint8_t *spaced = malloc(json.len + 2);
    struct jwk_set *set = NULL;

    fuzz_check(spaced != NULL);
    spaced[0] = ' ';
    spaced[json.len + 1] = '\n';
    if (json.len > 0) {
        memcpy(spaced + 1, json.data, json.len);
    }
    fuzz_check(jwk_set_parse(slice_of(spaced, json.len + 2), &set, NULL) == expected);
    jwk_set_unref(set);
    free(spaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault fault = {""};
    struct jwk_set *set = NULL;
    enum status status = jwk_set_parse(slice_of(data, size), &set, &fault);

    fuzz_check((status == STATUS_OK) == (set != NULL) && status != STATUS_NO_MEMORY);
    fuzz_check((status == STATUS_OK) == (fault.text[0] == 0));
    if (set != NULL) {
        check_set(set);
    }
    if (size + 2 <= JWK_SET_BYTES_MAX) {
        check_space(slice_of(data, size), status);
    }
    jwk_set_unref(set);
    return 0;
}
