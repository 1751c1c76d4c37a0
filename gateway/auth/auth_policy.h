/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what a client shows, by the settings and keys of one moment. Never changes: the control thread makes
 * another (auth.h) when settings or keys do, and hands it to the buckets by mail; each bucket holds a
 * reference, NULL while auth.mode is none. Any thread may judge; time is passed in; nothing blocks or is
 * logged. (It does note when it last asked for other keys, so that a flood of tokens asks once a second.)
 *
 * A source is who names users: an issuer, a proxy's header, the hook. Its id is the same in every policy that
 * has it, so a grant outlives the policy that it came from, but not its source. */
#ifndef FANFARE_GATEWAY_AUTH_AUTH_POLICY_H
#define FANFARE_GATEWAY_AUTH_AUTH_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/auth/claims.h"
#include "gateway/auth/grant.h"
#include "gateway/conf/auth_conf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/auth_reasons.h"
#include "shared/jose/jwk_set.h"

/* Keys of an issuer that were fetched so lately that fetching them again is not worth asking for. */
enum { AUTH_KEYS_FRESH_S = 30 };

struct auth_policy;

/* The keys of one element of auth.issuers. */
struct auth_keys {
    const struct jwk_set *set; /* NULL: not loaded yet */
    int64_t fetched_s;         /* Unix; of a URL, when its server was asked last */
    bool url;                  /* they can be fetched again */
};

struct auth_policy_conf {
    const struct auth_conf *auth; /* checked; nothing of it is kept */
    const struct auth_keys *keys; /* one for each of auth->issuers */
    size_t max_room_name;         /* bytes */
    int64_t max_clients_per_user; /* 0: no limit */
};

/* One reference. STATUS_NO_MEMORY. */
enum status auth_policy_new(const struct auth_policy_conf *conf, struct auth_policy **out);
/* Any thread; NULL is legal. */
struct auth_policy *auth_policy_ref(struct auth_policy *policy);
void auth_policy_unref(struct auth_policy *policy);

enum auth_outcome {
    AUTH_GRANTED,
    AUTH_REFUSED,     /* close 4002: not again with this */
    AUTH_UNAVAILABLE, /* close 4101: later perhaps */
    AUTH_NO_MEMORY,
};

struct auth_answer {
    enum auth_outcome outcome;
    enum auth_reason reason; /* AUTH_REASON_GOOD when granted */
    const char *why;         /* which rule exactly, a static clause without anything of the token; or NULL */
    struct grant *grant;     /* the caller's; NULL unless granted */
    uint64_t refresh;        /* not 0: the source whose keys may be old; tell auth_unknown_key */
};

/* A token of a connection. Unavailable: the issuer's keys are not there yet, or they are old and the token
 * names one that is not among them. A room token is refused. */
void auth_policy_judge_token(const struct auth_policy *policy, struct slice token, int64_t now_s,
                             struct auth_answer *out);
/* A room token that a client with the grant `of` shows in a JOIN of `room`: of the same issuer and for the
 * same user, and its `room`, within what the issuer may grant, matches. The grant has room_pattern and
 * expires_s. */
void auth_policy_judge_room_token(const struct auth_policy *policy, struct slice token,
                                  const struct grant *of, struct slice room, int64_t now_s,
                                  struct auth_answer *out);
/* The value of auth.header, which a trusted proxy has sent. */
void auth_policy_judge_header(const struct auth_policy *policy, struct slice user, struct auth_answer *out);
/* What the hook has answered; `expires_s` as in the grant. */
void auth_policy_judge_hook(const struct auth_policy *policy, const struct claims *claims, int64_t expires_s,
                            struct auth_answer *out);
/* Who shows nothing where auth.required is false; the caller's. NULL: no memory. */
struct grant *auth_policy_anonymous(const struct auth_policy *policy);

/* Whether the room may be joined: by the grant's own patterns or joins, within what its source may grant, or
 * by auth.rooms (a user) or auth.anonymousRooms (nobody in particular). */
bool auth_policy_allows(const struct auth_policy *policy, const struct grant *grant, struct slice room);

/* Whether auth.hook may be asked about a room that nothing else allows: auth.hook.joins, and the room is one
 * of those that it may grant (auth.hook.rooms). */
bool auth_policy_hook_may_allow(const struct auth_policy *policy, const struct grant *grant,
                                struct slice room);

/* The id of an issuer; never 0. */
uint64_t auth_source_of_issuer(const char *iss);

/* The settings. Texts live as long as the policy. */
bool auth_policy_required(const struct auth_policy *policy);
bool auth_policy_takes_tokens(const struct auth_policy *policy);  /* there are issuers */
const char *auth_policy_cookie(const struct auth_policy *policy); /* "": none */
const char *auth_policy_header(const struct auth_policy *policy); /* "": none */
int64_t auth_policy_deadline_ms(const struct auth_policy *policy);
int64_t auth_policy_leeway_s(const struct auth_policy *policy);
size_t auth_policy_max_pending(const struct auth_policy *policy); /* of all buckets together */
int64_t auth_policy_max_clients_per_user(const struct auth_policy *policy);
bool auth_policy_hook(const struct auth_policy *policy);       /* there is one */
bool auth_policy_hook_joins(const struct auth_policy *policy); /* it is asked about rooms too */
const struct conf_list *auth_policy_hook_headers(const struct auth_policy *policy);

#endif
