/* SPDX-License-Identifier: Apache-2.0 */
/* An entry and a header's value have one grammar, scheme://host[:port] (RFC 6454, 6.2), but for the `*.` in
 * front of an entry's host. Both are taken apart each time that they are compared: that happens once a
 * handshake, and leaves nothing to own. */
#include "shared/http/origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { NO_PORT = 0, PORT_DIGITS = 5, PORT_MAX = 65535 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

struct origin {
    struct slice scheme;
    struct slice host;
    int port;
    bool below; /* the entry stands for the names below `host` */
};

static bool equal_fold(struct slice a, struct slice b)
{
    return a.len == b.len && strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0;
}

static bool only_has(struct slice text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '\0' || strchr(allowed, text.data[i]) == NULL)
            return false;
    return true;
}

static struct slice cut(struct slice text, size_t from, size_t to)
{
    return slice_of(text.data + from, to - from);
}

static int default_port(struct slice scheme)
{
    static const struct {
        const char *scheme;
        int port;
    } defaults[] = {{"http", 80}, {"ws", 80}, {"https", 443}, {"wss", 443}};

    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (equal_fold(scheme, slice_str(defaults[i].scheme)))
            return defaults[i].port;
    return NO_PORT;
}

/* Takes the scheme and "://" off `text`. */
static const char *take_scheme(struct slice *text, struct origin *out)
{
    size_t len = 0;

    while (len < text->len && text->data[len] != ':')
        len++;
    out->scheme = cut(*text, 0, len);
    if (len == 0 || text->len < len + 3 || memcmp(text->data + len, "://", 3) != 0)
        return "it has no scheme";
    if (!only_has(out->scheme, LETTERS DIGITS "+-.") || !only_has(cut(*text, 0, 1), LETTERS))
        return "its scheme is not one";
    *text = cut(*text, len + 3, text->len);
    return NULL;
}

static const char *take_address(struct slice *text, struct origin *out)
{
    const uint8_t *end = memchr(text->data, ']', text->len);
    size_t len = end != NULL ? (size_t)(end - text->data) + 1 : 0;
    char address[INET6_ADDRSTRLEN] = "";
    struct in6_addr bytes;

    if (len > 2 && len - 2 < sizeof address)
        memcpy(address, text->data + 1, len - 2);
    if (inet_pton(AF_INET6, address, &bytes) != 1)
        return "what stands in the brackets is not an IPv6 address";
    out->host = cut(*text, 0, len);
    *text = cut(*text, len, text->len);
    return NULL;
}

/* Takes the host off `text`. Only `file` has an origin without one. */
static const char *take_host(struct slice *text, struct origin *out)
{
    size_t len = 0;

    if (text->len > 0 && text->data[0] == '[')
        return take_address(text, out);
    while (len < text->len && text->data[len] != ':' && text->data[len] != '/')
        len++;
    out->host = cut(*text, 0, len);
    *text = cut(*text, len, text->len);
    if (len == 0 && !equal_fold(out->scheme, slice_str("file")))
        return "it has no host";
    if (memchr(out->host.data, '*', len) != NULL)
        return "a * may only be the first label of the host";
    if (!only_has(out->host, LETTERS DIGITS "-._~"))
        return "its host is not a name or address in ASCII (a name in another script begins with xn--)";
    return NULL;
}

static const char *take_port(struct slice *text, struct origin *out)
{
    size_t len = 0;

    out->port = default_port(out->scheme);
    if (text->len == 0 || text->data[0] != ':')
        return NULL;
    *text = cut(*text, 1, text->len);
    for (out->port = 0; len < text->len && len < PORT_DIGITS && only_has(cut(*text, len, len + 1), DIGITS);
         len++)
        out->port = out->port * 10 + (text->data[len] - '0');
    *text = cut(*text, len, text->len);
    return out->port >= 1 && out->port <= PORT_MAX ? NULL : "its port is not 1 to 65535";
}

/* NULL, or what is wrong with it. */
static const char *take_apart(struct slice text, bool entry, struct origin *out)
{
    const char *fault;

    *out = (struct origin){.below = false};
    fault = take_scheme(&text, out);
    if (fault != NULL)
        return fault;
    if (entry && text.len > 2 && memcmp(text.data, "*.", 2) == 0) {
        out->below = true;
        text = cut(text, 2, text.len);
    }
    fault = take_host(&text, out);
    if (fault == NULL)
        fault = take_port(&text, out);
    if (fault == NULL && text.len > 0)
        fault = text.data[0] == '/' ? "an origin has no path, and no / at its end"
                                    : "something stands behind its port";
    return fault;
}

static bool host_fits(const struct origin *entry, struct slice host)
{
    size_t tail = entry->host.len;

    if (!entry->below)
        return equal_fold(entry->host, host);
    return host.len > tail + 1 && host.data[host.len - tail - 1] == '.' &&
           equal_fold(entry->host, cut(host, host.len - tail, host.len));
}

static bool entry_fits(const char *text, const struct origin *origin)
{
    struct origin entry;

    return take_apart(slice_str(text), true, &entry) == NULL && equal_fold(entry.scheme, origin->scheme) &&
           entry.port == origin->port && host_fits(&entry, origin->host);
}

bool origin_is_listed(const struct conf_list *list, struct slice origin)
{
    struct origin parsed;
    bool is_one = origin.len <= ORIGIN_MAX && take_apart(origin, false, &parsed) == NULL;

    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], "*") == 0 || (is_one && entry_fits(list->items[i], &parsed)))
            return true;
    return false;
}

static const char *entry_fault(const char *text, bool any)
{
    struct origin parsed;

    if (strcmp(text, "*") == 0)
        return any ? NULL : "an empty list already lets every origin in";
    if (strcasecmp(text, "null") == 0)
        return "sandboxed pages and local files of anybody's have this origin";
    return take_apart(slice_str(text), true, &parsed);
}

enum status origin_check_list(const char *key, const struct conf_list *list, bool any, struct fault *fault)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *wrong = entry_fault(list->items[i], any);

        if (wrong != NULL)
            return fault_set(fault, STATUS_INVALID,
                             "%s: \"%s\" is not allowed: %s; allowed are https://example.org, "
                             "https://example.org:8443 and https://*.example.org%s",
                             key, list->items[i], wrong, any ? ", or *" : "");
    }
    return STATUS_OK;
}
