/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a token: header, claims, signature. Pure but for the key; time is passed in. */
#ifndef FANFARE_DEPLOY_TOOL_TOKEN_MAKE_H
#define FANFARE_DEPLOY_TOOL_TOKEN_MAKE_H

#include <stdint.h>

#include "deploy/tool/options.h"
#include "deploy/tool/token_key.h"
#include "shared/base/buf.h"
#include "shared/base/status.h"

/* The algorithm that was asked for, or the first of the key's kind. STATUS_INVALID for one that is not of it.
 */
enum status token_make_alg(const struct token_key *key, const char *asked, enum jose_alg *out,
                           struct fault *fault);
/* Appends {"iss":…,"sub":…,…} as the options say, `iat` being `now_s`. STATUS_INVALID with a fault that names
 * the option: text that is not UTF-8, an --info that is no JSON or longer than 1,024 bytes. */
enum status token_make_claims(const struct options *options, int64_t now_s, struct buf *out,
                              struct fault *fault);
/* Appends header.claims.signature (RFC 7515, section 7.1). Without a kid where `kid` is "". */
enum status token_make(const struct token_key *key, enum jose_alg alg, const char *kid, struct slice claims,
                       struct buf *out);
/* Appends {"keys":[…]}, a JWK Set of the public key (RFC 7517, section 5). Without an alg where `alg` is
 * NULL. */
enum status token_make_jwks(const struct token_key *key, const char *kid, const char *alg, struct buf *out);

#endif
