/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's EVP. What is costly there (fetching an algorithm, reading the key, padding the secret) is done
 * once per key; a verification copies the prepared context and lets OpenSSL finish the copy. The signature
 * of ECDSA is r and s side by side in JOSE (RFC 7518, section 3.4) and DER in OpenSSL, so it is written
 * anew: a DER signature in a token has another length and never gets there. */
#include "shared/jose/jose_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

/* SEQUENCE { INTEGER r, INTEGER s } of at most 48 bytes each: all lengths take one byte (X.690, 8.1.3.4). */
enum { COORDINATE_MAX = 48, DER_MAX = 2 + 2 * (2 + 1 + COORDINATE_MAX) };

static enum status prepare_mac(struct jose_key *key, enum jose_alg alg, EVP_MAC *mac, struct slice secret)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)jose_alg_digest(alg), 0),
        OSSL_PARAM_construct_end()};

    key->mac[alg] = EVP_MAC_CTX_new(mac);
    return key->mac[alg] != NULL && EVP_MAC_init(key->mac[alg], secret.data, secret.len, params) == 1
               ? STATUS_OK
               : STATUS_NO_MEMORY;
}

enum status jose_key_init_secret(struct jose_key *key, struct slice secret)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    enum status status = mac == NULL ? STATUS_NO_MEMORY : STATUS_OK;

    for (int i = 0; i < JOSE_ALGS && status == STATUS_OK; i++) {
        enum jose_alg alg = (enum jose_alg)i;

        if (jose_alg_kind(alg) == JOSE_SECRET && secret.len >= jose_alg_bytes(alg)) {
            key->algs |= JOSE_BIT(alg);
            status = prepare_mac(key, alg, mac, secret);
        }
    }
    EVP_MAC_free(mac);
    return status;
}

/* RFC 7518, section 3.5: MGF1 with the same digest, which is OpenSSL's default, and a salt as long as it. */
static bool set_padding(EVP_PKEY_CTX *context, enum jose_alg alg)
{
    if (alg != JOSE_PS256) {
        return true;
    }
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static enum status prepare_verify(struct jose_key *key, enum jose_alg alg, EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = NULL;

    key->verify[alg] = EVP_MD_CTX_new();
    if (key->verify[alg] == NULL || EVP_DigestVerifyInit_ex(key->verify[alg], &context, jose_alg_digest(alg),
                                                            NULL, NULL, pkey, NULL) != 1) {
        return STATUS_NO_MEMORY;
    }
    return set_padding(context, alg) ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status jose_key_init_public(struct jose_key *key, EVP_PKEY *pkey, unsigned algs)
{
    enum status status = STATUS_OK;

    key->algs = algs;
    key->modulus_len = EVP_PKEY_is_a(pkey, "RSA") ? (size_t)EVP_PKEY_get_size(pkey) : 0;
    for (int i = 0; i < JOSE_ALGS && status == STATUS_OK; i++) {
        if ((algs & JOSE_BIT(i)) != 0) {
            status = prepare_verify(key, (enum jose_alg)i, pkey);
        }
    }
    return status;
}

void jose_key_fini(struct jose_key *key)
{
    for (int i = 0; i < JOSE_ALGS; i++) {
        EVP_MAC_CTX_free(key->mac[i]);
        EVP_MD_CTX_free(key->verify[i]);
    }
    *key = (struct jose_key){0};
}

/* The time does not depend on where the two differ. */
static enum status verify_mac(const EVP_MAC_CTX *prepared, struct slice input, struct slice signature)
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(prepared);
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t len = 0;
    enum status status = STATUS_NO_MEMORY;

    if (context != NULL && EVP_MAC_update(context, input.data, input.len) == 1 &&
        EVP_MAC_final(context, mac, &len, sizeof mac) == 1) {
        status =
            len == signature.len && CRYPTO_memcmp(mac, signature.data, len) == 0 ? STATUS_OK : STATUS_INVALID;
    }
    EVP_MAC_CTX_free(context);
    return status;
}

/* INTEGER without the zeros in front, with one before a top bit that is set (X.690, 8.3). */
static size_t write_integer(struct slice number, uint8_t *out)
{
    while (number.len > 1 && number.data[0] == 0) {
        number = slice_of(number.data + 1, number.len - 1);
    }
    size_t pad = number.data[0] >> 7;

    out[0] = 0x02;
    out[1] = (uint8_t)(number.len + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number.data, number.len);
    return 2 + pad + number.len;
}

static struct slice to_der(struct slice signature, uint8_t *out)
{
    size_t half = signature.len / 2;
    size_t len = 2;

    len += write_integer(slice_of(signature.data, half), out + len);
    len += write_integer(slice_of(signature.data + half, half), out + len);
    out[0] = 0x30;
    out[1] = (uint8_t)(len - 2);
    return slice_of(out, len);
}

/* A copy that is finished itself, where OpenSSL would copy once more to keep its context usable. */
static enum status verify_public(const EVP_MD_CTX *prepared, struct slice input, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    enum status status = STATUS_NO_MEMORY;

    if (context != NULL && EVP_MD_CTX_copy_ex(context, prepared) == 1) {
        EVP_MD_CTX_set_flags(context, EVP_MD_CTX_FLAG_FINALISE);
        status = EVP_DigestVerify(context, signature.data, signature.len, input.data, input.len) == 1
                     ? STATUS_OK
                     : STATUS_INVALID;
    }
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return status;
}

enum status jose_key_verify(const struct jose_key *key, enum jose_alg alg, struct slice input,
                            struct slice signature)
{
    size_t bytes = jose_alg_kind(alg) == JOSE_RSA ? key->modulus_len : jose_alg_bytes(alg);
    uint8_t der[DER_MAX];

    if ((key->algs & JOSE_BIT(alg)) == 0 || signature.len != bytes) {
        return STATUS_INVALID;
    }
    if (jose_alg_kind(alg) == JOSE_SECRET) {
        return verify_mac(key->mac[alg], input, signature);
    }
    if (jose_alg_kind(alg) == JOSE_P256 || jose_alg_kind(alg) == JOSE_P384) {
        signature = to_der(signature, der);
    }
    return verify_public(key->verify[alg], input, signature);
}
