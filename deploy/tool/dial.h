/* SPDX-License-Identifier: Apache-2.0 */
/* Makes connections: TCP, unix sockets, TLS with verification (RFC 6125). The loop's thread. */
#ifndef FANFARE_DEPLOY_TOOL_DIAL_H
#define FANFARE_DEPLOY_TOOL_DIAL_H

#include <event2/bufferevent.h>

#include "deploy/tool/tool.h"
#include "deploy/tool/url.h"
#include "shared/net/lookup.h"

/* One connection. All zero: none. Embedded, and stays where it is while it is begun. */
struct dialing {
    struct bufferevent *bev; /* NULL when it could not be begun */
    struct lookup *lookup;   /* while the name is looked up, or NULL */
    char fault[160];         /* what came of that, or "" */
};

/* Begins a connection; what comes of it is told by the bufferevent's event callback, which the
 * caller sets at once. The caller ends it with dial_end, also after a failure. */
enum status dial(struct tool *tool, const struct url *url, struct dialing *dialing, struct fault *fault);
/* Closes it. Harmless when there is none. */
void dial_end(struct dialing *dialing);
/* Why the connection failed or ended, for a person; `events` as the event callback had them. True when the
 * network failed, false when it was the name, TLS, the certificate, or the other side's orderly end. */
bool dial_reason(const struct dialing *dialing, short events, char *out, size_t cap);

#endif
