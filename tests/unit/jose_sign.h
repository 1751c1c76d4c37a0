/* SPDX-License-Identifier: Apache-2.0 */
/* Makes keys, their JWKs and tokens, for tests: nothing in shared/ or in a daemon signs. Whatever header and
 * payload are given are signed as they stand, so that a test can say anything. Strings are the caller's to
 * free. Include after the header of cmocka, or define assert_non_null and assert_int_equal before. */
#ifndef FANFARE_TESTS_JOSE_SIGN_H
#define FANFARE_TESTS_JOSE_SIGN_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/buf.h"
#include "shared/jose/base64url.h"
#include "shared/jose/jose_alg.h"

#define JOSE_TEST_SECRET "a secret of sixty-four bytes, which is enough for each of them!!"

struct jose_signer {
    enum jose_alg alg;
    struct slice secret; /* of HS */
    EVP_PKEY *pkey;      /* of the others */
};

static inline EVP_PKEY *jose_keygen(enum jose_kind kind)
{
    switch (kind) {
    case JOSE_RSA:
        return EVP_RSA_gen(2048);
    case JOSE_P256:
        return EVP_EC_gen("P-256");
    case JOSE_P384:
        return EVP_EC_gen("P-384");
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
}

static inline struct jose_signer jose_signer_of(enum jose_alg alg)
{
    struct jose_signer signer = {alg, slice_str(JOSE_TEST_SECRET), NULL};

    if (jose_alg_kind(alg) != JOSE_SECRET) {
        signer.pkey = jose_keygen(jose_alg_kind(alg));
        assert_non_null(signer.pkey);
    }
    return signer;
}

static inline void jose_signer_fini(struct jose_signer *signer)
{
    EVP_PKEY_free(signer->pkey);
}

static inline char *jose_take(struct buf *buf)
{
    assert_int_equal(buf_append(buf, "", 1), STATUS_OK);
    return (char *)buf->data;
}

static inline size_t jose_hmac(const struct jose_signer *signer, struct slice input, uint8_t *out)
{
    unsigned len = 0;

    assert_non_null(HMAC(EVP_get_digestbyname(jose_alg_digest(signer->alg)), signer->secret.data,
                         (int)signer->secret.len, input.data, input.len, out, &len));
    return len;
}

/* DER to r and s side by side. */
static inline size_t jose_join(const uint8_t *der, size_t len, size_t half, uint8_t *out)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);

    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, (int)half);
    ECDSA_SIG_free(pair);
    return 2 * half;
}

static inline size_t jose_asymmetric(const struct jose_signer *signer, struct slice input, uint8_t *out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    uint8_t raw[JOSE_SIGNATURE_MAX];
    size_t len = sizeof raw;

    assert_int_equal(EVP_DigestSignInit_ex(context, &options, jose_alg_digest(signer->alg), NULL, NULL,
                                           signer->pkey, NULL),
                     1);
    if (signer->alg == JOSE_PS256) {
        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
    }
    assert_int_equal(EVP_DigestSign(context, raw, &len, input.data, input.len), 1);
    EVP_MD_CTX_free(context);
    if (signer->alg == JOSE_ES256 || signer->alg == JOSE_ES384) {
        return jose_join(raw, len, jose_alg_bytes(signer->alg) / 2, out);
    }
    memcpy(out, raw, len);
    return len;
}

/* The signature of any bytes, as JOSE writes it; `out` has JOSE_SIGNATURE_MAX bytes. */
static inline size_t jose_signature(const struct jose_signer *signer, struct slice input, uint8_t *out)
{
    return signer->pkey == NULL ? jose_hmac(signer, input, out) : jose_asymmetric(signer, input, out);
}

/* header.payload.signature of two texts, JSON or not. */
static inline char *jose_sign_bytes(const struct jose_signer *signer, struct slice header,
                                    struct slice payload)
{
    struct buf token;
    uint8_t signature[JOSE_SIGNATURE_MAX];
    size_t len;

    buf_init(&token, 1 << 20);
    assert_int_equal(base64url_append(&token, header), STATUS_OK);
    assert_int_equal(buf_append_str(&token, "."), STATUS_OK);
    assert_int_equal(base64url_append(&token, payload), STATUS_OK);
    len = jose_signature(signer, slice_of(token.data, token.len), signature);
    assert_int_equal(buf_append_str(&token, "."), STATUS_OK);
    assert_int_equal(base64url_append(&token, slice_of(signature, len)), STATUS_OK);
    return jose_take(&token);
}

static inline char *jose_sign(const struct jose_signer *signer, const char *header, const char *payload)
{
    return jose_sign_bytes(signer, slice_str(header), slice_str(payload));
}

/* The usual header: {"alg":…,"typ":"JWT","kid":…}; no kid when NULL. */
static inline char *jose_token(const struct jose_signer *signer, const char *kid, const char *payload)
{
    char header[512];

    snprintf(header, sizeof header,
             kid == NULL ? "{\"alg\":\"%s\",\"typ\":\"JWT\"}"
                         : "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
             jose_alg_name(signer->alg), kid);
    return jose_sign(signer, header, payload);
}

/* Appends ,"name":"base64url" of a number, padded to `width` bytes (0: as short as it is). */
static inline void jose_member_bn(struct buf *out, const char *name, EVP_PKEY *pkey, const char *param,
                                  size_t width)
{
    uint8_t bytes[JOSE_SIGNATURE_MAX];
    BIGNUM *number = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, param, &number), 1);
    width = width == 0 ? (size_t)BN_num_bytes(number) : width;
    BN_bn2binpad(number, bytes, (int)width);
    BN_free(number);
    buf_printf(out, ",\"%s\":\"", name);
    base64url_append(out, slice_of(bytes, width));
    buf_append_str(out, "\"");
}

static inline void jose_member_raw(struct buf *out, const char *name, EVP_PKEY *pkey)
{
    uint8_t bytes[32];
    size_t len = sizeof bytes;

    assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, bytes, &len), 1);
    buf_printf(out, ",\"%s\":\"", name);
    base64url_append(out, slice_of(bytes, len));
    buf_append_str(out, "\"");
}

/* The public JWK: its members of the kind, then `more` (",\"kid\":\"a\"", or ""). */
static inline char *jose_jwk(const struct jose_signer *signer, const char *more)
{
    enum jose_kind kind = jose_alg_kind(signer->alg);
    size_t width = kind == JOSE_P256 ? 32 : 48;
    struct buf out;

    buf_init(&out, 1 << 16);
    if (kind == JOSE_RSA) {
        buf_append_str(&out, "{\"kty\":\"RSA\"");
        jose_member_bn(&out, "n", signer->pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        jose_member_bn(&out, "e", signer->pkey, OSSL_PKEY_PARAM_RSA_E, 0);
    } else if (kind == JOSE_ED25519) {
        buf_append_str(&out, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"");
        jose_member_raw(&out, "x", signer->pkey);
    } else {
        buf_printf(&out, "{\"kty\":\"EC\",\"crv\":\"P-%zu\"", width * 8);
        jose_member_bn(&out, "x", signer->pkey, OSSL_PKEY_PARAM_EC_PUB_X, width);
        jose_member_bn(&out, "y", signer->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, width);
    }
    buf_append_str(&out, more);
    buf_append_str(&out, "}");
    return jose_take(&out);
}

#endif
