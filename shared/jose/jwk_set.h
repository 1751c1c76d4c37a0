/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of one issuer: a JSON Web Key Set (RFC 7517, section 5) or one secret. Immutable and counted by
 * reference, atomically: any thread may look up, verify, ref and unref.
 *
 * Of a set, the keys that can be used are taken (jwk.h says which), the others passed over and counted: an
 * issuer may publish keys for encryption, or of kinds that came later. The whole set is refused when it is
 * not one JSON object with a list "keys", longer than JWK_SET_BYTES_MAX or JWK_SET_KEYS_MAX, when a member
 * stands twice, when two usable keys have the same kid (which one was meant?), when a private or secret key
 * stands in it (it is published, so everybody can sign), and when it has keys and none can be used. A list
 * without keys is a set: of an issuer that has withdrawn them all. */
#ifndef FANFARE_SHARED_JOSE_JWK_SET_H
#define FANFARE_SHARED_JOSE_JWK_SET_H

#include <stddef.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/jose/jose_alg.h"

enum { JWK_SET_BYTES_MAX = 1 << 20, JWK_SET_KEYS_MAX = 256 };

struct jose_key;
struct jwk_set;

/* `*out` has one reference, the caller's. STATUS_TOO_LARGE, STATUS_INVALID, STATUS_NO_MEMORY: the fault says
 * which key and why ("keys[2]: …"), never a byte of it. */
enum status jwk_set_parse(struct slice json, struct jwk_set **out, struct fault *fault);
/* One secret of 32 to 4,096 bytes, good for HS256, from 48 bytes on for HS384 and from 64 on for HS512
 * (RFC 7518, section 3.2). It has no kid, and that of a token does not matter. */
enum status jwk_set_of_secret(struct slice secret, struct jwk_set **out, struct fault *fault);

struct jwk_set *jwk_set_ref(const struct jwk_set *set);
void jwk_set_unref(const struct jwk_set *set); /* NULL is legal */

/* Usable keys; those passed over; why the first of them was ("keys[1]: …", "" when none was). */
size_t jwk_set_count(const struct jwk_set *set);
size_t jwk_set_passed_over(const struct jwk_set *set);
const char *jwk_set_remark(const struct jwk_set *set);
/* The algorithms of all its keys, as JOSE_BITs. */
unsigned jwk_set_algs(const struct jwk_set *set);

/* The key for a token: that with its kid, or, without one (`kid` NULL), the only one that `alg` suits.
 * STATUS_NOT_FOUND: none, or several without a kid. STATUS_INVALID: the kid's key is not for `alg`: the
 * key decides, never the token (RFC 8725, section 3.1). The key lives as long as the set. */
enum status jwk_set_find(const struct jwk_set *set, const struct slice *kid, enum jose_alg alg,
                         const struct jose_key **out);

#endif
