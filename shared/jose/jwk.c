/* SPDX-License-Identifier: Apache-2.0 */
/* The members are read first, then the rules on what the key is for are applied, then the number or point
 * goes to OpenSSL by OSSL_PARAM. EVP_PKEY_public_check is not asked for RSA: it looks for small factors and
 * tests for primes, for seconds on a large key; whoever publishes the set signs with it anyway. */
#include "shared/jose/jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "shared/jose/base64url.h"
#include "shared/jose/jose_object.h"
#include "shared/jose/weak_key.h"

enum { RSA_BYTES_MIN = 256, RSA_BYTES_MAX = 1024, RSA_E_BYTES_MAX = 4, ED25519_BYTES = 32, TEXT_MAX = 32 };

/* SEC 1, section 2.3.3: what a point begins with that is written as x and y. */
enum { POINT_UNCOMPRESSED = 4 };

enum member { KTY, KID, USE, KEY_OPS, ALG, CRV, X, Y, N, E, D, K, MEMBERS };

static const char *const member_names[MEMBERS] = {"kty", "kid", "use", "key_ops", "alg", "crv",
                                                  "x",   "y",   "n",   "e",       "d",   "k"};

struct reading {
    struct jose_member members[MEMBERS];
    const char **why;
};

static enum status refuse(const struct reading *reading, enum status status, const char *why)
{
    *reading->why = why;
    return status;
}

static bool member_is(const struct jose_member *member, const char *text)
{
    return member->found && member->value.type == JSON_STRING &&
           json_string_is(member->value.text, text, false);
}

/* Decodes a member of base64url to `out`. */
static bool read_bytes(const struct jose_member *member, uint8_t *out, size_t cap, size_t *len)
{
    struct slice text;

    if (!member->found || member->value.type != JSON_STRING) {
        return false;
    }
    text = slice_of(member->value.text.data + 1, member->value.text.len - 2);
    return base64url_decode(text, out, cap, len) == STATUS_OK && *len > 0;
}

/* RFC 7517, section 4.3: whoever names operations names "verify" among them. */
static bool allows_verify(const struct jose_member *ops)
{
    struct json_iter iter = json_iter_of(&ops->value, ops->value.text.data);
    struct json_value op;

    if (ops->value.type != JSON_ARRAY) {
        return false;
    }
    while (json_next_element(&iter, &op)) {
        if (op.type == JSON_STRING && json_string_is(op.text, "verify", false)) {
            return true;
        }
    }
    return false;
}

/* Cuts `*algs`, those of the kind of key, to what the key says of itself (RFC 7517, sections 4.2 to 4.4). */
static enum status read_purpose(const struct reading *reading, unsigned *algs)
{
    const struct jose_member *members = reading->members;
    char name[TEXT_MAX];
    size_t len;
    enum jose_alg alg;

    if (members[USE].found && !member_is(&members[USE], "sig")) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"use\" is not \"sig\"");
    }
    if (members[KEY_OPS].found && !allows_verify(&members[KEY_OPS])) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"key_ops\" does not name \"verify\"");
    }
    if (!members[ALG].found) {
        return STATUS_OK;
    }
    if (!jose_string(&members[ALG].value, name, sizeof name, &len) ||
        !jose_alg_of(slice_of(name, len), &alg)) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"alg\" is not one that is taken");
    }
    *algs &= JOSE_BIT(alg);
    return *algs != 0 ? STATUS_OK
                      : refuse(reading, STATUS_NOT_FOUND, "its \"alg\" does not belong to its kind of key");
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return pkey;
}

static EVP_PKEY *make_rsa(const uint8_t *n, size_t n_len, const uint8_t *e, size_t e_len)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey;

    if (builder != NULL && modulus != NULL && exponent != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        params = OSSL_PARAM_BLD_to_param(builder);
    }
    pkey = make_key("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return pkey;
}

/* RFC 7518, sections 6.3.1 and 2: both are as short as they can be, so none begins with a zero byte. */
static enum status read_rsa(const struct reading *reading, EVP_PKEY **out)
{
    uint8_t n[RSA_BYTES_MAX + 1], e[RSA_E_BYTES_MAX];
    size_t n_len, e_len;

    if (!read_bytes(&reading->members[N], n, sizeof n, &n_len) || n[0] == 0) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"n\" is no number, or longer than 8,192 bits");
    }
    if (n_len < RSA_BYTES_MIN || (n_len == RSA_BYTES_MIN && n[0] < 0x80) || n_len > RSA_BYTES_MAX) {
        return refuse(reading, STATUS_NOT_FOUND, "RSA is taken from 2,048 to 8,192 bits");
    }
    if (!read_bytes(&reading->members[E], e, sizeof e, &e_len) || e[0] == 0) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"e\" is no number, or longer than 32 bits");
    }
    if (e[e_len - 1] % 2 == 0 || (e_len == 1 && e[0] == 1) || n[n_len - 1] % 2 == 0) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"e\" is even or 1, or its \"n\" even");
    }
    if (weak_key_is_roca(slice_of(n, n_len))) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"n\" is of a faulty chip (CVE-2017-15361)");
    }
    *out = make_rsa(n, n_len, e, e_len);
    return *out != NULL ? STATUS_OK : refuse(reading, STATUS_NO_MEMORY, "out of memory");
}

/* RFC 7518, section 6.2.1: both coordinates in full length. OpenSSL refuses a point off the curve. */
static enum status read_ec(const struct reading *reading, const char *group, size_t bytes, EVP_PKEY **out)
{
    uint8_t point[1 + 2 * 48] = {POINT_UNCOMPRESSED};
    size_t x_len, y_len;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * bytes),
                           OSSL_PARAM_construct_end()};

    if (!read_bytes(&reading->members[X], point + 1, bytes, &x_len) || x_len != bytes ||
        !read_bytes(&reading->members[Y], point + 1 + bytes, bytes, &y_len) || y_len != bytes) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"x\" or \"y\" has not the length of the curve");
    }
    *out = make_key("EC", params);
    return *out != NULL ? STATUS_OK
                        : refuse(reading, STATUS_NOT_FOUND, "its \"x\" and \"y\" are no point of the curve");
}

static enum status read_ed25519(const struct reading *reading, EVP_PKEY **out)
{
    uint8_t x[ED25519_BYTES];
    size_t len;

    if (!read_bytes(&reading->members[X], x, sizeof x, &len) || len != sizeof x) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"x\" is not 32 bytes long");
    }
    if (weak_key_is_small_order(x)) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"x\" is a point with which anybody can sign");
    }
    *out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, len);
    return *out != NULL ? STATUS_OK : refuse(reading, STATUS_NO_MEMORY, "out of memory");
}

static enum status read_kind(const struct reading *reading, EVP_PKEY **out, enum jose_kind *kind)
{
    const struct jose_member *kty = &reading->members[KTY];
    const struct jose_member *crv = &reading->members[CRV];

    if (member_is(kty, "RSA")) {
        *kind = JOSE_RSA;
        return read_rsa(reading, out);
    }
    if (member_is(kty, "EC") && member_is(crv, "P-256")) {
        *kind = JOSE_P256;
        return read_ec(reading, "P-256", 32, out);
    }
    if (member_is(kty, "EC") && member_is(crv, "P-384")) {
        *kind = JOSE_P384;
        return read_ec(reading, "P-384", 48, out);
    }
    if (member_is(kty, "OKP") && member_is(crv, "Ed25519")) {
        *kind = JOSE_ED25519;
        return read_ed25519(reading, out);
    }
    return refuse(reading, STATUS_NOT_FOUND, "its \"kty\" and \"crv\" are none that are taken");
}

static enum status read_kid(const struct reading *reading, struct jwk *out)
{
    const struct jose_member *kid = &reading->members[KID];

    out->has_kid = kid->found;
    if (kid->found && !jose_string(&kid->value, out->kid, sizeof out->kid, &out->kid_len)) {
        return refuse(reading, STATUS_NOT_FOUND, "its \"kid\" is not a string of at most 256 bytes");
    }
    return STATUS_OK;
}

/* RFC 7517, section 9.2, and RFC 8037, section 2: d belongs to the owner; k is a secret whole. */
static enum status refuse_secrets(const struct reading *reading)
{
    if (reading->members[D].found || reading->members[K].found || member_is(&reading->members[KTY], "oct")) {
        return refuse(reading, STATUS_INVALID, "a private or secret key stands in a set that is public");
    }
    return STATUS_OK;
}

static enum status build(const struct reading *reading, struct jwk *out)
{
    EVP_PKEY *pkey = NULL;
    enum jose_kind kind = JOSE_SECRET;
    enum status status = read_kind(reading, &pkey, &kind);
    unsigned algs = jose_kind_algs(kind);

    if (status == STATUS_OK) {
        status = read_purpose(reading, &algs);
    }
    if (status == STATUS_OK && jose_key_init_public(&out->key, pkey, algs) != STATUS_OK) {
        status = refuse(reading, STATUS_NO_MEMORY, "out of memory");
    }
    EVP_PKEY_free(pkey);
    return status;
}

enum status jwk_read(struct slice text, struct jwk *out, const char **why)
{
    struct reading reading = {.why = why};
    enum status status;

    for (int i = 0; i < MEMBERS; i++) {
        reading.members[i].name = member_names[i];
    }
    *why = jose_object_read(text, reading.members, MEMBERS, NULL);
    if (*why != NULL) {
        return STATUS_INVALID;
    }
    status = refuse_secrets(&reading);
    if (status == STATUS_OK) {
        status = read_kid(&reading, out);
    }
    return status == STATUS_OK ? build(&reading, out) : status;
}

void jwk_fini(struct jwk *jwk)
{
    jose_key_fini(&jwk->key);
}
