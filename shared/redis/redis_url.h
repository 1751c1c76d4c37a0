/* SPDX-License-Identifier: Apache-2.0 */
/* Takes apart what names a Redis or a sentinel. Pure; any thread. Faults hold nothing of the text,
 * which may have a password in it. */
#ifndef FANFARE_SHARED_REDIS_REDIS_URL_H
#define FANFARE_SHARED_REDIS_REDIS_URL_H

#include <stddef.h>

#include "shared/base/status.h"

/* REDIS_PATH_MAX: what fits sockaddr_un (unix(7)) with its final 0. */
enum { REDIS_LOGIN_MAX = 512, REDIS_HOST_MAX = 255, REDIS_PATH_MAX = 107, REDIS_PORT = 6379 };

enum redis_scheme { REDIS_TCP, REDIS_TLS, REDIS_UNIX };

struct redis_url {
    enum redis_scheme scheme;
    char user[REDIS_LOGIN_MAX + 1];     /* decoded; "": none given */
    char password[REDIS_LOGIN_MAX + 1]; /* decoded; "": none given */
    char host[REDIS_HOST_MAX + 1];      /* a name or an address, without brackets; "": none given */
    int port;                           /* 1..65535 */
    char path[REDIS_PATH_MAX + 1];      /* REDIS_UNIX: of the socket */
    int db;                             /* 0..1048575 */
};

/* redis://[user[:password]@][host[:port]][/db], rediss:// likewise, unix://[user[:password]@]/path[?db=n].
 * User and password are percent-decoded (RFC 3986, 2.1), strictly; an IPv6 address stands in
 * brackets. STATUS_INVALID with what is wrong and what is allowed. */
enum status redis_url_parse(const char *text, struct redis_url *out, struct fault *fault);
/* Writes "127.0.0.1:6379/0", "[::1]:6379/0", "unix:/path" or "unix:/path?db=1", cut to `cap` bytes with
 * the final 0. */
void redis_url_name(const struct redis_url *url, char *out, size_t cap);
/* "host:port", "[::1]:port". `host` has REDIS_HOST_MAX + 1 bytes. STATUS_INVALID likewise. */
enum status redis_address_parse(const char *text, char *host, int *port, struct fault *fault);

#endif
