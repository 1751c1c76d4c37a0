/* SPDX-License-Identifier: Apache-2.0 */
/* Everything is copied out of the settings at the start, so that judging reads memory that nobody writes. An
 * issuer has one index in jwt_rules and among the sources; the header and the hook come behind the issuers.
 */
#include "gateway/auth/auth_policy.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shared/jose/jwt.h"

struct source {
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
    struct source *sources;
    size_t source_count;
    struct jwt_issuer *issuers; /* of the first rules.count sources */
    struct jwt_rules rules;
    const struct source *header_source; /* NULL: none */
    const struct source *hook_source;   /* likewise */
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

/* FNV-1a, 64 bits. Only the operator chooses what goes in. */
static uint64_t id_of(char kind, const char *name)
{
    uint64_t hash = (UINT64_C(14695981039346656037) ^ (unsigned char)kind) * UINT64_C(1099511628211);

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash != 0 ? hash : 1;
}

uint64_t auth_source_of_issuer(const char *iss)
{
    return id_of('i', iss);
}

static enum status copy_patterns(const struct conf_list *from, struct room_patterns *out)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < from->count && status == STATUS_OK; i++)
        status = room_patterns_add(out, slice_str(from->items[i]));
    return status;
}

static enum status copy_text(const char *from, char **out)
{
    *out = strdup(from);
    return *out != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static enum status add_source(struct auth_policy *policy, const char *prefix, const struct conf_list *limit,
                              struct source **out)
{
    struct source *source = &policy->sources[policy->source_count++];
    enum status status = copy_text(prefix, &source->prefix);

    *out = source;
    return status == STATUS_OK ? copy_patterns(limit, &source->limit) : status;
}

static unsigned bits_of(const struct conf_list *algs)
{
    unsigned bits = 0;
    enum jose_alg alg;

    for (size_t i = 0; i < algs->count; i++)
        if (jose_alg_of(slice_str(algs->items[i]), &alg))
            bits |= JOSE_BIT(alg);
    return bits;
}

static enum status add_issuer(struct auth_policy *policy, const struct auth_issuer_conf *conf,
                              const struct auth_keys *keys)
{
    struct jwt_issuer *issuer = &policy->issuers[policy->rules.count];
    struct source *source;
    enum status status = add_source(policy, conf->user_prefix, &conf->rooms, &source);

    source->id = auth_source_of_issuer(conf->iss);
    source->kind = GRANT_TOKEN;
    source->url = keys->url;
    source->fetched_s = keys->fetched_s;
    if (status == STATUS_OK)
        status = copy_text(conf->iss, &source->iss);
    if (status == STATUS_OK)
        status = conf_list_copy(&conf->aud, &source->auds);
    *issuer = (struct jwt_issuer){
        .iss = source->iss,
        .auds = (const char *const *)source->auds.items,
        .aud_count = source->auds.count,
        .algs = bits_of(&conf->algs),
        .keys = keys->set != NULL ? jwk_set_ref(keys->set) : NULL,
    };
    policy->rules.count++;
    return status;
}

static enum status add_issuers(struct auth_policy *policy, const struct auth_policy_conf *conf)
{
    const struct auth_issuer_conf *issuers = conf->auth->issuers.items;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < conf->auth->issuers.count && status == STATUS_OK; i++)
        status = add_issuer(policy, &issuers[i], &conf->keys[i]);
    policy->rules.issuers = policy->issuers;
    return status;
}

static enum status add_others(struct auth_policy *policy, const struct auth_conf *auth)
{
    enum status status = STATUS_OK;
    struct source *source;

    if (auth->header[0] != '\0') {
        status = add_source(policy, auth->header_user_prefix, &auth->header_rooms, &source);
        source->id = id_of('h', "");
        source->kind = GRANT_HEADER;
        policy->header_source = source;
    }
    if (auth->hook.url[0] != '\0' && status == STATUS_OK) {
        status = add_source(policy, auth->hook.user_prefix, &auth->hook.rooms, &source);
        source->id = id_of('k', "");
        source->kind = GRANT_HOOK;
        policy->hook_source = source;
    }
    return status;
}

static enum status add_settings(struct auth_policy *policy, const struct auth_policy_conf *conf)
{
    const struct auth_conf *auth = conf->auth;
    enum status status = copy_patterns(&auth->rooms, &policy->rooms);

    if (status == STATUS_OK)
        status = copy_patterns(&auth->anonymous_rooms, &policy->anonymous_rooms);
    if (status == STATUS_OK)
        status = copy_text(auth->cookie, &policy->cookie);
    if (status == STATUS_OK)
        status = copy_text(auth->header, &policy->header);
    if (status == STATUS_OK)
        status = conf_list_copy(&auth->hook.headers, &policy->hook_headers);
    policy->rules.leeway_s = auth->leeway_seconds;
    policy->rules.max_s = auth->max_token_seconds;
    policy->required = auth->required;
    policy->hook_joins = auth->hook.joins;
    policy->deadline_ms = auth->deadline * 1000;
    policy->max_pending = (size_t)auth->max_pending;
    policy->max_room_name = conf->max_room_name;
    policy->max_clients_per_user = conf->max_clients_per_user;
    return status;
}

enum status auth_policy_new(const struct auth_policy_conf *conf, struct auth_policy **out)
{
    struct auth_policy *policy = calloc(1, sizeof *policy);
    size_t issuers = conf->auth->issuers.count;
    enum status status = STATUS_NO_MEMORY;

    if (policy == NULL)
        return STATUS_NO_MEMORY;
    atomic_init(&policy->references, 1);
    policy->sources = calloc(issuers + 2, sizeof *policy->sources);
    policy->issuers = calloc(issuers + 1, sizeof *policy->issuers);
    if (policy->sources != NULL && policy->issuers != NULL)
        status = add_issuers(policy, conf);
    if (status == STATUS_OK)
        status = add_others(policy, conf->auth);
    if (status == STATUS_OK)
        status = add_settings(policy, conf);
    if (status != STATUS_OK) {
        auth_policy_unref(policy);
        return status;
    }
    *out = policy;
    return STATUS_OK;
}

struct auth_policy *auth_policy_ref(struct auth_policy *policy)
{
    if (policy != NULL)
        (void)atomic_fetch_add(&policy->references, 1);
    return policy;
}

static void source_fini(struct source *source)
{
    free(source->prefix);
    free(source->iss);
    room_patterns_fini(&source->limit);
    conf_list_free(&source->auds);
}

void auth_policy_unref(struct auth_policy *policy)
{
    if (policy == NULL || atomic_fetch_sub(&policy->references, 1) > 1)
        return;
    for (size_t i = 0; i < policy->source_count; i++)
        source_fini(&policy->sources[i]);
    for (size_t i = 0; i < policy->rules.count; i++)
        jwk_set_unref(policy->issuers[i].keys);
    free(policy->sources);
    free(policy->issuers);
    room_patterns_fini(&policy->rooms);
    room_patterns_fini(&policy->anonymous_rooms);
    free(policy->cookie);
    free(policy->header);
    conf_list_free(&policy->hook_headers);
    free(policy);
}

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
static void judge_unknown_key(struct source *source, int64_t now_s, struct auth_answer *out)
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

static void judge_claims(const struct auth_policy *policy, const struct source *from,
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

static const struct source *find_source(const struct auth_policy *policy, uint64_t id)
{
    for (size_t i = 0; i < policy->source_count; i++)
        if (policy->sources[i].id == id)
            return &policy->sources[i];
    return NULL;
}

static bool is_for_room(const struct auth_policy *policy, const struct grant *grant, struct slice room)
{
    const struct source *source = find_source(policy, grant->source);
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
    const struct source *source = find_source(policy, grant->source);
    struct slice sub = grant_sub(grant);
    bool own = room_patterns_match(&grant->rooms, sub, room) || is_joined_at_once(grant, room);

    if (own && source != NULL && room_patterns_match(&source->limit, sub, room))
        return true;
    return room_patterns_match(grant->user != NULL ? &policy->rooms : &policy->anonymous_rooms, sub, room);
}

bool auth_policy_required(const struct auth_policy *policy)
{
    return policy->required;
}

bool auth_policy_takes_tokens(const struct auth_policy *policy)
{
    return policy->rules.count > 0;
}

const char *auth_policy_cookie(const struct auth_policy *policy)
{
    return policy->cookie;
}

const char *auth_policy_header(const struct auth_policy *policy)
{
    return policy->header;
}

int64_t auth_policy_deadline_ms(const struct auth_policy *policy)
{
    return policy->deadline_ms;
}

int64_t auth_policy_leeway_s(const struct auth_policy *policy)
{
    return policy->rules.leeway_s;
}

size_t auth_policy_max_pending(const struct auth_policy *policy)
{
    return policy->max_pending;
}

int64_t auth_policy_max_clients_per_user(const struct auth_policy *policy)
{
    return policy->max_clients_per_user;
}

bool auth_policy_hook(const struct auth_policy *policy)
{
    return policy->hook_source != NULL;
}

bool auth_policy_hook_joins(const struct auth_policy *policy)
{
    return policy->hook_source != NULL && policy->hook_joins;
}

const struct conf_list *auth_policy_hook_headers(const struct auth_policy *policy)
{
    return &policy->hook_headers;
}
