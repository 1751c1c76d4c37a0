/* SPDX-License-Identifier: Apache-2.0 */
/* From the front: scheme, user info, then what the scheme has. Pure; shows no password. */
#include "shared/redis_url.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DB_MAX = 1048575, PORT_MAX = 65535 };

static enum status wrong(struct fault *fault, const char *what)
{
    return fault_set(fault, STATUS_INVALID,
                     "%s; allowed are redis://[user[:password]@]host[:port][/db] and unix:///path[?db=n]",
                     what);
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;

    return found ? (int)(found - digits) % 16 : -1;
}

static bool decode(const char *text, size_t len, char out[REDIS_TEXT_MAX])
{
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '%') {
            if (i + 2 >= len || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
                return false;
            c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        }
        if (c == '\0' || at + 1 >= REDIS_TEXT_MAX)
            return false;
        out[at++] = c;
    }
    out[at] = '\0';
    return true;
}

static bool number(const char *text, size_t len, long max, int *out)
{
    char *end;

    if (len == 0 || len > 7 || strspn(text, "0123456789") < len)
        return false;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return value <= max;
}

/* `rest` is what follows the scheme; on return it is what follows the user info. */
static enum status user_info(const char **rest, struct redis_url *out, struct fault *fault)
{
    size_t authority = strcspn(*rest, "/?#");
    const char *at = memrchr(*rest, '@', authority);

    if (!at)
        return STATUS_OK;
    const char *colon = memchr(*rest, ':', (size_t)(at - *rest));
    const char *user_end = colon ? colon : at;
    if (!decode(*rest, (size_t)(user_end - *rest), out->user) ||
        (colon && !decode(colon + 1, (size_t)(at - colon - 1), out->password)))
        return wrong(fault, "user and password must be percent-encoded and at most 255 bytes");
    if (out->user[0] && !out->password[0])
        return wrong(fault, "a user without a password");
    *rest = at + 1;
    return STATUS_OK;
}

static enum status tcp(const char *rest, struct redis_url *out, struct fault *fault)
{
    size_t authority = strcspn(rest, "/?#");
    const char *path = rest + authority;
    bool bracketed = rest[0] == '[';
    const char *host_end = bracketed ? memchr(rest, ']', authority) : rest + strcspn(rest, ":/?#");
    const char *host = rest + bracketed;

    if (!host_end || host_end - host >= REDIS_TEXT_MAX)
        return wrong(fault, "the host is not understood");
    memcpy(out->host, host, (size_t)(host_end - host));
    host_end += bracketed;
    out->port = REDIS_DEFAULT_PORT;
    if (host_end < path &&
        (*host_end != ':' || !number(host_end + 1, (size_t)(path - host_end - 1), PORT_MAX, &out->port) ||
         out->port == 0))
        return wrong(fault, "the port is not a number from 1 to 65535");
    if (path[0] == '/' && path[1] && !number(path + 1, strlen(path + 1), DB_MAX, &out->db))
        return wrong(fault, "the db is not a number from 0 to 1048575");
    if (path[0] && path[0] != '/')
        return wrong(fault, "something follows the host that is no db");
    return STATUS_OK;
}

static enum status local(const char *rest, struct redis_url *out, struct fault *fault)
{
    size_t len = strcspn(rest, "?#");

    if (rest[0] != '/' || len < 2)
        return wrong(fault, "unix:// needs an absolute path");
    if (len >= REDIS_PATH_MAX)
        return wrong(fault, "the path is longer than 107 bytes");
    memcpy(out->path, rest, len);
    if (rest[len] && (strncmp(rest + len, "?db=", 4) != 0 ||
                      !number(rest + len + 4, strlen(rest + len + 4), DB_MAX, &out->db)))
        return wrong(fault, "the db is not a number from 0 to 1048575");
    return STATUS_OK;
}

enum status redis_url_parse(const char *text, struct redis_url *out, struct fault *fault)
{
    const char *mark = strstr(text, "://");
    size_t scheme = mark ? (size_t)(mark - text) : 0;
    bool is_unix = scheme == 4 && memcmp(text, "unix", 4) == 0;

    *out = (struct redis_url){.db = 0};
    if (scheme == 6 && memcmp(text, "rediss", 6) == 0)
        return fault_set(fault, STATUS_INVALID,
                         "rediss:// needs hiredis 1.0 or later with TLS, this build has %d.%d; "
                         "use redis:// or unix://, with a TLS tunnel between",
                         HIREDIS_MAJOR, HIREDIS_MINOR);
    if (!is_unix && !(scheme == 5 && memcmp(text, "redis", 5) == 0))
        return wrong(fault, "no such scheme");
    const char *rest = mark + 3;
    enum status status = user_info(&rest, out, fault);
    if (status)
        return status;
    return is_unix ? local(rest, out, fault) : tcp(rest, out, fault);
}
