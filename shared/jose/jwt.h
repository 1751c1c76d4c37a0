/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a JSON Web Token (RFC 7519) is good, by the rules of RFC 8725: signed under an algorithm that the
 * key decides, by a key of the issuer that its `iss` names, for this audience, now. Pure: time is passed in,
 * and any number of threads may check with the same rules at once.
 *
 * The order of the checks: length, form, header, claims' form, issuer, algorithm, key, signature, and only
 * then what the claims say. `iss` is read before the signature is checked, to find the keys; whoever forges
 * it is judged with that issuer's keys. */
#ifndef FANFARE_SHARED_JOSE_JWT_H
#define FANFARE_SHARED_JOSE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/jose/jose_alg.h"
#include "shared/jose/jwk_set.h"
#include "shared/jose/jws.h"
#include "shared/json/json_scan.h"

enum { JWT_MAX_BYTES = JWS_TOKEN_MAX };

struct jwt_issuer {
    const char *iss;            /* compared as it stands, no URL is made equal; NULL: see below */
    const char *const *auds;    /* whom the token may be for: one of them is enough */
    size_t aud_count;           /* 0: the token must have no `aud` (RFC 7519, 4.1.3) */
    unsigned algs;              /* JOSE_BITs; 0: all that the keys allow */
    const struct jwk_set *keys; /* NULL: not loaded yet */
};

/* All is the caller's and is only read. An issuer whose `iss` is NULL is for tokens that none of the others
 * fits, those without `iss` among them. */
struct jwt_rules {
    const struct jwt_issuer *issuers;
    size_t count;
    int64_t leeway_s; /* how far clocks may differ */
    int64_t max_s;    /* how long a token may be good for */
};

/* id, name for metrics and logs, sentence for the client */
#define JWT_VERDICT_ROWS(X)                                                                                  \
    X(GOOD, "good", "The token is good.")                                                                    \
    X(MALFORMED, "malformed", "The token is not three parts of base64url with dots between them.")           \
    X(TOO_LARGE, "too_large", "The token is longer than 8,192 bytes.")                                       \
    X(BAD_HEADER, "bad_header", "The token's header breaks RFC 7515 or asks for what is not understood.")    \
    X(ALG_NOT_ALLOWED, "alg_not_allowed", "The token's algorithm is not one that its issuer's key allows.")  \
    X(UNKNOWN_ISSUER, "unknown_issuer", "The token's issuer is not known here.")                             \
    X(UNKNOWN_KEY, "unknown_key", "The token's issuer has no such key, or several that fit.")                \
    X(NO_KEYS, "no_keys", "The keys of the token's issuer are not loaded yet.")                              \
    X(BAD_SIGNATURE, "bad_signature", "The token's signature is not one of its issuer's key.")               \
    X(BAD_CLAIMS, "bad_claims", "The token's claims are missing, of a wrong type or out of range.")          \
    X(WRONG_AUDIENCE, "wrong_audience", "The token is for another audience.")                                \
    X(EXPIRED, "expired", "The token has expired.")                                                          \
    X(NOT_YET_VALID, "not_yet_valid", "The token is not valid yet.")                                         \
    X(TOO_LONG_LIVED, "too_long_lived", "The token is good for longer than is allowed here.")                \
    X(NO_MEMORY, "no_memory", "There is no memory to check the token.")

enum jwt_verdict {
#define JWT_VERDICT_ID(id, name, text) JWT_##id,
    JWT_VERDICT_ROWS(JWT_VERDICT_ID)
#undef JWT_VERDICT_ID
        JWT_VERDICTS
};

/* "expired", and a sentence. Static; neither holds anything of the token. */
const char *jwt_verdict_name(enum jwt_verdict verdict);
const char *jwt_verdict_text(enum jwt_verdict verdict);

/* A token that was checked. What lies within the payload lives as long as it. */
struct jwt {
    struct buf payload;       /* the claims' JSON, decoded; owned */
    struct json_value claims; /* the object within; valid JSON, each name once, U+0000 nowhere */
    size_t issuer;            /* index in the rules; set from JWT_NO_KEYS on down the order of checks */
    enum jose_alg alg;
    struct slice sub; /* `sub` as a JSON string with its quotes; data NULL when absent */
    int64_t exp;      /* Unix seconds, rounded down */
    int64_t nbf;      /* rounded up; INT64_MIN when absent */
    int64_t iat;      /* rounded down; INT64_MIN when absent */
    const char *why;  /* which rule exactly was broken, a static sentence part, or NULL; holds no secret */
};

/* Checks `token` at `now_s` (Unix seconds). Fills `out`, which goes to jwt_fini whatever the verdict; only
 * after JWT_GOOD do its claims mean anything.
 *
 * NumericDates (RFC 7519, section 2) are JSON numbers from 0 to 2^53-1 that may have a fraction, which is
 * rounded against the token, and no exponent: 1e400 is a number too, and no issuer writes one.
 * `exp` must be there, and now < exp + leeway. `nbf`, `iat`: not later than now + leeway. The token may be
 * good for at most max_s: from `iat` to `exp`, and from now to `exp` with the leeway.
 * `aud` is a string or a list of strings (not empty); `iss`, `sub`, `jti` are strings where they are there.
 */
enum jwt_verdict jwt_check(struct slice token, const struct jwt_rules *rules, int64_t now_s, struct jwt *out);
/* A claim of a good token; false when it is not there. */
bool jwt_claim(const struct jwt *jwt, const char *name, struct json_value *out);
void jwt_fini(struct jwt *jwt);

/* Whether the check of this token takes tens of microseconds or more (jose_alg_is_slow): a cheap look at its
 * header, which decides nothing. */
bool jwt_is_slow(struct slice token);

#endif
