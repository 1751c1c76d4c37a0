/* SPDX-License-Identifier: Apache-2.0 */
/* Makes connections: TCP, unix sockets, TLS with verification (RFC 6125). The loop's thread. */
#ifndef FANFARE_DEPLOY_TOOL_DIAL_H
#define FANFARE_DEPLOY_TOOL_DIAL_H

#include <event2/bufferevent.h>

#include "deploy/tool/tool.h"
#include "deploy/tool/url.h"

/* Begins a connection; what comes of it is told by the bufferevent's event callback, which the
 * caller sets at once. The caller frees `*out`, which closes it. */
enum status dial(struct tool *tool, const struct url *url, struct bufferevent **out, struct fault *fault);
/* Why the connection failed or ended, for a person; `events` as the event callback had them. */
void dial_reason(struct bufferevent *bev, short events, char *out, size_t cap);

#endif
