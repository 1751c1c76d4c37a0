/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON Web Key (RFC 7517, section 4; RFC 7518, section 6; RFC 8037, section 2) to a key that verifies.
 * Taken are: RSA of 2,048 (RFC 7518, section 3.3) to 8,192 bits with an odd exponent from 3 to 2^32-1 and not
 * of a faulty chip (weak_key.h), EC on P-256 and P-384 with a point of the curve, OKP Ed25519. Members that
 * name certificates or other places (x5u, x5c, x5t) are never followed. Pure but for memory; any thread. */
#ifndef FANFARE_SHARED_JOSE_JWK_H
#define FANFARE_SHARED_JOSE_JWK_H

#include <stdbool.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/jose/jose_key.h"

enum { JWK_KID_MAX = 256 };

struct jwk {
    struct jose_key key;
    bool has_kid;
    size_t kid_len;
    char kid[JWK_KID_MAX]; /* decoded; not ended by 0 */
};

/* Fills `out` (zeroed, to be given to jwk_fini in any case) from a JWK's text.
 * STATUS_NOT_FOUND: a key that is of no use here (RFC 7517, section 5: such a one is ignored), as its kind,
 * curve, size, `use`, `key_ops` or `alg` says, or because a member is missing or breaks its rule.
 * STATUS_INVALID: one that must not stand in a public set, or that cannot be read in one way only: a secret
 * or a private key, a member twice, no object. STATUS_NO_MEMORY. `*why` is a static sentence part then. */
enum status jwk_read(struct slice text, struct jwk *out, const char **why);
void jwk_fini(struct jwk *jwk);

#endif
