/* SPDX-License-Identifier: Apache-2.0 */
/* From claims to a grant: of a token (RFC 7519, 4, and our own), and of the answer of the service that
 * auth.hook names. Strict: what is there must have its type and keep its bounds, or nothing is granted. Pure;
 * any thread.
 * - sub, user: a string, which with the source's prefix before it obeys the rules of a room's name
 * - rooms: a list of patterns (shared/contract/room_pattern.h): what may be joined
 * - join: a list of at most GRANT_JOINS_MAX room names: joined at once; those that the source may not grant
 * are passed over
 * - info: any JSON of at most GRANT_INFO_MAX bytes, kept as it is written
 * - room: one pattern: the token is a room token
 *
 * Other claims mean nothing here.
 */
#ifndef FANFARE_GATEWAY_AUTH_CLAIMS_H
#define FANFARE_GATEWAY_AUTH_CLAIMS_H

#include "gateway/auth/grant.h"
#include "shared/base/status.h"
#include "shared/json/json_scan.h"

/* Where each stands in its text; text.data NULL: it is absent. */
struct claims {
    struct json_value user;
    struct json_value rooms;
    struct json_value join;
    struct json_value info;
    struct json_value room;
};

/* Whose claims they are, and what that source may grant. All is only read. */
struct claims_source {
    const char *prefix;                /* before the user's name; "" is none */
    const struct room_patterns *limit; /* the most it may grant */
    uint64_t source;
    enum grant_kind kind;
    size_t max_room_name; /* bytes */
    bool needs_user;
};

/* Makes a grant that never expires; the caller sets that. STATUS_INVALID: `why` is which claim and what is
 * allowed, a clause without anything of the claims' own text (static). STATUS_NO_MEMORY. */
enum status claims_grant(const struct claims *claims, const struct claims_source *source, struct grant **out,
                         const char **why);
/* Names the user of a grant that has none, as a proxy has sent it, with the source's prefix. STATUS_INVALID:
 * it could not be a room's name; STATUS_NO_MEMORY. */
enum status claims_name(struct grant *grant, const struct claims_source *source, struct slice user);

#endif
