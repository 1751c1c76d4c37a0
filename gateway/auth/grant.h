/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may do, and until when: what comes of a good credential. Plain data with one owner; any
 * thread, one at a time. One per client, so what is not there takes no memory: some 100 bytes and its texts.
 * What it grants is cut by the source it came from (auth_policy_allows), which it remembers by its id: a
 * policy that no longer has that source grants nothing of it. */
#ifndef FANFARE_GATEWAY_AUTH_GRANT_H
#define FANFARE_GATEWAY_AUTH_GRANT_H

#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/contract/room_pattern.h"

/* GRANT_INFO_MAX: bytes of JSON. GRANT_USER_MAX: a user's name, prefix included, as of rooms. */
enum { GRANT_JOINS_MAX = 32, GRANT_INFO_MAX = 1024, GRANT_USER_MAX = 1024 };

/* Where it came from: label `source` of auth_granted_total. */
enum grant_kind { GRANT_TOKEN, GRANT_HEADER, GRANT_HOOK, GRANT_ANONYMOUS, GRANT_KINDS };

struct grant {
    char *user;                 /* UTF-8 with its prefix, NUL-ended; NULL: nobody in particular */
    uint64_t source;            /* auth_policy.h; 0: none (anonymous) */
    int64_t expires_s;          /* Unix; INT64_MAX: never. The leeway comes on top (auth_policy_leeway_s) */
    struct room_patterns rooms; /* may be joined, within what the source may grant */
    char *join;                 /* rooms joined at once, each NUL-ended; NULL: none */
    char *info;                 /* JSON, NUL-ended; NULL: none */
    char *room_pattern;         /* of a room token, which grants nothing else; NULL: this is none */
    uint16_t user_len;
    uint16_t prefix_len; /* of it */
    uint16_t info_len;
    uint8_t join_count;
    uint8_t kind; /* enum grant_kind */
};

/* The user's name with its prefix, and without it as `{sub}` of a pattern stands for; data NULL: no user. */
struct slice grant_user(const struct grant *grant);
struct slice grant_sub(const struct grant *grant);
/* Walks the rooms joined at once: begin with `*at` NULL; the next room, or NULL behind the last. */
const char *grant_next_join(const struct grant *grant, const char **at);
/* Legal on NULL. */
void grant_free(struct grant *grant);

#endif
