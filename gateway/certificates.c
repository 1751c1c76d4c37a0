/* SPDX-License-Identifier: Apache-2.0 */
/* A context for each kind; that of the clients only carries the pair to the buckets' own contexts. */
#include "gateway/certificates.h"

#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/daemon/certificate.h"
#include "shared/log/log.h"

struct slot {
    struct certificates *owner;
    struct certificate *certificate;
};

struct certificates {
    const struct gateway_conf *conf;
    certificates_changed *on_change;
    void *arg;
    struct slot slots[CERTIFICATE_KINDS];
};

static struct tls_files rpc_files(const void *arg)
{
    const struct gateway_conf *conf = arg;

    return (struct tls_files){conf->server_pem, conf->server_key, conf->rpc_ca};
}

static struct tls_files ws_files(const void *arg)
{
    const struct gateway_conf *conf = arg;

    return (struct tls_files){conf->ws_cert, conf->ws_key, ""};
}

static enum status make_rpc(const struct tls_files *files, SSL_CTX **out, struct fault *fault)
{
    enum status status = tls_server_new(files, out, fault);

    if (status == STATUS_OK && files->ca[0] == '\0')
        log_event(LOG_WARN, "rpc is not verified: whoever reaches the port may push", LOG_S("key", "rpc.ca"));
    return status;
}

static void changed(struct slot *slot, enum certificate_kind kind, SSL_CTX *context)
{
    slot->owner->on_change(slot->owner->arg, kind, context);
}

static void on_rpc(SSL_CTX *context, void *arg)
{
    changed(arg, CERTIFICATE_RPC, context);
}

static void on_ws(SSL_CTX *context, void *arg)
{
    changed(arg, CERTIFICATE_WS, context);
}

static const struct certificate_use uses[CERTIFICATE_KINDS] = {
    [CERTIFICATE_RPC] = {.what = "rpc",
                         .files = rpc_files,
                         .make = make_rpc,
                         .expiry_row = M_CERTIFICATE_EXPIRY_RPC,
                         .renewed_row = M_CERTIFICATES_RELOADED,
                         .on_change = on_rpc},
    [CERTIFICATE_WS] = {.what = "ws",
                        .files = ws_files,
                        .make = tls_server_new,
                        .expiry_row = M_CERTIFICATE_EXPIRY_WS,
                        .renewed_row = M_CERTIFICATES_RELOADED,
                        .on_change = on_ws},
};

static enum status begin(struct certificates *certificates, struct event_base *base, size_t kind,
                         struct fault *fault)
{
    struct slot *slot = &certificates->slots[kind];
    struct certificate_use use = uses[kind];

    slot->owner = certificates;
    use.arg = slot;
    return certificate_new(base, &use, certificates->conf, &slot->certificate, fault);
}

enum status certificates_new(struct event_base *base, const struct gateway_conf *conf,
                             certificates_changed *on_change, void *arg, struct certificates **out,
                             struct fault *fault)
{
    struct certificates *certificates = calloc(1, sizeof *certificates);
    enum status status = STATUS_OK;

    if (certificates == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    certificates->conf = conf;
    certificates->on_change = on_change;
    certificates->arg = arg;
    for (size_t i = 0; i < CERTIFICATE_KINDS && status == STATUS_OK; i++)
        status = begin(certificates, base, i, fault);
    if (status != STATUS_OK) {
        certificates_free(certificates);
        return status;
    }
    *out = certificates;
    return STATUS_OK;
}

SSL_CTX *certificates_get(const struct certificates *certificates, enum certificate_kind kind)
{
    return certificate_get(certificates->slots[kind].certificate);
}

bool certificates_reload(struct certificates *certificates)
{
    bool wanted = certificates->conf->ws_cert[0] != '\0';
    bool good = true;

    if (wanted != certificate_is_used(certificates->slots[CERTIFICATE_WS].certificate))
        log_event(LOG_WARN, "needs a restart", LOG_S("keys", "ws.cert,ws.key"),
                  LOG_S("reason", wanted ? "client TLS is off" : "client TLS is on"));
    for (size_t i = 0; i < CERTIFICATE_KINDS; i++)
        good &= certificate_reload(certificates->slots[i].certificate);
    return good;
}

void certificates_free(struct certificates *certificates)
{
    if (certificates == NULL)
        return;
    for (size_t i = 0; i < CERTIFICATE_KINDS; i++)
        certificate_free(certificates->slots[i].certificate);
    free(certificates);
}
