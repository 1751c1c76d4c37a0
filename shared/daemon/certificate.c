/* SPDX-License-Identifier: Apache-2.0 */
/* The watch is set before files are read: what is written meanwhile counts as a change. */
#include "shared/daemon/certificate.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "shared/conf/file_watch.h"
#include "shared/log/log.h"
#include "shared/log/metrics.h"
#include "shared/net/certificate_log.h"
#include "shared/net/loop_event.h"

enum { FILES = 3 };

struct certificate {
    struct certificate_use use;
    const void *conf;
    bool used; /* from the start to the end, or never */
    SSL_CTX *context;
    struct file_watch *watch;
    struct event *daily;
};

static struct tls_files files_of(const struct certificate *certificate)
{
    return certificate->use.files(certificate->conf);
}

static void warn_if_ending(const struct certificate *certificate)
{
    certificate_log_if_ending(certificate->use.what, files_of(certificate).cert, certificate->context);
}

/* The one before is the caller's to free. */
static enum status load(struct certificate *certificate, struct fault *fault)
{
    struct tls_files files = files_of(certificate);
    SSL_CTX *context;
    enum status status = certificate->use.make(&files, &context, fault);

    if (status != STATUS_OK)
        return status;
    certificate->context = context;
    metrics_set(certificate->use.expiry_row, (uint64_t)tls_context_expiry(context));
    warn_if_ending(certificate);
    return STATUS_OK;
}

static bool has_files(const struct tls_files *files)
{
    return files->cert[0] != '\0' || files->ca[0] != '\0';
}

static bool renew(struct certificate *certificate)
{
    struct tls_files files = files_of(certificate);
    SSL_CTX *old = certificate->context;
    struct fault fault = {""};

    if (load(certificate, &fault) != STATUS_OK) {
        certificate_log_refused(certificate->use.what, &fault);
        return false;
    }
    certificate->use.on_change(certificate->context, certificate->use.arg);
    SSL_CTX_free(old);
    if (!has_files(&files))
        return true;
    metrics_add(certificate->use.renewed_row, 1);
    certificate_log_taken_over(certificate->use.what, files.cert, certificate->context);
    return true;
}

static void on_files_changed(void *arg)
{
    (void)renew(arg);
}

static void on_day(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    warn_if_ending(arg);
}

/* What is not used is not watched. */
static size_t watched_files(const struct certificate *certificate, const char *out[FILES])
{
    struct tls_files files = files_of(certificate);

    out[0] = files.cert;
    out[1] = files.key;
    out[2] = files.ca;
    return certificate->used && has_files(&files) ? FILES : 0;
}

static enum status begin(struct certificate *certificate, struct event_base *base)
{
    const char *paths[FILES];

    certificate->used = certificate->use.always || files_of(certificate).cert[0] != '\0';
    certificate->daily = event_new(base, -1, EV_PERSIST, on_day, certificate);
    if (certificate->daily == NULL)
        return STATUS_NO_MEMORY;
    if (certificate->used &&
        loop_event_after_ms(certificate->daily, CERTIFICATE_DAY_SECONDS * INT64_C(1000)) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return file_watch_new(base, paths, watched_files(certificate, paths), on_files_changed, certificate,
                          &certificate->watch);
}

enum status certificate_new(struct event_base *base, const struct certificate_use *use, const void *conf,
                            struct certificate **out, struct fault *fault)
{
    struct certificate *certificate = calloc(1, sizeof *certificate);
    enum status status;

    if (certificate == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    certificate->use = *use;
    certificate->conf = conf;
    status = begin(certificate, base);
    if (status != STATUS_OK)
        (void)fault_set(fault, status, "no memory to watch files");
    else if (certificate->used)
        status = load(certificate, fault);
    if (status != STATUS_OK) {
        certificate_free(certificate);
        return status;
    }
    *out = certificate;
    return STATUS_OK;
}

SSL_CTX *certificate_get(const struct certificate *certificate)
{
    return certificate->context;
}

bool certificate_is_used(const struct certificate *certificate)
{
    return certificate->used;
}

bool certificate_reload(struct certificate *certificate)
{
    const char *paths[FILES];
    size_t count = watched_files(certificate, paths);

    if (file_watch_set(certificate->watch, paths, count) != STATUS_OK) {
        log_event(LOG_ERROR, "certificate files are not watched", LOG_S("what", certificate->use.what),
                  LOG_S("reason", status_text(STATUS_NO_MEMORY)));
        return false;
    }
    return !certificate->used || (count == 0 && !certificate->use.always) || renew(certificate);
}

void certificate_free(struct certificate *certificate)
{
    if (certificate == NULL)
        return;
    file_watch_free(certificate->watch);
    loop_event_free(certificate->daily);
    SSL_CTX_free(certificate->context);
    free(certificate);
}
