/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as a person gives them (RFC 3986, the parts that matter here). Pure. */
#ifndef FANFARE_DEPLOY_TOOL_URL_H
#define FANFARE_DEPLOY_TOOL_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "deploy/tool/options.h"
#include "shared/base/status.h"

enum { URL_HOST_MAX = 255, URL_PATH_MAX = 1023 };
enum url_family { URL_HTTP, URL_WS };

struct url {
    bool tls;
    bool local;                  /* unix:/path: `host` is the socket's path */
    char host[URL_HOST_MAX + 1]; /* a name or an address, without brackets */
    int port;
    char path[URL_PATH_MAX + 1]; /* path and query; "" or begins with '/', never ends with it */
};

/* http://, https:// and unix:/path, or ws:// and wss://. Refuses user names, passwords and
 * fragments. A fault names the URL and what is allowed. */
enum status url_parse(const char *text, enum url_family family, struct url *out, struct fault *fault);
/* Parses them all: an array that the caller frees, or NULL with the fault. */
struct url *url_list(const struct words *texts, enum url_family family, struct fault *fault);
/* "host:port" as the Host header has it (RFC 9110, 7.2). */
void url_authority(const struct url *url, char *out, size_t cap);

#endif
