/* SPDX-License-Identifier: Apache-2.0 */
/* A key that tokens are signed with, from a file: a secret, or a private key in PEM. Only the tool signs; no
 * daemon holds such a key. */
#ifndef FANFARE_DEPLOY_TOOL_TOKEN_KEY_H
#define FANFARE_DEPLOY_TOOL_TOKEN_KEY_H

#include <openssl/evp.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/jose/jose_alg.h"

struct token_key {
    enum jose_kind kind;
    struct buf secret; /* JOSE_SECRET */
    EVP_PKEY *pkey;    /* the others */
};

/* The bytes of the file, without one line end at their end, as the gateway reads it. To be given to
 * token_key_fini in any case, and so below; the fault names the file. */
enum status token_key_of_secret(const char *path, struct token_key *out, struct fault *fault);
/* A private key of a kind that gateways take (RSA of 2,048 to 8,192 bits, P-256, P-384, Ed25519). With
 * `public` a public key will do. An encrypted file is refused, never asked about. */
enum status token_key_of_pem(const char *path, bool public, struct token_key *out, struct fault *fault);
void token_key_fini(struct token_key *key);

/* Appends the signature of `input` under `alg`, which is of the key's kind, in JOSE's form (RFC 7518, section
 * 3). STATUS_NO_MEMORY when OpenSSL refuses. */
enum status token_key_sign(const struct token_key *key, enum jose_alg alg, struct slice input,
                           struct buf *out);

/* Appends the members of the public key's JWK that its thumbprint is made of (RFC 7638, section 3.2: required
 * ones, sorted, without space), without the braces. */
enum status token_key_members(const struct token_key *key, struct buf *out);
/* Appends the thumbprint in base64url (RFC 7638, SHA-256): the kid of a key that has been given none. */
enum status token_key_thumbprint(const struct token_key *key, struct buf *out);

#endif
