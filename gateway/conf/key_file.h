/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of an issuer from a file: a JWK Set or a secret. At the start, a reload and when the file has
 * changed; main thread. A file is read whole, and only a regular one, so that nothing is waited for. What was
 * read is wiped before its memory is given back, and no fault holds a byte of it. */
#ifndef FANFARE_GATEWAY_CONF_KEY_FILE_H
#define FANFARE_GATEWAY_CONF_KEY_FILE_H

#include "shared/base/status.h"
#include "shared/jose/jwk_set.h"

/* One reference. STATUS_IO: it cannot be read; STATUS_INVALID, STATUS_TOO_LARGE: it is not what it should be,
 * or has no key at all (who withdraws all keys removes the issuer: an empty file is more often a mishap);
 * STATUS_NO_MEMORY. The fault begins with the path. */
enum status key_file_load_jwks(const char *path, struct jwk_set **out, struct fault *fault);
/* The same; one line end behind the secret does not count. */
enum status key_file_load_secret(const char *path, struct jwk_set **out, struct fault *fault);

#endif
