/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's two certificates, of the RPC port and of client TLS: loads them at the start, watches
 * their files (shared/conf/file_watch.h), and loads them again when those change. A pair that cannot be used
 * leaves the old one in force, with a warning that names file and reason, until the files change again.
 * Warns when a certificate in use ends within 7 days: when it is loaded, and once a day. Keeps
 * fanfare_gateway_certificate_expiry_timestamp_seconds and …_certificates_reloaded_total. The control
 * thread. Knows no socket. */
#ifndef FANFARE_GATEWAY_CERTIFICATES_H
#define FANFARE_GATEWAY_CERTIFICATES_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "gateway/conf/gateway_conf.h"
#include "shared/base/status.h"

struct certificates;

enum certificate_kind { CERTIFICATE_RPC, CERTIFICATE_WS, CERTIFICATE_KINDS };

/* A new one is in force from here on; `context` as from certificates_get. */
typedef void certificates_changed(void *arg, enum certificate_kind kind, SSL_CTX *context);

/* `conf` must outlive it; its paths are read again with every loading. The fault names the file. */
enum status certificates_new(struct event_base *base, const struct gateway_conf *conf,
                             certificates_changed *on_change, void *arg, struct certificates **out,
                             struct fault *fault);
/* The one in force, with the RPC's CA; until the next on_change of this kind, unless the caller takes a
 * reference. NULL: client TLS is off. */
SSL_CTX *certificates_get(const struct certificates *certificates, enum certificate_kind kind);
/* After a reload of `conf`: watches the files that it names now, and loads them; false when one of the
 * pairs stays as it was. Client TLS that was switched on or off is named in the log: that needs a restart. */
bool certificates_reload(struct certificates *certificates);
/* Legal on NULL. */
void certificates_free(struct certificates *certificates);

#endif
