/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the signal and the watches, and hands what changed to the parts. The loop's thread only. What cannot
 * be taken over leaves everything as it was, with one line in the log. */
#include "logic/logic_reload.h"

#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/conf/file_watch.h"
#include "shared/daemon/certificate.h"
#include "shared/daemon/hangup.h"
#include "shared/log/log.h"
#include "shared/net/tls.h"

struct logic_reload {
    const struct reload *settings;
    struct logic_parts parts;
    struct hangup *hangup;
    struct file_watch *tokens;
    struct certificate *rpc; /* of new links: env->tls */
    struct certificate *api;
};

static const struct logic_conf *conf_of(const struct logic_reload *reload)
{
    return reload->settings->conf;
}

static struct tls_files rpc_files(const void *arg)
{
    const struct logic_conf *conf = arg;

    return (struct tls_files){conf->rpc_cert, conf->rpc_key, conf->rpc_ca};
}

static struct tls_files api_files(const void *arg)
{
    const struct logic_conf *conf = arg;

    return (struct tls_files){conf->api_cert, conf->api_key, ""};
}

/* For new links. */
static void on_rpc(SSL_CTX *context, void *arg)
{
    const struct logic_reload *reload = arg;

    reload->parts.env->tls = context;
}

/* For connections that come. */
static void on_api(SSL_CTX *context, void *arg)
{
    const struct logic_reload *reload = arg;

    http_api_use_tls(reload->parts.api, context);
}

static const struct certificate_use rpc_use = {.what = "rpc",
                                               .files = rpc_files,
                                               .make = tls_client_new,
                                               .expiry_row = LM_CERTIFICATE_EXPIRY_RPC,
                                               .renewed_row = LM_CERTIFICATES_RELOADED,
                                               .always = true,
                                               .on_change = on_rpc};
static const struct certificate_use api_use = {.what = "api",
                                               .files = api_files,
                                               .make = tls_https_new,
                                               .expiry_row = LM_CERTIFICATE_EXPIRY_API,
                                               .renewed_row = LM_CERTIFICATES_RELOADED,
                                               .on_change = on_api};

static enum status start_certificate(struct logic_reload *reload, const struct certificate_use *of,
                                     struct certificate **out, struct fault *fault)
{
    struct certificate_use use = *of;
    enum status status;

    use.arg = reload;
    status = certificate_new(reload->parts.env->base, &use, conf_of(reload), out, fault);
    if (status == STATUS_OK && certificate_is_used(*out))
        use.on_change(certificate_get(*out), reload);
    return status;
}

static enum status start_certificates(struct logic_reload *reload, struct fault *fault)
{
    enum status status = start_certificate(reload, &rpc_use, &reload->rpc, fault);

    return status == STATUS_OK ? start_certificate(reload, &api_use, &reload->api, fault) : status;
}

static bool renew_certificates(struct logic_reload *reload)
{
    bool wanted = conf_of(reload)->api_cert[0] != '\0';
    bool api;

    if (wanted != certificate_is_used(reload->api))
        log_event(LOG_WARN, "needs a restart", LOG_S("keys", "api.cert,api.key"),
                  LOG_S("reason", wanted ? "TLS of the API is off" : "TLS of the API is on"));
    api = certificate_reload(reload->api);
    return certificate_reload(reload->rpc) && api;
}

static bool renew_tokens(struct logic_reload *reload)
{
    struct fault fault = {""};

    if (http_api_load_tokens(reload->parts.api, &fault) == STATUS_OK)
        return true;
    log_event(LOG_WARN, "tokens not taken over, the old ones stay", LOG_S("reason", fault.text));
    return false;
}

static void on_tokens(void *arg)
{
    (void)renew_tokens(arg);
}

/* Before the files are read: what changes in between is then seen as a change. */
static bool watch_files(struct logic_reload *reload)
{
    const struct logic_conf *conf = conf_of(reload);
    const char *const tokens[] = {conf->api_tokens_file};

    if (file_watch_set(reload->tokens, tokens, 1) == STATUS_OK)
        return true;
    log_event(LOG_ERROR, "no memory to watch files", LOG_S("remedy", "send SIGHUP again"));
    return false;
}

static bool take_over(struct logic_reload *reload)
{
    const struct logic_conf *conf = conf_of(reload);

    log_setup((enum log_level)conf->log_level, (enum log_format)conf->log_format);
    http_api_apply(reload->parts.api);
    dispatch_apply(reload->parts.dispatch, (int)conf->wait_timeout);
    store_apply(reload->parts.store);
    bool watched = watch_files(reload);
    bool tokens = renew_tokens(reload);
    return renew_certificates(reload) && tokens && watched;
}

static void on_hangup(void *arg)
{
    struct logic_reload *reload = arg;
    bool done = reload_settings(reload->settings) && take_over(reload);

    metrics_add(done ? LM_RELOADS_OK : LM_RELOADS_FAILED, 1);
}

static bool is_local(const char *bind)
{
    static const char *const local[] = {"unix:", "127.", "localhost", "::1", "[::1]"};

    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        if (strncmp(bind, local[i], strlen(local[i])) == 0)
            return true;
    return false;
}

static void warn_of_open_doors(const struct logic_conf *conf)
{
    if (!conf->rpc_ca[0])
        log_event(LOG_WARN, "gateways are not verified: whoever can stand between sees and changes pushes",
                  LOG_S("remedy", "set rpc.ca"));
    if (!conf->api_tokens_file[0] && !is_local(conf->service_bind))
        log_event(LOG_INFO, "the API asks for no token: whoever reaches the port can push",
                  LOG_S("remedy", "set api.tokensFile"));
    if (conf->api_tokens_file[0] && !conf->api_cert[0] && !is_local(conf->service_bind))
        log_event(LOG_INFO, "the API speaks plain HTTP: whoever listens on the way has the tokens",
                  LOG_S("remedy", "set api.cert and api.key, or put a proxy with TLS in front"));
}

static enum status set_up_watches(struct logic_reload *reload)
{
    struct event_base *base = reload->parts.env->base;

    if (hangup_new(base, on_hangup, reload, &reload->hangup) != STATUS_OK ||
        file_watch_new(base, NULL, 0, on_tokens, reload, &reload->tokens) != STATUS_OK ||
        !watch_files(reload))
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}

enum status logic_reload_new(const struct reload *settings, const struct logic_parts *parts,
                             struct logic_reload **out, struct fault *fault)
{
    struct logic_reload *reload = calloc(1, sizeof *reload);

    if (reload == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory");
    reload->settings = settings;
    reload->parts = *parts;
    enum status status = set_up_watches(reload) != STATUS_OK
                             ? fault_set(fault, STATUS_NO_MEMORY, "no memory to watch files")
                             : start_certificates(reload, fault);
    if (status != STATUS_OK) {
        logic_reload_free(reload);
        return status;
    }
    reload_hold(false);
    warn_of_open_doors(conf_of(reload));
    *out = reload;
    return STATUS_OK;
}

void logic_reload_free(struct logic_reload *reload)
{
    if (reload == NULL)
        return;
    reload_hold(true);
    hangup_free(reload->hangup);
    file_watch_free(reload->tokens);
    certificate_free(reload->rpc);
    certificate_free(reload->api);
    reload->parts.env->tls = NULL;
    free(reload);
}
