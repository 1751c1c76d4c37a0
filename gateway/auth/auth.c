/* SPDX-License-Identifier: Apache-2.0 */
/* A set of settings is taken over in two steps: sources for all issuers are gathered, of which those that
 * have not changed are the ones of before; only when all are there do they take the place of the old ones. */
#include "gateway/auth/auth.h"

#include <stdlib.h>

#include "gateway/auth/key_source.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/wall_clock.h"
#include "shared/fetch/fetch.h"
#include "shared/log/log.h"

struct sources {
    struct key_source *items[AUTH_ISSUERS_MAX];
    bool kept[AUTH_ISSUERS_MAX]; /* while they are gathered: it is one of before */
    size_t count;
};

struct auth {
    struct event_base *base;
    auth_on_policy *on_policy;
    void *arg;
    const struct gateway_conf *conf; /* that the sources are made from; NULL: none, or they were refused */
    struct fetch *fetch;             /* NULL until keys are fetched */
    struct sources sources;
    struct auth_policy *policy;
    bool quiet; /* sources are being read: the policy is made once, at the end */
};

enum status auth_new(struct event_base *base, auth_on_policy *on_policy, void *arg, struct auth **out)
{
    struct auth *auth = calloc(1, sizeof *auth);

    if (auth == NULL)
        return STATUS_NO_MEMORY;
    auth->base = base;
    auth->on_policy = on_policy;
    auth->arg = arg;
    *out = auth;
    return STATUS_OK;
}

bool auth_needs_resolver(const struct gateway_conf *conf)
{
    const struct auth_issuer_conf *issuers = conf->auth.issuers.items;
    bool needs = false;

    for (size_t i = 0; i < conf->auth.issuers.count; i++)
        needs |= issuers[i].jwks_url[0] != '\0';
    return needs && conf->auth.mode == AUTH_MODE_VERIFY;
}

size_t auth_descriptors(const struct gateway_conf *conf)
{
    return auth_needs_resolver(conf) ? fetch_descriptors(KEY_FETCH_MAX) : 0;
}

/* The old one is no longer held here, whoever else holds it. */
static void use_policy(struct auth *auth, struct auth_policy *policy)
{
    struct auth_policy *old = auth->policy;

    auth->policy = policy;
    auth->on_policy(auth->arg, policy);
    auth_policy_unref(old);
}

static enum status make_policy(struct auth *auth)
{
    struct auth_keys keys[AUTH_ISSUERS_MAX];
    const struct auth_policy_conf conf = {
        .auth = &auth->conf->auth,
        .keys = keys,
        .max_room_name = (size_t)auth->conf->max_room_name_bytes,
        .max_clients_per_user = auth->conf->max_clients_per_user,
    };
    struct auth_policy *policy = NULL;

    for (size_t i = 0; i < auth->sources.count; i++)
        keys[i] = key_source_keys(auth->sources.items[i]);
    if (auth_policy_new(&conf, &policy) != STATUS_OK)
        return STATUS_NO_MEMORY;
    use_policy(auth, policy);
    return STATUS_OK;
}

/* A key_source's on_change. */
static void on_change(void *arg)
{
    struct auth *auth = arg;

    if (!auth->quiet && auth->conf != NULL && make_policy(auth) != STATUS_OK)
        log_event(LOG_ERROR, "keys are not taken over", LOG_S("reason", status_text(STATUS_NO_MEMORY)));
}

static struct key_source *find_same(const struct auth *auth, const struct auth_issuer_conf *issuer)
{
    for (size_t i = 0; i < auth->sources.count; i++)
        if (key_source_is(auth->sources.items[i], issuer))
            return auth->sources.items[i];
    return NULL;
}

static enum status gather(struct auth *auth, const struct conf_records *records, struct sources *out,
                          struct fault *fault)
{
    const struct key_source_env env = {auth->base, auth->fetch, on_change, auth};
    const struct auth_issuer_conf *issuers = records->items;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < records->count && status == STATUS_OK; i++) {
        struct key_source *same = find_same(auth, &issuers[i]);

        out->kept[i] = same != NULL;
        out->items[i] = same;
        if (same == NULL)
            status = key_source_new(&env, &issuers[i], &out->items[i], fault);
        out->count += status == STATUS_OK;
    }
    return status;
}

static bool has(const struct sources *sources, const struct key_source *source)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i] == source)
            return true;
    return false;
}

static void free_new(struct sources *gathered)
{
    for (size_t i = 0; i < gathered->count; i++)
        if (!gathered->kept[i])
            key_source_free(gathered->items[i]);
}

static void replace(struct auth *auth, const struct sources *fresh)
{
    for (size_t i = 0; i < auth->sources.count; i++)
        if (!has(fresh, auth->sources.items[i]))
            key_source_free(auth->sources.items[i]);
    auth->sources = *fresh;
    for (size_t i = 0; i < fresh->count; i++)
        if (fresh->kept[i])
            (void)key_source_reread(fresh->items[i]);
}

static enum status begin_fetch(struct auth *auth, struct resolver *resolver, struct fault *fault)
{
    const struct fetch_conf conf = {auth->base, resolver, KEY_FETCH_MAX};

    if (auth->fetch != NULL || resolver == NULL || fetch_new(&conf, &auth->fetch) == STATUS_OK)
        return STATUS_OK;
    return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

static enum status set_sources(struct auth *auth, const struct gateway_conf *conf, struct fault *fault)
{
    static const struct conf_records none = {NULL, 0};
    struct sources fresh = {.count = 0};
    enum status status =
        gather(auth, conf->auth.mode == AUTH_MODE_VERIFY ? &conf->auth.issuers : &none, &fresh, fault);

    if (status != STATUS_OK) {
        free_new(&fresh);
        return status;
    }
    replace(auth, &fresh);
    return STATUS_OK;
}

enum status auth_set(struct auth *auth, const struct gateway_conf *conf, struct resolver *resolver,
                     struct fault *fault)
{
    enum status status = begin_fetch(auth, auth_needs_resolver(conf) ? resolver : NULL, fault);

    auth->conf = NULL;
    auth->quiet = true;
    if (status == STATUS_OK)
        status = set_sources(auth, conf, fault);
    auth->quiet = false;
    if (status != STATUS_OK)
        return status;
    auth->conf = conf;
    if (conf->auth.mode != AUTH_MODE_VERIFY)
        use_policy(auth, NULL);
    else if (make_policy(auth) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    return STATUS_OK;
}

void auth_unknown_key(struct auth *auth, uint64_t source)
{
    for (size_t i = 0; i < auth->sources.count; i++)
        if (key_source_id(auth->sources.items[i]) == source)
            key_source_want(auth->sources.items[i]);
}

struct auth_policy *auth_get(const struct auth *auth)
{
    return auth->policy;
}

void auth_measure(const struct auth *auth)
{
    int64_t now_s = wall_clock_s();
    int64_t oldest = 0;
    uint64_t missing = 0;

    for (size_t i = 0; i < auth->sources.count; i++) {
        struct auth_keys keys = key_source_keys(auth->sources.items[i]);

        missing += keys.set == NULL;
        if (keys.url && keys.set != NULL && now_s - keys.fetched_s > oldest)
            oldest = now_s - keys.fetched_s;
    }
    metrics_set(M_KEYS_AGE, (uint64_t)oldest);
    metrics_set(M_ISSUERS_WITHOUT_KEYS, missing);
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    for (size_t i = 0; i < auth->sources.count; i++)
        key_source_free(auth->sources.items[i]);
    fetch_free(auth->fetch);
    auth_policy_unref(auth->policy);
    free(auth);
}
