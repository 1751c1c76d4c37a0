/* SPDX-License-Identifier: Apache-2.0 */
/* One short step per check, in the order that the header names; the first that fails ends it. The signature
 * is checked before any claim but `iss` is believed, and every claim's type before its value. */
#include "shared/jose/jwt.h"

#include "shared/jose/base64url.h"
#include "shared/jose/jose_object.h"
#include "shared/jose/numeric_date.h"

enum claim { ISS, SUB, AUD, EXP, NBF, IAT, JTI, CLAIMS };

static const char *const claim_names[CLAIMS] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"};

struct check {
    const struct jwt_rules *rules;
    const struct jwt_issuer *issuer;
    int64_t now_s;
    struct jwt *out;
    struct jws jws;
    struct jws_header header;
    struct jose_member claims[CLAIMS];
};

static const struct {
    const char *name;
    const char *text;
} verdicts[JWT_VERDICTS] = {
#define JWT_VERDICT_ROW(id, name, text) [JWT_##id] = {name, text},
    JWT_VERDICT_ROWS(JWT_VERDICT_ROW)
#undef JWT_VERDICT_ROW
};

const char *jwt_verdict_name(enum jwt_verdict verdict)
{
    return verdicts[verdict].name;
}

const char *jwt_verdict_text(enum jwt_verdict verdict)
{
    return verdicts[verdict].text;
}

static enum jwt_verdict refuse(struct check *check, enum jwt_verdict verdict, const char *why)
{
    check->out->why = why;
    return verdict;
}

static enum jwt_verdict read_form(struct check *check, struct slice token)
{
    struct buf *payload = &check->out->payload;

    switch (jws_split(token, &check->jws)) {
    case STATUS_OK:
        break;
    case STATUS_TOO_LARGE:
        return JWT_TOO_LARGE;
    default:
        return JWT_MALFORMED;
    }
    if (buf_reserve(payload, BASE64URL_DECODED(check->jws.payload.len) + 1) != STATUS_OK) {
        return JWT_NO_MEMORY;
    }
    if (base64url_decode(check->jws.payload, payload->data, payload->cap, &payload->len) != STATUS_OK) {
        return JWT_MALFORMED;
    }
    return JWT_GOOD;
}

static enum jwt_verdict read_header(struct check *check)
{
    const char *why = jws_header_read(check->jws.header_text, &check->header);

    if (why != NULL) {
        return refuse(check, JWT_BAD_HEADER, why);
    }
    if (!check->header.known) {
        return refuse(check, JWT_ALG_NOT_ALLOWED, "\"alg\" is none of those that are taken at all");
    }
    check->out->alg = check->header.alg;
    return JWT_GOOD;
}

static enum jwt_verdict read_claims(struct check *check)
{
    struct slice json = slice_of(check->out->payload.data, check->out->payload.len);
    const char *why;

    for (int i = 0; i < CLAIMS; i++) {
        check->claims[i].name = claim_names[i];
    }
    why = jose_object_read(json, check->claims, CLAIMS, &check->out->claims);
    return why == NULL ? JWT_GOOD : refuse(check, JWT_BAD_CLAIMS, why);
}

static enum jwt_verdict take_issuer(struct check *check, size_t index)
{
    check->issuer = &check->rules->issuers[index];
    check->out->issuer = index;
    return check->issuer->keys == NULL ? JWT_NO_KEYS : JWT_GOOD;
}

static enum jwt_verdict find_issuer(struct check *check)
{
    const struct jose_member *iss = &check->claims[ISS];
    size_t any = check->rules->count;

    if (iss->found && iss->value.type != JSON_STRING) {
        return refuse(check, JWT_BAD_CLAIMS, "\"iss\" is not a string");
    }
    for (size_t i = 0; i < check->rules->count; i++) {
        const char *name = check->rules->issuers[i].iss;

        if (name == NULL) {
            any = i;
        } else if (iss->found && json_string_is(iss->value.text, name, false)) {
            return take_issuer(check, i);
        }
    }
    return any < check->rules->count
               ? take_issuer(check, any)
               : refuse(check, JWT_UNKNOWN_ISSUER,
                        iss->found ? "\"iss\" is none of those that are known" : "\"iss\" is missing");
}

static enum jwt_verdict find_key(struct check *check, const struct jose_key **key)
{
    const struct jwt_issuer *issuer = check->issuer;
    const struct slice *kid = check->header.has_kid ? &check->header.kid : NULL;
    unsigned allowed = jwk_set_algs(issuer->keys) & (issuer->algs != 0 ? issuer->algs : ~0U);

    if (jwk_set_count(issuer->keys) > 0 && (allowed & JOSE_BIT(check->header.alg)) == 0) {
        return refuse(check, JWT_ALG_NOT_ALLOWED, "no key of the issuer is for this \"alg\"");
    }
    switch (jwk_set_find(issuer->keys, kid, check->header.alg, key)) {
    case STATUS_OK:
        return JWT_GOOD;
    case STATUS_INVALID:
        return refuse(check, JWT_ALG_NOT_ALLOWED, "the key of this \"kid\" is not for this \"alg\"");
    default:
        return refuse(check, JWT_UNKNOWN_KEY,
                      kid != NULL ? "no key has this \"kid\""
                                  : "there is no \"kid\", and not one key that fits");
    }
}

static enum jwt_verdict verify(struct check *check)
{
    const struct jose_key *key = NULL;
    enum jwt_verdict verdict = find_key(check, &key);

    if (verdict != JWT_GOOD) {
        return verdict;
    }
    switch (jws_verify(&check->jws, check->header.alg, key)) {
    case STATUS_OK:
        return JWT_GOOD;
    case STATUS_NO_MEMORY:
        return JWT_NO_MEMORY;
    default:
        return JWT_BAD_SIGNATURE;
    }
}

static enum jwt_verdict check_types(struct check *check)
{
    const struct jose_member *claims = check->claims;

    if (claims[SUB].found && claims[SUB].value.type != JSON_STRING) {
        return refuse(check, JWT_BAD_CLAIMS, "\"sub\" is not a string");
    }
    if (claims[JTI].found && claims[JTI].value.type != JSON_STRING) {
        return refuse(check, JWT_BAD_CLAIMS, "\"jti\" is not a string");
    }
    if (claims[SUB].found) {
        check->out->sub = claims[SUB].value.text;
    }
    return JWT_GOOD;
}

static bool is_audience(const struct jwt_issuer *issuer, struct slice name)
{
    for (size_t i = 0; i < issuer->aud_count; i++) {
        if (json_string_is(name, issuer->auds[i], false)) {
            return true;
        }
    }
    return false;
}

static enum jwt_verdict check_audiences(struct check *check, const struct json_value *list)
{
    struct json_iter iter = json_iter_of(list, list->text.data);
    struct json_value name;
    bool any = false;
    bool found = false;

    while (json_next_element(&iter, &name)) {
        if (name.type != JSON_STRING) {
            return refuse(check, JWT_BAD_CLAIMS, "\"aud\" holds something else than strings");
        }
        any = true;
        found = found || is_audience(check->issuer, name.text);
    }
    if (!any) {
        return refuse(check, JWT_BAD_CLAIMS, "\"aud\" is neither a string nor a list of some");
    }
    return found ? JWT_GOOD
                 : refuse(check, JWT_WRONG_AUDIENCE, "\"aud\" names none that is set for the issuer");
}

/* RFC 7519, section 4.1.3; RFC 8725, section 3.9. */
static enum jwt_verdict check_audience(struct check *check)
{
    const struct jose_member *aud = &check->claims[AUD];

    if (!aud->found) {
        return check->issuer->aud_count == 0 ? JWT_GOOD
                                             : refuse(check, JWT_WRONG_AUDIENCE, "\"aud\" is missing");
    }
    if (aud->value.type != JSON_STRING) {
        return check_audiences(check, &aud->value);
    }
    return is_audience(check->issuer, aud->value.text)
               ? JWT_GOOD
               : refuse(check, JWT_WRONG_AUDIENCE, "\"aud\" is not one that is set for the issuer");
}

static enum jwt_verdict read_dates(struct check *check)
{
    const struct jose_member *claims = check->claims;
    struct jwt *out = check->out;

    if (!claims[EXP].found || !numeric_date_read(&claims[EXP].value, false, &out->exp)) {
        return refuse(check, JWT_BAD_CLAIMS,
                      claims[EXP].found ? "\"exp\" is not a date in seconds" : "\"exp\" is missing");
    }
    if (claims[NBF].found && !numeric_date_read(&claims[NBF].value, true, &out->nbf)) {
        return refuse(check, JWT_BAD_CLAIMS, "\"nbf\" is not a date in seconds");
    }
    if (claims[IAT].found && !numeric_date_read(&claims[IAT].value, false, &out->iat)) {
        return refuse(check, JWT_BAD_CLAIMS, "\"iat\" is not a date in seconds");
    }
    return JWT_GOOD;
}

/* Differences cannot overflow: dates are below 2^53. */
static enum jwt_verdict check_dates(struct check *check)
{
    const struct jwt *out = check->out;
    int64_t leeway = check->rules->leeway_s;
    int64_t left = out->exp - check->now_s;

    if (left + leeway <= 0) {
        return JWT_EXPIRED;
    }
    if (out->nbf > check->now_s + leeway) {
        return refuse(check, JWT_NOT_YET_VALID, "\"nbf\" is not reached");
    }
    if (out->iat > check->now_s + leeway) {
        return refuse(check, JWT_NOT_YET_VALID, "\"iat\" lies in the future");
    }
    if (left > check->rules->max_s + leeway ||
        (check->claims[IAT].found && out->exp - out->iat > check->rules->max_s)) {
        return JWT_TOO_LONG_LIVED;
    }
    return JWT_GOOD;
}

static enum jwt_verdict check_claims(struct check *check)
{
    enum jwt_verdict verdict = check_types(check);

    if (verdict == JWT_GOOD) {
        verdict = check_audience(check);
    }
    if (verdict == JWT_GOOD) {
        verdict = read_dates(check);
    }
    return verdict == JWT_GOOD ? check_dates(check) : verdict;
}

enum jwt_verdict jwt_check(struct slice token, const struct jwt_rules *rules, int64_t now_s, struct jwt *out)
{
    typedef enum jwt_verdict check_step(struct check * check);
    static check_step *const steps[] = {read_header, read_claims, find_issuer, verify, check_claims};
    struct check check; /* not cleared: most of it is room for a long token */
    enum jwt_verdict verdict;

    *out = (struct jwt){.nbf = INT64_MIN, .iat = INT64_MIN};
    buf_init(&out->payload, JWT_MAX_BYTES);
    check.rules = rules;
    check.now_s = now_s;
    check.out = out;
    verdict = read_form(&check, token);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && verdict == JWT_GOOD; i++) {
        verdict = steps[i](&check);
    }
    return verdict;
}

bool jwt_claim(const struct jwt *jwt, const char *name, struct json_value *out)
{
    struct json_iter iter = json_iter_of(&jwt->claims, jwt->payload.data);
    struct json_value key;

    while (json_next_member(&iter, &key, out)) {
        if (json_string_is(key.text, name, false)) {
            return true;
        }
    }
    return false;
}

void jwt_fini(struct jwt *jwt)
{
    buf_fini(&jwt->payload);
}

bool jwt_is_slow(struct slice token)
{
    return jws_is_slow(token);
}
