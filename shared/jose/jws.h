/* SPDX-License-Identifier: Apache-2.0 */
/* The compact form of a JSON Web Signature (RFC 7515, section 7.1) and its header (section 4): what stands
 * in a token, and whether a key has signed it. Nothing here says that a token is good; that is jwt.h.
 * Pure; any thread; allocates nothing. */
#ifndef FANFARE_SHARED_JOSE_JWS_H
#define FANFARE_SHARED_JOSE_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/jose/jose_alg.h"

/* A longer token is refused unread. 8 KB is what HTTP servers take as a header line. */
enum { JWS_TOKEN_MAX = 8192 };
enum { JWS_PART_MAX = JWS_TOKEN_MAX / 4 * 3, JWS_KID_MAX = 256 };

/* The three parts as they stand in the token, and header and signature decoded. Lives on a stack. */
struct jws {
    struct slice header_text; /* of `header` */
    struct slice payload;     /* base64url, within the token */
    struct slice input;       /* what was signed: the first two parts and their dot */
    struct slice signature;   /* of `signature_bytes` */
    uint8_t header[JWS_PART_MAX];
    uint8_t signature_bytes[JOSE_SIGNATURE_MAX];
};

/* Splits `token`, of at most JWS_TOKEN_MAX bytes: exactly three parts, of which the payload is not decoded
 * yet. STATUS_TOO_LARGE, STATUS_INVALID. An empty signature is no fault of form: no key verifies it. */
enum status jws_split(struct slice token, struct jws *out);

struct jws_header {
    bool known; /* `alg` is one that is taken */
    enum jose_alg alg;
    bool has_kid;
    struct slice kid; /* decoded, of kid_bytes */
    char kid_bytes[JWS_KID_MAX];
};

/* Reads the header of a token, whose typ says JWT. Returns NULL, or why it is refused (static): not one
 * JSON object with each member once; `alg` no string; `kid` no string of at most 256 bytes; `typ` there and
 * neither JWT nor at+jwt, in any case, "application/" before it or not (RFC 7515, 4.1.9; RFC 8725, 3.11;
 * RFC 9068, 4); `crit`, since no extension is understood (RFC 7515, 4.1.11); `b64` (RFC 7797), which changes
 * what was signed; `cty`, a token in a token (RFC 7519, 5.2). jku, jwk, x5u, x5c are never followed: a key
 * that the token brings along proves nothing (RFC 8725, 3.10). */
const char *jws_header_read(struct slice json, struct jws_header *out);

struct jose_key;

/* Whether the token's signature is one of `key` (of jwk_set_find) under `alg`: STATUS_OK, STATUS_INVALID when
 * it is not, STATUS_NO_MEMORY, which says nothing about it. */
enum status jws_verify(const struct jws *jws, enum jose_alg alg, const struct jose_key *key);

/* Whether the token says an algorithm of which a verification takes tens of microseconds or more; a cheap
 * look that decides nothing: false for what will be refused unread. */
bool jws_is_slow(struct slice token);

#endif
