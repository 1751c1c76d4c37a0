/* SPDX-License-Identifier: Apache-2.0 */
/* The signature algorithms that are taken (RFC 7518, section 3.1; RFC 8037, section 3.1), one row each, and
 * which kind of key each belongs to. All others do not exist here, "none" before all (RFC 8725, 3.2): RS384,
 * RS512, PS384, PS512, ES512, ES256K. Pure; any thread. */
#ifndef FANFARE_SHARED_JOSE_JOSE_ALG_H
#define FANFARE_SHARED_JOSE_JOSE_ALG_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/base/slice.h"

/* The longest signature, in bytes: that of RSA with 8,192 bits. */
enum { JOSE_SIGNATURE_MAX = 1024 };

/* A kind of key. RSA is one kind with two algorithms; the others fix theirs by the kind, a secret by its
 * length. */
enum jose_kind { JOSE_SECRET, JOSE_RSA, JOSE_P256, JOSE_P384, JOSE_ED25519 };

/* name, kind of key, digest ("": the algorithm's own), bytes of a signature (0: the key says) */
#define JOSE_ALG_ROWS(X)                                                                                     \
    X(HS256, JOSE_SECRET, "SHA256", 32)                                                                      \
    X(HS384, JOSE_SECRET, "SHA384", 48)                                                                      \
    X(HS512, JOSE_SECRET, "SHA512", 64)                                                                      \
    X(RS256, JOSE_RSA, "SHA256", 0)                                                                          \
    X(PS256, JOSE_RSA, "SHA256", 0)                                                                          \
    X(ES256, JOSE_P256, "SHA256", 64)                                                                        \
    X(ES384, JOSE_P384, "SHA384", 96)                                                                        \
    X(EDDSA, JOSE_ED25519, "", 64)

enum jose_alg {
#define JOSE_ALG_ID(name, kind, digest, bytes) JOSE_##name,
    JOSE_ALG_ROWS(JOSE_ALG_ID)
#undef JOSE_ALG_ID
        JOSE_ALGS
};

/* The bit of an algorithm in a set of them. */
#define JOSE_BIT(alg) (1U << (alg))

/* "HS256"; "EdDSA" for JOSE_EDDSA. */
const char *jose_alg_name(enum jose_alg alg);
/* The algorithm of a name: exact case, or false. */
bool jose_alg_of(struct slice name, enum jose_alg *out);
/* Whether a verification takes tens of microseconds or more: all but the secrets' (one or two). In
 * microseconds, with OpenSSL 3.0 on one core: RSA 21, ES256 80, EdDSA 115, ES384 690
 * (tests/bench/jose_bench.c). */
bool jose_alg_is_slow(enum jose_alg alg);
enum jose_kind jose_alg_kind(enum jose_alg alg);
/* For OpenSSL; NULL for EdDSA, which brings its own. */
const char *jose_alg_digest(enum jose_alg alg);
/* The exact length of a signature; 0 where it is that of the key's modulus. */
size_t jose_alg_bytes(enum jose_alg alg);
/* The bits of all algorithms of a kind. */
unsigned jose_kind_algs(enum jose_kind kind);

#endif
