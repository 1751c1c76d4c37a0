/* SPDX-License-Identifier: Apache-2.0 */
/* What changes while the daemon runs: the settings on SIGHUP, and the files that they name when those change:
 * api.tokensFile, certificate, key and CA of the links, certificate and key of the API. The loop's thread
 * only. */
#ifndef FANFARE_LOGIC_LOGIC_RELOAD_H
#define FANFARE_LOGIC_LOGIC_RELOAD_H

#include "logic/api/http_api.h"
#include "logic/dispatch/dispatch.h"
#include "logic/link/link_env.h"
#include "logic/store/store.h"
#include "shared/base/status.h"
#include "shared/conf/reload.h"

struct logic_reload;

/* What a reload reaches; the owner's, outlives it. */
struct logic_parts {
    struct link_env *env; /* its `tls` is replaced, and gone behind logic_reload_free */
    struct dispatch *dispatch;
    struct store *store;
    struct http_api *api;
};

/* Fills env->tls, and watches. `settings` outlives it; its `conf` is a struct logic_conf. The fault names
 * the bad file. */
enum status logic_reload_new(const struct reload *settings, const struct logic_parts *parts,
                             struct logic_reload **out, struct fault *fault);
/* After the links have ended. Legal on NULL. */
void logic_reload_free(struct logic_reload *reload);

#endif
