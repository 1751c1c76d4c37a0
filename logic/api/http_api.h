/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP API for callers (docs/protocol.md, section 1). The loop's thread only. */
#ifndef FANFARE_LOGIC_API_HTTP_API_H
#define FANFARE_LOGIC_API_HTTP_API_H

#include <event2/event.h>
#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/conf/logic_conf.h"
#include "logic/dispatch/dispatch.h"
#include "logic/store/repeats.h"
#include "shared/base/status.h"

struct http_api;

/* Reads api.tokensFile, and listens on serviceBind and servicePort. `conf` and `dispatch` are the owner's and
 * outlive it. The fault names the address, or the file and line, and the reason. */
enum status http_api_new(struct event_base *base, const struct logic_conf *conf, struct dispatch *dispatch,
                         const uint8_t logic_id[LOGIC_ID_LEN], struct http_api **out, struct fault *fault);
/* What /readyz says beside whether a push could be delivered: `state` appends members, each behind a comma.
 * None before this is called. */
typedef enum status http_api_state(struct buf *out, void *arg);
void http_api_tell(struct http_api *api, http_api_state *state, void *arg);
/* Who knows idempotency keys; before the first request, and for as long as the API lives. */
void http_api_remember(struct http_api *api, struct repeats *repeats);
/* Takes the limits that `conf` has now, see http_server_limit; origins are always read there. */
void http_api_apply(struct http_api *api);
/* Reads api.tokensFile anew. On a fault the old tokens stay. */
enum status http_api_load_tokens(struct http_api *api, struct fault *fault);
/* HTTPS from now on for connections that come, with a session of `tls`; see http_server_use_tls. */
void http_api_use_tls(struct http_api *api, SSL_CTX *tls);
/* /readyz says no from now on, no connection is taken any more, what has begun is answered. */
void http_api_drain(struct http_api *api);
/* Connections with a call that is not yet answered. */
size_t http_api_busy(const struct http_api *api);
/* Closes everything. Every push must have been settled (gateway_set_fini). Legal on NULL. */
void http_api_free(struct http_api *api);

#endif
