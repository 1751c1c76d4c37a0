/* SPDX-License-Identifier: Apache-2.0 */
/* One key and the verification of signatures with it (RFC 7518, sections 3.2 to 3.5; RFC 8037, section 3.1).
 * Immutable once made: any number of threads verify with one key at the same time, each with a copy of the
 * prepared context. Every algorithm that the key may be used with is prepared when it is made, so that a
 * verification fetches nothing from OpenSSL's providers. */
#ifndef FANFARE_SHARED_JOSE_JOSE_KEY_H
#define FANFARE_SHARED_JOSE_JOSE_KEY_H

#include <openssl/evp.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/jose/jose_alg.h"

/* RFC 7518, section 3.2: a secret is at least as long as the digest, so 32 bytes allow HS256 only. */
enum { JOSE_SECRET_MIN = 32, JOSE_SECRET_MAX = 4096 };

struct jose_key {
    unsigned algs;      /* what it may be used with, never empty */
    size_t modulus_len; /* bytes of an RSA signature; else 0 */
    EVP_MAC_CTX *mac[JOSE_ALGS];
    EVP_MD_CTX *verify[JOSE_ALGS];
};

/* Prepares a zeroed `key` for the algorithms `algs` of a public key, which all are of its kind. The caller
 * keeps its reference to `pkey`. STATUS_NO_MEMORY, also where OpenSSL refuses; jose_key_fini in any case. */
enum status jose_key_init_public(struct jose_key *key, EVP_PKEY *pkey, unsigned algs);
/* The same for a secret of JOSE_SECRET_MIN to JOSE_SECRET_MAX bytes, for the algorithms of its length. */
enum status jose_key_init_secret(struct jose_key *key, struct slice secret);
void jose_key_fini(struct jose_key *key);

/* Whether `signature` is one of `input` under `alg`, which is in `key->algs`. STATUS_INVALID when it is
 * not, whatever the reason: the wrong length, r or s out of range, another key. STATUS_NO_MEMORY says
 * nothing about the signature. */
enum status jose_key_verify(const struct jose_key *key, enum jose_alg alg, struct slice input,
                            struct slice signature);

#endif
