/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the signal and the watches, and hands what changed to the parts. The loop's thread only. What cannot
 * be taken over leaves everything as it was, with one line in the log. */
#include "logic/logic_reload.h"

#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/conf/file_watch.h"
#include "shared/daemon/hangup.h"
#include "shared/log/log.h"
#include "shared/net/certificate_log.h"
#include "shared/net/loop_event.h"
#include "shared/net/tls.h"

struct logic_reload {
    const struct reload *settings;
    struct logic_parts parts;
    struct hangup *hangup;
    struct file_watch *tokens;
    struct file_watch *certificates;
    struct event *daily;
};

static const struct logic_conf *conf_of(const struct logic_reload *reload)
{
    return reload->settings->conf;
}

static enum status load_certificates(struct logic_reload *reload, struct fault *fault)
{
    const struct logic_conf *conf = conf_of(reload);
    const struct tls_files files = {.cert = conf->rpc_cert, .key = conf->rpc_key, .ca = conf->rpc_ca};
    SSL_CTX *tls;
    enum status status = tls_client_new(&files, &tls, fault);
    if (status != STATUS_OK)
        return status;
    SSL_CTX_free(reload->parts.env->tls);
    reload->parts.env->tls = tls;
    metrics_set(LM_CERTIFICATE_EXPIRY_RPC, (uint64_t)tls_context_expiry(tls));
    certificate_log_if_ending("rpc", conf->rpc_cert, tls);
    return STATUS_OK;
}

static bool renew_certificates(struct logic_reload *reload)
{
    const struct logic_conf *conf = conf_of(reload);
    struct fault fault = {""};
    if (load_certificates(reload, &fault) != STATUS_OK) {
        certificate_log_refused("rpc", &fault);
        return false;
    }
    if (!conf->rpc_cert[0] && !conf->rpc_ca[0])
        return true;
    metrics_add(LM_CERTIFICATES_RELOADED, 1);
    certificate_log_taken_over("rpc", conf->rpc_cert, reload->parts.env->tls);
    return true;
}

static void on_day(evutil_socket_t fd, short what, void *arg)
{
    const struct logic_reload *reload = arg;
    (void)fd;
    (void)what;
    certificate_log_if_ending("rpc", conf_of(reload)->rpc_cert, reload->parts.env->tls);
}

static void on_certificates(void *arg)
{
    (void)renew_certificates(arg);
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
    const char *const certificates[] = {conf->rpc_cert, conf->rpc_key, conf->rpc_ca};
    const char *const tokens[] = {conf->api_tokens_file};
    if (file_watch_set(reload->certificates, certificates, 3) == STATUS_OK &&
        file_watch_set(reload->tokens, tokens, 1) == STATUS_OK)
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
}

static enum status set_up_watches(struct logic_reload *reload)
{
    struct event_base *base = reload->parts.env->base;
    reload->daily = event_new(base, -1, EV_PERSIST, on_day, reload);
    if (reload->daily == NULL ||
        loop_event_after_ms(reload->daily, CERTIFICATE_DAY_SECONDS * INT64_C(1000)) != STATUS_OK ||
        hangup_new(base, on_hangup, reload, &reload->hangup) != STATUS_OK ||
        file_watch_new(base, NULL, 0, on_tokens, reload, &reload->tokens) != STATUS_OK ||
        file_watch_new(base, NULL, 0, on_certificates, reload, &reload->certificates) != STATUS_OK ||
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
                             : load_certificates(reload, fault);
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
    loop_event_free(reload->daily);
    file_watch_free(reload->tokens);
    file_watch_free(reload->certificates);
    SSL_CTX_free(reload->parts.env->tls);
    reload->parts.env->tls = NULL;
    free(reload);
}
