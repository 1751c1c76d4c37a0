/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's half of `fanfare token`: what is said in a token is command_token's. One thread; blocks. */
#include "deploy/tool/token_key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "deploy/tool/text_file.h"
#include "shared/jose/base64url.h"

enum { FILE_MAX = 65536, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, SHA256_BYTES = 32 };

enum status token_key_of_secret(const char *path, struct token_key *out, struct fault *fault)
{
    enum status status;

    *out = (struct token_key){.kind = JOSE_SECRET};
    buf_init(&out->secret, FILE_MAX);
    status = text_file_read(path, &out->secret, fault);
    if (status == STATUS_OK && out->secret.len > 0 && out->secret.data[out->secret.len - 1] == '\n') {
        out->secret.len--;
    }
    return status;
}

/* Instead of a question on the terminal. */
static int no_password(char *out, int cap, int writing, void *arg)
{
    (void)out;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *read_pem(const struct buf *text, bool public)
{
    BIO *bio = BIO_new_mem_buf(text->data, (int)text->len);
    EVP_PKEY *pkey = NULL;

    if (bio != NULL) {
        pkey = public ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL)
                      : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    }
    BIO_free(bio);
    ERR_clear_error();
    return pkey;
}

/* Whether it is a kind of key that gateways take. */
static bool find_kind(EVP_PKEY *pkey, enum jose_kind *kind)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(pkey);

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        *kind = JOSE_RSA;
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    }
    *kind = JOSE_ED25519;
    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        return true;
    }
    if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1) {
        return false;
    }
    *kind = strcmp(group, "secp384r1") == 0 ? JOSE_P384 : JOSE_P256;
    return *kind == JOSE_P384 || strcmp(group, "prime256v1") == 0;
}

enum status token_key_of_pem(const char *path, bool public, struct token_key *out, struct fault *fault)
{
    struct buf text;
    enum status status;

    *out = (struct token_key){0};
    buf_init(&text, FILE_MAX);
    status = text_file_read(path, &text, fault);
    if (status == STATUS_OK) {
        out->pkey = read_pem(&text, false);
        if (out->pkey == NULL && public) {
            out->pkey = read_pem(&text, true);
        }
    }
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.cap);
    }
    buf_fini(&text);
    if (status != STATUS_OK) {
        return status;
    }
    if (out->pkey == NULL) {
        return fault_set(fault, STATUS_INVALID, "%s: not a %s key in PEM, or an encrypted one", path,
                         public ? "private or public" : "private");
    }
    return find_kind(out->pkey, &out->kind)
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID,
                           "%s: gateways take RSA of 2,048 to 8,192 bits, EC on P-256 or P-384, and Ed25519",
                           path);
}

void token_key_fini(struct token_key *key)
{
    if (key->secret.data != NULL) {
        OPENSSL_cleanse(key->secret.data, key->secret.cap);
    }
    buf_fini(&key->secret);
    EVP_PKEY_free(key->pkey);
    *key = (struct token_key){0};
}

static enum status sign_hmac(const struct token_key *key, enum jose_alg alg, struct slice input,
                             struct buf *out)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (HMAC(EVP_get_digestbyname(jose_alg_digest(alg)),
             key->secret.len > 0 ? key->secret.data : (uint8_t *)"", (int)key->secret.len, input.data,
             input.len, mac, &len) == NULL) {
        return STATUS_NO_MEMORY;
    }
    return buf_append(out, mac, len);
}

/* RFC 7518, section 3.4: r and s, each in the full length of the curve. */
static enum status append_pair(const uint8_t *der, size_t len, size_t half, struct buf *out)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    enum status status = pair == NULL ? STATUS_NO_MEMORY : buf_reserve(out, 2 * half);

    if (status == STATUS_OK) {
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), out->data + out->len, (int)half);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), out->data + out->len + half, (int)half);
        out->len += 2 * half;
    }
    ECDSA_SIG_free(pair);
    return status;
}

/* RFC 7518, section 3.5, for PS256: a salt as long as the digest. */
static bool begin_sign(EVP_MD_CTX *context, const struct token_key *key, enum jose_alg alg)
{
    EVP_PKEY_CTX *options = NULL;

    if (EVP_DigestSignInit_ex(context, &options, jose_alg_digest(alg), NULL, NULL, key->pkey, NULL) != 1) {
        return false;
    }
    return alg != JOSE_PS256 || (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) > 0 &&
                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) > 0);
}

enum status token_key_sign(const struct token_key *key, enum jose_alg alg, struct slice input,
                           struct buf *out)
{
    uint8_t raw[JOSE_SIGNATURE_MAX];
    size_t len = sizeof raw;
    EVP_MD_CTX *context;
    bool done;

    if (key->kind == JOSE_SECRET) {
        return sign_hmac(key, alg, input, out);
    }
    context = EVP_MD_CTX_new();
    done = context != NULL && begin_sign(context, key, alg) &&
           EVP_DigestSign(context, raw, &len, input.data, input.len) == 1;
    EVP_MD_CTX_free(context);
    if (!done) {
        return STATUS_NO_MEMORY;
    }
    return key->kind == JOSE_P256 || key->kind == JOSE_P384
               ? append_pair(raw, len, jose_alg_bytes(alg) / 2, out)
               : buf_append(out, raw, len);
}

/* "name":"base64url" of a number in `width` bytes, 0 being as few as it needs. */
static enum status append_number(const struct token_key *key, const char *name, const char *param,
                                 size_t width, struct buf *out)
{
    uint8_t bytes[JOSE_SIGNATURE_MAX];
    BIGNUM *number = NULL;
    enum status status;

    if (EVP_PKEY_get_bn_param(key->pkey, param, &number) != 1) {
        return STATUS_NO_MEMORY;
    }
    width = width == 0 ? (size_t)BN_num_bytes(number) : width;
    BN_bn2binpad(number, bytes, (int)width);
    BN_free(number);
    status = buf_printf(out, "\"%s\":\"", name);
    if (status == STATUS_OK) {
        status = base64url_append(out, slice_of(bytes, width));
    }
    return status == STATUS_OK ? buf_append_str(out, "\"") : status;
}

static enum status append_ec(const struct token_key *key, struct buf *out)
{
    size_t width = key->kind == JOSE_P256 ? 32 : 48;
    enum status status = buf_printf(out, "\"crv\":\"P-%zu\",\"kty\":\"EC\",", width * 8);

    if (status == STATUS_OK) {
        status = append_number(key, "x", OSSL_PKEY_PARAM_EC_PUB_X, width, out);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(out, ",");
    }
    return status == STATUS_OK ? append_number(key, "y", OSSL_PKEY_PARAM_EC_PUB_Y, width, out) : status;
}

static enum status append_rsa(const struct token_key *key, struct buf *out)
{
    enum status status = append_number(key, "e", OSSL_PKEY_PARAM_RSA_E, 0, out);

    if (status == STATUS_OK) {
        status = buf_append_str(out, ",\"kty\":\"RSA\",");
    }
    return status == STATUS_OK ? append_number(key, "n", OSSL_PKEY_PARAM_RSA_N, 0, out) : status;
}

/* RFC 8037, section 2. */
static enum status append_ed25519(const struct token_key *key, struct buf *out)
{
    uint8_t bytes[32];
    size_t len = sizeof bytes;
    enum status status;

    if (EVP_PKEY_get_raw_public_key(key->pkey, bytes, &len) != 1) {
        return STATUS_NO_MEMORY;
    }
    status = buf_append_str(out, "\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
    if (status == STATUS_OK) {
        status = base64url_append(out, slice_of(bytes, len));
    }
    return status == STATUS_OK ? buf_append_str(out, "\"") : status;
}

enum status token_key_members(const struct token_key *key, struct buf *out)
{
    switch (key->kind) {
    case JOSE_RSA:
        return append_rsa(key, out);
    case JOSE_P256:
    case JOSE_P384:
        return append_ec(key, out);
    case JOSE_ED25519:
        return append_ed25519(key, out);
    case JOSE_SECRET:
        break;
    }
    return STATUS_INVALID;
}

enum status token_key_thumbprint(const struct token_key *key, struct buf *out)
{
    uint8_t digest[SHA256_BYTES];
    struct buf text;
    enum status status;

    buf_init(&text, FILE_MAX);
    status = buf_append_str(&text, "{");
    if (status == STATUS_OK) {
        status = token_key_members(key, &text);
    }
    if (status == STATUS_OK) {
        status = buf_append_str(&text, "}");
    }
    if (status == STATUS_OK && EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        status = STATUS_NO_MEMORY;
    }
    buf_fini(&text);
    return status == STATUS_OK ? base64url_append(out, slice_of(digest, sizeof digest)) : status;
}
