/* SPDX-License-Identifier: Apache-2.0 */
/* A context for each kind; that of the clients only carries the pair to the buckets' own contexts. */
#include "gateway/certificates.h"

#include <stdbool.h>
#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/conf/file_watch.h"
#include "shared/log/log.h"
#include "shared/net/certificate_log.h"
#include "shared/net/loop_event.h"
#include "shared/net/tls.h"

enum { FILES = 3 };

static const char *const names[] = {[CERTIFICATE_RPC] = "rpc", [CERTIFICATE_WS] = "ws"};
static const enum gateway_metric expiry_rows[] = {
    [CERTIFICATE_RPC] = M_CERTIFICATE_EXPIRY_RPC, [CERTIFICATE_WS] = M_CERTIFICATE_EXPIRY_WS};

struct certificate {
    struct certificates *owner;
    enum certificate_kind kind;
    bool used; /* from the start to the end, or never */
    SSL_CTX *context;
    struct file_watch *watch;
};

struct certificates {
    const struct gateway_conf *conf;
    certificates_changed *on_change;
    void *arg;
    struct certificate each[CERTIFICATE_KINDS];
    struct event *daily;
};

static struct tls_files files_of(const struct certificate *certificate)
{
    const struct gateway_conf *conf = certificate->owner->conf;

    if (certificate->kind == CERTIFICATE_RPC)
        return (struct tls_files){conf->server_pem, conf->server_key, conf->rpc_ca};
    return (struct tls_files){conf->ws_cert, conf->ws_key, ""};
}

static void warn_if_ending(const struct certificate *certificate)
{
    certificate_log_if_ending(names[certificate->kind], files_of(certificate).cert, certificate->context);
}

static void warn_of_missing_ca(const struct certificate *certificate)
{
    if (certificate->kind == CERTIFICATE_RPC && files_of(certificate).ca[0] == '\0')
        log_event(LOG_WARN, "rpc is not verified: whoever reaches the port may push", LOG_S("key", "rpc.ca"));
}

/* The one before is the caller's to free. */
static enum status load(struct certificate *certificate, struct fault *fault)
{
    struct tls_files files = files_of(certificate);
    SSL_CTX *context;
    enum status status = tls_server_new(&files, &context, fault);

    if (status != STATUS_OK)
        return status;
    certificate->context = context;
    metrics_set(expiry_rows[certificate->kind], (uint64_t)tls_context_expiry(context));
    warn_of_missing_ca(certificate);
    warn_if_ending(certificate);
    return STATUS_OK;
}

static bool renew(struct certificate *certificate)
{
    struct certificates *owner = certificate->owner;
    SSL_CTX *old = certificate->context;
    struct fault fault = {""};

    if (load(certificate, &fault) != STATUS_OK) {
        certificate_log_refused(names[certificate->kind], &fault);
        return false;
    }
    owner->on_change(owner->arg, certificate->kind, certificate->context);
    SSL_CTX_free(old);
    metrics_add(M_CERTIFICATES_RELOADED, 1);
    certificate_log_taken_over(names[certificate->kind], files_of(certificate).cert, certificate->context);
    return true;
}

static void on_files_changed(void *arg)
{
    (void)renew(arg);
}

/* One that is not used is not watched. */
static size_t watched_files(const struct certificate *certificate, const char *out[FILES])
{
    struct tls_files files = files_of(certificate);

    out[0] = files.cert;
    out[1] = files.key;
    out[2] = files.ca;
    return certificate->used && files.cert[0] != '\0' ? FILES : 0;
}

/* The watch is set first, here and below: what is written while the files are read counts as a change. */
static enum status begin(struct certificate *certificate, struct event_base *base, struct fault *fault)
{
    const char *paths[FILES];

    certificate->used = files_of(certificate).cert[0] != '\0';
    if (file_watch_new(base, paths, watched_files(certificate, paths), on_files_changed, certificate,
                       &certificate->watch) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    return certificate->used ? load(certificate, fault) : STATUS_OK;
}

static void on_day(evutil_socket_t fd, short what, void *arg)
{
    const struct certificates *certificates = arg;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < CERTIFICATE_KINDS; i++)
        if (certificates->each[i].used)
            warn_if_ending(&certificates->each[i]);
}

static enum status begin_days(struct certificates *certificates, struct event_base *base)
{
    certificates->daily = event_new(base, -1, EV_PERSIST, on_day, certificates);
    return certificates->daily != NULL
               ? loop_event_after_ms(certificates->daily, CERTIFICATE_DAY_SECONDS * INT64_C(1000))
               : STATUS_NO_MEMORY;
}

enum status certificates_new(struct event_base *base, const struct gateway_conf *conf,
                             certificates_changed *on_change, void *arg, struct certificates **out,
                             struct fault *fault)
{
    struct certificates *certificates = calloc(1, sizeof *certificates);
    enum status status = STATUS_OK;

    if (certificates == NULL || begin_days(certificates, base) != STATUS_OK) {
        certificates_free(certificates);
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    certificates->conf = conf;
    certificates->on_change = on_change;
    certificates->arg = arg;
    for (size_t i = 0; i < CERTIFICATE_KINDS && status == STATUS_OK; i++) {
        certificates->each[i].owner = certificates;
        certificates->each[i].kind = (enum certificate_kind)i;
        status = begin(&certificates->each[i], base, fault);
    }
    if (status != STATUS_OK) {
        certificates_free(certificates);
        return status;
    }
    *out = certificates;
    return STATUS_OK;
}

SSL_CTX *certificates_get(const struct certificates *certificates, enum certificate_kind kind)
{
    return certificates->each[kind].context;
}

static bool reload(struct certificate *certificate)
{
    const char *paths[FILES];
    size_t count = watched_files(certificate, paths);

    if (file_watch_set(certificate->watch, paths, count) != STATUS_OK) {
        log_event(LOG_ERROR, "certificate files are not watched", LOG_S("what", names[certificate->kind]),
                  LOG_S("reason", status_text(STATUS_NO_MEMORY)));
        return false;
    }
    return count == 0 || renew(certificate);
}

bool certificates_reload(struct certificates *certificates)
{
    bool wanted = certificates->conf->ws_cert[0] != '\0';
    bool good = true;

    if (wanted != certificates->each[CERTIFICATE_WS].used)
        log_event(LOG_WARN, "needs a restart", LOG_S("keys", "ws.cert,ws.key"),
                  LOG_S("reason", wanted ? "client TLS is off" : "client TLS is on"));
    for (size_t i = 0; i < CERTIFICATE_KINDS; i++)
        good &= reload(&certificates->each[i]);
    return good;
}

void certificates_free(struct certificates *certificates)
{
    if (certificates == NULL)
        return;
    for (size_t i = 0; i < CERTIFICATE_KINDS; i++) {
        file_watch_free(certificates->each[i].watch);
        SSL_CTX_free(certificates->each[i].context);
    }
    loop_event_free(certificates->daily);
    free(certificates);
}
