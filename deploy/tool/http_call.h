/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP/1.1 request on a connection of its own, and its answer. The loop's thread. */
#ifndef FANFARE_DEPLOY_TOOL_HTTP_CALL_H
#define FANFARE_DEPLOY_TOOL_HTTP_CALL_H

#include "deploy/tool/dial.h"
#include "deploy/tool/http_answer.h"
#include "deploy/tool/tool.h"
#include "deploy/tool/url.h"
#include "shared/base/slice.h"

enum { HTTP_CALL_BODY_MAX = 64 << 20, HTTP_CALL_FAULT_MAX = 256 };

struct http_ask {
    const struct url *url; /* its path stands in front of `path` */
    const char *method;
    const char *path;
    const char *type; /* of the body; NULL without one */
    struct slice body;
};

struct http_call {
    struct tool *tool;
    struct dialing dialing;
    struct event *deadline;
    struct http_answer answer;
    char fault[HTTP_CALL_FAULT_MAX]; /* "" when there is a whole answer */
    bool done;
    bool connected;
    bool unreached; /* nobody took the connection, so nothing was sent: it may be tried again */
};

/* Appends the tool's --header lines, CRLF behind each. STATUS_INVALID names a bad one. */
enum status http_headers_append(const struct tool *tool, struct buf *out, struct fault *fault);

/* Sends the request; never fails at once: what goes wrong stands in `fault` when `done`. `call` is
 * initialised by it and must stay where it is until http_call_fini. */
void http_call_begin(struct http_call *call, struct tool *tool, const struct http_ask *ask);
/* Runs the loop until all are done, or SIGINT or SIGTERM came (what is not done is then failed).
 * Each has --timeout, so it ends. */
void http_calls_await(struct tool *tool, struct http_call *calls, size_t count);
void http_call_fini(struct http_call *call);
/* Whether there is an answer of status 200. */
bool http_call_ok(const struct http_call *call);
struct slice http_call_body(const struct http_call *call);

#endif
