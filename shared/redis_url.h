/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a Redis URL apart. Pure; any thread. */
#ifndef FANFARE_SHARED_REDIS_URL_H
#define FANFARE_SHARED_REDIS_URL_H

#include <stdbool.h>

#include "shared/status.h"

enum { REDIS_TEXT_MAX = 256, REDIS_PATH_MAX = 108, REDIS_DEFAULT_PORT = 6379 };

struct redis_url {
    char user[REDIS_TEXT_MAX];     /* "": the default user */
    char password[REDIS_TEXT_MAX]; /* "": none */
    char host[REDIS_TEXT_MAX];     /* without brackets; "" with a path, or when none is named */
    char path[REDIS_PATH_MAX];     /* of a unix socket, or "" */
    int port;
    int db;
};

/* redis://[user[:password]@]host[:port][/db], redis://:password@host, unix://[user:password@]/path[?db=n];
 * user and password may be percent-encoded (RFC 3986, 2.1). STATUS_INVALID: the fault says what is
 * wrong and what is allowed, and holds nothing of the URL. */
enum status redis_url_parse(const char *text, struct redis_url *out, struct fault *fault);

#endif
