/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a policy, for auth_policy.c, which makes it, and auth_judge.c, which reads it. Everything is
 * copied out of the settings at the start, so that judging reads memory that nobody writes. An issuer has one
 * index in jwt_rules and among the sources; the header and the hook come behind the issuers. */
#ifndef FANFARE_GATEWAY_AUTH_AUTH_POLICY_STATE_H
#define FANFARE_GATEWAY_AUTH_AUTH_POLICY_STATE_H

#include <stdatomic.h>

#include "gateway/auth/auth_policy.h"
#include "shared/jose/jwt.h"

struct auth_source {
    uint64_t id;
    enum grant_kind kind;
    char *prefix;
    struct room_patterns limit;
    bool url; /* its keys can be fetched again */
    int64_t fetched_s;
    atomic_int_fast64_t asked_s; /* when a refresh was last asked for: the one thing that changes */
    char *iss;
    struct conf_list auds;
};

struct auth_policy {
    atomic_uint references;
    struct auth_source *sources;
    size_t source_count;
    struct jwt_issuer *issuers; /* of the first rules.count sources */
    struct jwt_rules rules;
    const struct auth_source *header_source; /* NULL: none */
    const struct auth_source *hook_source;   /* likewise */
    struct room_patterns rooms;
    struct room_patterns anonymous_rooms;
    char *cookie;
    char *header;
    struct conf_list hook_headers;
    bool required;
    bool hook_joins;
    int64_t deadline_ms;
    size_t max_pending;
    size_t max_room_name;
    int64_t max_clients_per_user;
};

#endif
