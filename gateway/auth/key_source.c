/* SPDX-License-Identifier: Apache-2.0 */
/* Either a file with its watch, or a fetch. */
#include "gateway/auth/key_source.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/auth/key_fetch.h"
#include "gateway/conf/key_file.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/wall_clock.h"
#include "shared/conf/file_watch.h"
#include "shared/log/log.h"

struct key_source {
    struct key_source_env env;
    char *iss;
    char *path; /* of the file; NULL: a URL */
    char *url;
    char *ca;
    bool secret; /* the file is one */
    struct jwk_set *keys;
    int64_t fetched_s;
    struct file_watch *watch;
    struct key_fetch *fetch;
};

static enum status load(const struct key_source *source, struct jwk_set **out, struct fault *fault)
{
    return source->secret ? key_file_load_secret(source->path, out, fault)
                          : key_file_load_jwks(source->path, out, fault);
}

static void use(struct key_source *source, struct jwk_set *keys)
{
    jwk_set_unref(source->keys);
    source->keys = keys;
    source->fetched_s = wall_clock_s();
    source->env.on_change(source->env.arg);
}

bool key_source_reread(struct key_source *source)
{
    struct jwk_set *keys = NULL;
    struct fault fault = {""};

    if (source->path == NULL)
        return true;
    if (load(source, &keys, &fault) != STATUS_OK) {
        metrics_add(M_KEY_FILES_BAD, 1);
        log_event(LOG_WARN, "a key file is bad, the keys before it stay", LOG_S("iss", source->iss),
                  LOG_S("reason", fault.text));
        return false;
    }
    metrics_add(M_KEY_FILES_OK, 1);
    log_event(LOG_INFO, "keys of an issuer are read", LOG_S("iss", source->iss), LOG_S("file", source->path),
              LOG_I("keys", jwk_set_count(keys)), LOG_I("passed_over", jwk_set_passed_over(keys)),
              LOG_S("remark", jwk_set_remark(keys)));
    use(source, keys);
    return true;
}

static void on_file(void *arg)
{
    (void)key_source_reread(arg);
}

static void on_keys(void *arg, struct jwk_set *keys)
{
    use(arg, keys);
}

/* The watch is set first: what is written while the file is read counts as a change. */
static enum status begin_file(struct key_source *source, struct fault *fault)
{
    const char *const paths[] = {source->path};

    if (file_watch_new(source->env.base, paths, 1, on_file, source, &source->watch) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    return load(source, &source->keys, fault);
}

static enum status begin_url(struct key_source *source, struct fault *fault)
{
    const struct key_fetch_conf conf = {
        .base = source->env.base,
        .fetch = source->env.fetch,
        .iss = source->iss,
        .url = source->url,
        .ca = source->ca,
        .on_keys = on_keys,
        .arg = source,
    };

    return key_fetch_new(&conf, &source->fetch) == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

static bool copy_texts(struct key_source *source, const struct auth_issuer_conf *issuer)
{
    const char *path = issuer->secret_file[0] != '\0' ? issuer->secret_file : issuer->jwks;

    source->secret = issuer->secret_file[0] != '\0';
    source->iss = strdup(issuer->iss);
    source->url = strdup(issuer->jwks_url);
    source->ca = strdup(issuer->jwks_ca);
    source->path = path[0] != '\0' ? strdup(path) : NULL;
    return source->iss != NULL && source->url != NULL && source->ca != NULL &&
           (path[0] == '\0' || source->path != NULL);
}

enum status key_source_new(const struct key_source_env *env, const struct auth_issuer_conf *issuer,
                           struct key_source **out, struct fault *fault)
{
    struct key_source *source = calloc(1, sizeof *source);
    enum status status;

    if (source == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    source->env = *env;
    if (!copy_texts(source, issuer))
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    else
        status = source->path != NULL ? begin_file(source, fault) : begin_url(source, fault);
    if (status != STATUS_OK) {
        key_source_free(source);
        return status;
    }
    *out = source;
    return STATUS_OK;
}

void key_source_free(struct key_source *source)
{
    if (source == NULL)
        return;
    file_watch_free(source->watch);
    key_fetch_free(source->fetch);
    jwk_set_unref(source->keys);
    free(source->iss);
    free(source->path);
    free(source->url);
    free(source->ca);
    free(source);
}

bool key_source_is(const struct key_source *source, const struct auth_issuer_conf *issuer)
{
    const char *path = source->secret ? issuer->secret_file : issuer->jwks;

    return strcmp(source->iss, issuer->iss) == 0 && strcmp(source->url, issuer->jwks_url) == 0 &&
           strcmp(source->ca, issuer->jwks_ca) == 0 &&
           strcmp(source->path != NULL ? source->path : "", path) == 0;
}

struct auth_keys key_source_keys(const struct key_source *source)
{
    return (struct auth_keys){source->keys, source->fetched_s, source->path == NULL};
}

uint64_t key_source_id(const struct key_source *source)
{
    return auth_source_of_issuer(source->iss);
}

void key_source_want(struct key_source *source)
{
    if (source->fetch != NULL)
        key_fetch_want(source->fetch);
}
