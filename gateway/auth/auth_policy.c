/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a policy and says its settings. */
#include <stdlib.h>
#include <string.h>

#include "gateway/auth/auth_policy_state.h"

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
                              struct auth_source **out)
{
    struct auth_source *source = &policy->sources[policy->source_count++];
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
    struct auth_source *source;
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
    struct auth_source *source;

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

static void source_fini(struct auth_source *source)
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
