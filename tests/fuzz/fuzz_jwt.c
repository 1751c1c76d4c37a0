/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a token: none is taken that a key of ours has not signed, each part standing there in the one
 * way in which it can be written. Any header and claims (before and behind the first line end) signed with
 * our secret: what is taken is taken no more with a bit of the signature changed, nor with another secret. */
#include <openssl/hmac.h>

#include "shared/jose/base64url.h"
#include "shared/jose/jwt.h"
#include "tests/fuzz/fuzz.h"

#define SECRET  "a secret that the fuzzer does not change, of sixty-four bytes...."
#define FOREIGN "another secret, which signs nothing that is taken, sixty-four too"
#define NOW     INT64_C(1000000)
#define KEYS                                                                                                 \
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\"11qYAYKxCrfVS_"                  \
    "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"                                                                      \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\",\"x\":"                                                \
    "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                                                       \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"

enum { TEXT_MAX = 65536 };

static struct jwk_set *ours, *foreign, *public_keys;

static void make_keys(void)
{
    if (ours != NULL) {
        return;
    }
    fuzz_check(jwk_set_of_secret(slice_str(SECRET), &ours, NULL) == STATUS_OK);
    fuzz_check(jwk_set_of_secret(slice_str(FOREIGN), &foreign, NULL) == STATUS_OK);
    fuzz_check(jwk_set_parse(slice_str(KEYS), &public_keys, NULL) == STATUS_OK);
}

static enum jwt_verdict judge(struct slice token, const struct jwk_set *keys)
{
    static const char *const auds[] = {"a"};
    struct jwt_issuer issuer = {.auds = auds, .aud_count = 1, .keys = keys};
    struct jwt_rules rules = {&issuer, 1, 10, 86400};
    struct jwt jwt;
    enum jwt_verdict verdict = jwt_check(token, &rules, NOW, &jwt);

    fuzz_check(verdict < JWT_VERDICTS && verdict != JWT_NO_MEMORY);
    if (verdict == JWT_GOOD) {
        fuzz_check(jwt.claims.type == JSON_OBJECT && jwt.exp > NOW - 10 && jwt.exp <= NOW + 86410);
        fuzz_check(jwt.nbf <= NOW + 10 && jwt.iat <= NOW + 10 && jwt.why == NULL);
        fuzz_check(jwt.sub.data == NULL || jwt.sub.data[0] == '"');
    }
    jwt_fini(&jwt);
    return verdict;
}

static void append_mac(struct buf *token, const char *digest, const char *secret)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    fuzz_check(HMAC(EVP_get_digestbyname(digest), secret, (int)strlen(secret), token->data, token->len, mac,
                    &len) != NULL);
    fuzz_check(buf_append_str(token, ".") == STATUS_OK);
    fuzz_check(base64url_append(token, slice_of(mac, len)) == STATUS_OK);
}

/* What was taken is signed with SECRET, whatever else it says. */
static void check_taken(struct slice token)
{
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    const uint8_t *dot = memrchr(token.data, '.', token.len);
    bool signed_by_us = false;

    for (int i = 0; i < 3; i++) {
        struct buf own;

        buf_init(&own, TEXT_MAX);
        fuzz_check(buf_append(&own, token.data, (size_t)(dot - token.data)) == STATUS_OK);
        append_mac(&own, digests[i], SECRET);
        signed_by_us = signed_by_us || slice_equal(slice_of(own.data, own.len), token);
        buf_fini(&own);
    }
    fuzz_check(signed_by_us);
    fuzz_check(judge(token, foreign) == JWT_BAD_SIGNATURE);
    fuzz_check(judge(token, public_keys) != JWT_GOOD);
}

static void check_any(struct slice token)
{
    (void)jwt_is_slow(token);
    fuzz_check(judge(token, public_keys) != JWT_GOOD); /* nobody has those private keys */
    if (judge(token, ours) == JWT_GOOD) {
        check_taken(token);
    }
}

static void check_signed(struct slice header, struct slice claims)
{
    struct buf token;
    enum jwt_verdict verdict;

    buf_init(&token, TEXT_MAX);
    fuzz_check(base64url_append(&token, header) == STATUS_OK);
    fuzz_check(buf_append_str(&token, ".") == STATUS_OK);
    fuzz_check(base64url_append(&token, claims) == STATUS_OK);
    append_mac(&token, "SHA256", SECRET);
    verdict = judge(slice_of(token.data, token.len), ours);
    if (verdict == JWT_GOOD) {
        fuzz_check(!jwt_is_slow(slice_of(token.data, token.len)));
        check_taken(slice_of(token.data, token.len));
        token.data[token.len - 30] = token.data[token.len - 30] == 'A' ? 'B' : 'A';
        fuzz_check(judge(slice_of(token.data, token.len), ours) == JWT_BAD_SIGNATURE);
    }
    buf_fini(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size == 0 ? NULL : memchr(data, '\n', size);

    make_keys();
    check_any(slice_of(data, size));
    if (line != NULL) {
        size_t len = (size_t)(line - data);

        check_signed(slice_of(data, len), slice_of(line + 1, size - len - 1));
    }
    return 0;
}
