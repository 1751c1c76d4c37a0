/* SPDX-License-Identifier: Apache-2.0 */
/* From what is shown to a grant or a reason: the token's verdict first, then its claims, then what it may be
 * used for. */
#include <stdlib.h>
#include <string.h>

#include "gateway/auth/auth_policy_state.h"

static void refuse(struct auth_answer *out, enum auth_reason reason, const char *why)
{
    grant_free(out->grant);
    *out = (struct auth_answer){.outcome = AUTH_REFUSED, .reason = reason, .why = why};
}

static void run_out(struct auth_answer *out)
{
    grant_free(out->grant);
    *out = (struct auth_answer){.outcome = AUTH_NO_MEMORY, .reason = AUTH_REASON_NO_MEMORY};
}

/* Keys that were asked for a moment ago will not have changed; older ones may, so the token is not refused
 * for good. */
static void judge_unknown_key(struct auth_source *source, int64_t now_s, struct auth_answer *out)
{
    int64_t asked_s = atomic_load(&source->asked_s);

    if (!source->url || now_s - source->fetched_s < AUTH_KEYS_FRESH_S)
        return;
    out->outcome = AUTH_UNAVAILABLE;
    if (asked_s != now_s && atomic_compare_exchange_strong(&source->asked_s, &asked_s, now_s))
        out->refresh = source->id;
}

static void judge_verdict(const struct auth_policy *policy, enum jwt_verdict verdict, const struct jwt *jwt,
                          int64_t now_s, struct auth_answer *out)
{
    refuse(out, (enum auth_reason)verdict, jwt->why);
    if (verdict == JWT_NO_MEMORY)
        run_out(out);
    else if (verdict == JWT_NO_KEYS)
        out->outcome = AUTH_UNAVAILABLE;
    else if (verdict == JWT_UNKNOWN_KEY)
        judge_unknown_key(&policy->sources[jwt->issuer], now_s, out);
}

static void judge_claims(const struct auth_policy *policy, const struct auth_source *from,
                         const struct claims *claims, enum auth_reason bad, struct auth_answer *out)
{
    const struct claims_source source = {
        .prefix = from->prefix,
        .limit = &from->limit,
        .source = from->id,
        .kind = from->kind,
        .max_room_name = policy->max_room_name,
        .needs_user = from->kind != GRANT_HOOK,
    };
    const char *why = NULL;
    enum status status = claims_grant(claims, &source, &out->grant, &why);

    if (status == STATUS_NO_MEMORY)
        run_out(out);
    else if (status != STATUS_OK)
        refuse(out, bad, why);
}

/* One that is not there stays empty. */
static struct json_value claim_of(const struct jwt *jwt, const char *name)
{
    struct json_value value;

    return jwt_claim(jwt, name, &value) ? value : (struct json_value){0};
}

static struct claims claims_of(const struct jwt *jwt)
{
    return (struct claims){
        .user = claim_of(jwt, "sub"),
        .rooms = claim_of(jwt, "rooms"),
        .join = claim_of(jwt, "join"),
        .info = claim_of(jwt, "info"),
        .room = claim_of(jwt, "room"),
    };
}

/* Whatever the token is for. */
static void judge_any(const struct auth_policy *policy, struct slice token, int64_t now_s,
                      struct auth_answer *out)
{
    struct jwt jwt;
    enum jwt_verdict verdict = jwt_check(token, &policy->rules, now_s, &jwt);

    *out = (struct auth_answer){.outcome = AUTH_GRANTED, .reason = AUTH_REASON_GOOD};
    if (verdict != JWT_GOOD) {
        judge_verdict(policy, verdict, &jwt, now_s, out);
    } else {
        const struct claims claims = claims_of(&jwt);

        judge_claims(policy, &policy->sources[jwt.issuer], &claims, AUTH_REASON_BAD_CLAIMS, out);
        if (out->outcome == AUTH_GRANTED)
            out->grant->expires_s = jwt.exp;
    }
    jwt_fini(&jwt);
}

void auth_policy_judge_token(const struct auth_policy *policy, struct slice token, int64_t now_s,
                             struct auth_answer *out)
{
    judge_any(policy, token, now_s, out);
    if (out->outcome == AUTH_GRANTED && out->grant->room_pattern != NULL)
        refuse(out, AUTH_REASON_ROOM_TOKEN, NULL);
}

static const struct auth_source *find_source(const struct auth_policy *policy, uint64_t id)
{
    for (size_t i = 0; i < policy->source_count; i++)
        if (policy->sources[i].id == id)
            return &policy->sources[i];
    return NULL;
}

static bool is_for_room(const struct auth_policy *policy, const struct grant *grant, struct slice room)
{
    const struct auth_source *source = find_source(policy, grant->source);
    struct slice sub = grant_sub(grant);

    return grant->room_pattern != NULL && source != NULL &&
           room_pattern_matches(slice_str(grant->room_pattern), sub, room) &&
           room_patterns_match(&source->limit, sub, room);
}

void auth_policy_judge_room_token(const struct auth_policy *policy, struct slice token,
                                  const struct grant *of, struct slice room, int64_t now_s,
                                  struct auth_answer *out)
{
    judge_any(policy, token, now_s, out);
    if (out->outcome != AUTH_GRANTED)
        return;
    if (of->user == NULL || of->source != out->grant->source ||
        !slice_equal(grant_user(of), grant_user(out->grant)))
        refuse(out, AUTH_REASON_OTHER_USER, NULL);
    else if (!is_for_room(policy, out->grant, room))
        refuse(out, AUTH_REASON_NO_ROOM_TOKEN, NULL);
}

/* A user of the header has no claims: all that the source may grant is his. */
static enum status grant_everything(struct grant *grant)
{
    return room_patterns_add(&grant->rooms, slice_str("*"));
}

void auth_policy_judge_header(const struct auth_policy *policy, struct slice user, struct auth_answer *out)
{
    const struct claims none = {0};

    *out = (struct auth_answer){.outcome = AUTH_GRANTED, .reason = AUTH_REASON_GOOD};
    if (policy->header_source == NULL) {
        refuse(out, AUTH_REASON_NOTHING_SHOWN, NULL);
        return;
    }
    struct claims_source source = {
        .prefix = policy->header_source->prefix,
        .limit = &policy->header_source->limit,
        .source = policy->header_source->id,
        .kind = GRANT_HEADER,
        .max_room_name = policy->max_room_name,
    };
    const char *why = NULL;
    enum status status = claims_grant(&none, &source, &out->grant, &why);
    if (status == STATUS_OK)
        status = claims_name(out->grant, &source, user);
    if (status == STATUS_OK)
        status = grant_everything(out->grant);
    if (status == STATUS_NO_MEMORY)
        run_out(out);
    else if (status != STATUS_OK)
        refuse(out, AUTH_REASON_BAD_USER, NULL);
}

void auth_policy_judge_hook(const struct auth_policy *policy, const struct claims *claims, int64_t expires_s,
                            struct auth_answer *out)
{
    *out = (struct auth_answer){.outcome = AUTH_GRANTED, .reason = AUTH_REASON_GOOD};
    if (policy->hook_source == NULL) {
        refuse(out, AUTH_REASON_NOTHING_SHOWN, NULL);
        return;
    }
    judge_claims(policy, policy->hook_source, claims, AUTH_REASON_HOOK_BAD_ANSWER, out);
    if (out->outcome == AUTH_GRANTED)
        out->grant->expires_s = expires_s;
    else if (out->outcome == AUTH_REFUSED)
        out->outcome = AUTH_UNAVAILABLE; /* the service is at fault, not the client */
}

bool auth_policy_hook_may_allow(const struct auth_policy *policy, const struct grant *grant,
                                struct slice room)
{
    return auth_policy_hook_joins(policy) &&
           room_patterns_match(&policy->hook_source->limit, grant_sub(grant), room);
}

struct grant *auth_policy_anonymous(const struct auth_policy *policy)
{
    struct grant *grant = calloc(1, sizeof *grant);

    (void)policy;
    if (grant == NULL)
        return NULL;
    grant->kind = GRANT_ANONYMOUS;
    grant->expires_s = INT64_MAX;
    return grant;
}

static bool is_joined_at_once(const struct grant *grant, struct slice room)
{
    const char *at = NULL;
    const char *name;

    while ((name = grant_next_join(grant, &at)) != NULL)
        if (slice_equal(slice_str(name), room))
            return true;
    return false;
}

bool auth_policy_allows(const struct auth_policy *policy, const struct grant *grant, struct slice room)
{
    const struct auth_source *source = find_source(policy, grant->source);
    struct slice sub = grant_sub(grant);
    bool own = room_patterns_match(&grant->rooms, sub, room) || is_joined_at_once(grant, room);

    if (own && source != NULL && room_patterns_match(&source->limit, sub, room))
        return true;
    return room_patterns_match(grant->user != NULL ? &policy->rooms : &policy->anonymous_rooms, sub, room);
}
