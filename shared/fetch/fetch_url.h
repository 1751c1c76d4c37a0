/* SPDX-License-Identifier: Apache-2.0 */
/* Which URLs may be asked: https, and http to this machine alone, where nobody listens in. The same
 * reader of URLs (libcurl's, RFC 3986) that takes the request there, so that both see one host. Pure;
 * any thread. */
#ifndef FANFARE_SHARED_FETCH_FETCH_URL_H
#define FANFARE_SHARED_FETCH_FETCH_URL_H

#include <stdbool.h>

#include "shared/base/status.h"

enum { FETCH_URL_MAX = 2048, FETCH_HOST_MAX = 253 };

struct fetch_url {
    bool secure;                   /* https */
    bool literal;                  /* the host is an address */
    char host[FETCH_HOST_MAX + 1]; /* an IPv6 address without its brackets */
    int port;                      /* the scheme's own where none stands */
};

/* NULL, or what is wrong with `url` and what is allowed, as a clause behind the option's name: "must be …".
 * Allowed: https://HOST[:PORT][/PATH][?QUERY], and http:// where HOST is of 127.0.0.0/8, [::1] or localhost;
 * no user information, no zone, ASCII, at most FETCH_URL_MAX bytes. STATUS_NO_MEMORY is told as a fault too.
 */
const char *fetch_url_fault(const char *url);
/* The same, and its parts; `*out` is not set when there is a fault. */
const char *fetch_url_read(const char *url, struct fetch_url *out);

#endif
