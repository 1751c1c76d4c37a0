/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one JSON object of JOSE strictly (header, claims, JWK): each name once, compared as the characters
 * that it decodes to (RFC 7515, section 4; RFC 7519, section 4; RFC 7517, section 4), valid UTF-8, U+0000
 * nowhere. Pure; any thread; allocates nothing. */
#ifndef FANFARE_SHARED_JOSE_JOSE_OBJECT_H
#define FANFARE_SHARED_JOSE_JOSE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/json/json_scan.h"

/* Nested deeper is refused. So are more members on the top: each is compared with each other one, and nobody
 * has shown a valid signature yet. */
enum { JOSE_DEPTH_MAX = 16, JOSE_MEMBERS_MAX = 64 };

/* A member that is looked for. */
struct jose_member {
    const char *name;
    struct json_value value; /* where it is found */
    bool found;
};

/* Checks `text` and finds the wanted members, `found` false for those that are not there. `object` (may be
 * NULL) is the whole value. Returns NULL, or why the text is refused, a static sentence part: "a member
 * stands there twice". */
const char *jose_object_read(struct slice text, struct jose_member *wanted, size_t count,
                             struct json_value *object);
/* Decodes a string of at most `cap` bytes; false for another type or a longer one. */
bool jose_string(const struct json_value *value, char *out, size_t cap, size_t *len);

#endif
