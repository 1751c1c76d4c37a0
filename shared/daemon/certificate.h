/* SPDX-License-Identifier: Apache-2.0 */
/* One certificate of a daemon, for one use: loads it, watches its files (file_watch.h), and loads it again
 * when those change. Files that cannot be used leave the old one in force, with a warning that names file and
 * reason, until they change again. Warns when the one in force ends within 7 days: when it is loaded, and
 * once a day. Keeps a gauge of when it ends and a counter of reloads. The loop's thread. Knows no socket. */
#ifndef FANFARE_SHARED_DAEMON_CERTIFICATE_H
#define FANFARE_SHARED_DAEMON_CERTIFICATE_H

#include <event2/event.h>
#include <openssl/types.h>
#include <stdbool.h>

#include "shared/base/status.h"
#include "shared/net/tls.h"

struct certificate;

struct certificate_use {
    const char *what; /* in log lines: "rpc"; static */
    /* The paths as the settings have them now. */
    struct tls_files (*files)(const void *conf);
    /* Makes a context of them: tls_server_new, or one like it. */
    enum status (*make)(const struct tls_files *files, SSL_CTX **out, struct fault *fault);
    unsigned expiry_row;  /* a gauge: seconds since 1970 */
    unsigned renewed_row; /* a counter */
    bool always;          /* there is a context without files, too (a client's) */
    /* A new one is in force from here on; called when files were taken over, not by certificate_new. The one
     * before is freed behind it. */
    void (*on_change)(SSL_CTX *context, void *arg);
    void *arg;
};

/* Loads it. With neither cert nor `always` there is none, until a restart. `conf` must outlive it. The fault
 * names the file. */
enum status certificate_new(struct event_base *base, const struct certificate_use *use, const void *conf,
                            struct certificate **out, struct fault *fault);
/* The one in force, until the next on_change, unless the caller takes a reference. NULL: there is none. */
SSL_CTX *certificate_get(const struct certificate *certificate);
/* Whether there was one at the start. */
bool certificate_is_used(const struct certificate *certificate);
/* After a reload of the settings: watches the files that they name now, and loads them; false when the old
 * one stays. */
bool certificate_reload(struct certificate *certificate);
/* Legal on NULL. */
void certificate_free(struct certificate *certificate);

#endif
