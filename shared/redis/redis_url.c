/* SPDX-License-Identifier: Apache-2.0 */
/* From the front: scheme, user and password, then host or path, then the db. Pure; a step returns
 * NULL or a static text that says what is wrong. */
#include "shared/redis/redis_url.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DB_MAX = 1048575, PORT_MAX = 65535, DIGITS_MAX = 7 };

static const char host_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
static const char wrong_escape[] =
    "in user and password a % must be followed by two hex digits (a % itself is "
    "%25), and be no %00";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* -1: no whole escape. */
static int escaped_byte(const char *at, const char *end)
{
    int high = end - at >= 3 ? hex_digit(at[1]) : -1;
    int low = high >= 0 ? hex_digit(at[2]) : -1;

    return low < 0 ? -1 : high * 16 + low;
}

static const char *decode(const char *at, const char *end, char out[REDIS_LOGIN_MAX + 1])
{
    size_t len = 0;

    for (; at < end; at++) {
        int byte = *at == '%' ? escaped_byte(at, end) : (unsigned char)*at;

        if (byte <= 0)
            return wrong_escape;
        if (len == REDIS_LOGIN_MAX)
            return "user and password must not be longer than 512 bytes";
        out[len++] = (char)byte;
        at += *at == '%' ? 2 : 0;
    }
    out[len] = '\0';
    return NULL;
}

static bool read_number(const char *at, const char *end, int min, int max, int *out)
{
    int value = 0;

    if (at == end || end - at > DIGITS_MAX)
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        value = value * 10 + (*at - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

/* Takes what stands before the last @ of the authority. */
static const char *read_login(const char **rest, const char *end, struct redis_url *out)
{
    const char *at = memrchr(*rest, '@', (size_t)(end - *rest));
    const char *colon = at != NULL ? memchr(*rest, ':', (size_t)(at - *rest)) : NULL;
    const char *why = NULL;

    if (at == NULL)
        return NULL;
    if (memchr(*rest, '@', (size_t)(at - *rest)) != NULL)
        return "an @ in user or password must be written %40";
    why = decode(*rest, colon != NULL ? colon : at, out->user);
    if (why == NULL && colon != NULL)
        why = decode(colon + 1, at, out->password);
    *rest = at + 1;
    return why;
}

static const char *read_ipv6(const char *at, const char *end, char *host)
{
    struct in6_addr address;

    memcpy(host, at, (size_t)(end - at));
    host[end - at] = '\0';
    return inet_pton(AF_INET6, host, &address) == 1 ? NULL
                                                    : "what stands in brackets must be an IPv6 address";
}

/* `port` 0: one must be given. */
static const char *read_address(const char *at, const char *end, char *host, int *port)
{
    bool bracketed = at < end && *at == '[';
    const char *name = at + bracketed;
    const char *name_end = memchr(name, bracketed ? ']' : ':', (size_t)(end - name));
    const char *after;
    const char *why = NULL;

    if (bracketed && name_end == NULL)
        return "a closing bracket is missing";
    name_end = name_end != NULL ? name_end : end;
    if (name_end - name > REDIS_HOST_MAX)
        return "the host must not be longer than 255 bytes";
    if (bracketed) {
        why = read_ipv6(name, name_end, host);
    } else {
        memcpy(host, name, (size_t)(name_end - name));
        host[name_end - name] = '\0';
        if (strspn(host, host_letters) != strlen(host))
            why = "a host is made of letters, digits, dots, - and _";
    }
    after = name_end + bracketed;
    if (why != NULL || (after == end && *port > 0))
        return why;
    if (after == end || *after != ':' || !read_number(after + 1, end, 1, PORT_MAX, port))
        return "the port must be 1 to 65535 (an IPv6 address stands in brackets; in a password / ? # are "
               "%2F %3F %23)";
    return NULL;
}

static const char *read_tcp(const char *rest, const char *path, struct redis_url *out)
{
    const char *end = path + strlen(path);

    out->port = REDIS_PORT;
    const char *why = read_address(rest, path, out->host, &out->port);
    if (why != NULL || path == end || (*path == '/' && path + 1 == end))
        return why;
    if (*path != '/' || !read_number(path + 1, end, 0, DB_MAX, &out->db))
        return "what follows the host must be the db, 0 to 1048575 (in a password / ? # are %2F %3F %23)";
    return NULL;
}

static const char *read_unix(const char *rest, const char *path, struct redis_url *out)
{
    static const char db_query[] = "?db=";
    size_t len = strcspn(path, "?");
    const char *query = path + len;

    if (rest != path || len < 2)
        return "the path of the socket must begin with a / and not be empty";
    if (len > REDIS_PATH_MAX - 1)
        return "the path of the socket must not be longer than 106 bytes";
    memcpy(out->path, path, len);
    if (*query && (strncmp(query, db_query, strlen(db_query)) != 0 ||
                   !read_number(query + strlen(db_query), query + strlen(query), 0, DB_MAX, &out->db)))
        return "what follows the path must be ?db=n, 0 to 1048575";
    return NULL;
}

static const char *read_url(const char *text, struct redis_url *out)
{
    static const char *const schemes[] = {"redis://", "rediss://", "unix://"};
    size_t i = 0;

    while (i < 3 && strncasecmp(text, schemes[i], strlen(schemes[i])) != 0)
        i++;
    if (i == 3)
        return "it must begin with redis://, rediss:// or unix://";
    const char *rest = text + strlen(schemes[i]);
    const char *path = rest + strcspn(rest, "/?#");
    *out = (struct redis_url){.scheme = (enum redis_scheme)i};
    const char *why = read_login(&rest, path, out);
    if (why != NULL)
        return why;
    return out->scheme == REDIS_UNIX ? read_unix(rest, path, out) : read_tcp(rest, path, out);
}

enum status redis_url_parse(const char *text, struct redis_url *out, struct fault *fault)
{
    const char *why = read_url(text, out);

    if (why == NULL)
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID,
                     "%s; allowed: redis://[user[:password]@]host[:port][/db] or "
                     "unix://[user[:password]@]/path[?db=n]",
                     why);
}

void redis_url_name(const struct redis_url *url, char *out, size_t cap)
{
    const char *form = strchr(url->host, ':') != NULL ? "[%s]:%d/%d" : "%s:%d/%d";

    if (url->scheme == REDIS_UNIX)
        snprintf(out, cap, url->db > 0 ? "unix:%s?db=%d" : "unix:%s", url->path, url->db);
    else
        snprintf(out, cap, form, url->host, url->port, url->db);
}

enum status redis_address_parse(const char *text, char *host, int *port, struct fault *fault)
{
    *port = 0;
    const char *why = read_address(text, text + strlen(text), host, port);
    if (why == NULL && !host[0])
        why = "the host is missing";
    return why != NULL ? fault_set(fault, STATUS_INVALID, "%s; allowed: host:port", why) : STATUS_OK;
}
