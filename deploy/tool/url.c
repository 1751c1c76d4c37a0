/* SPDX-License-Identifier: Apache-2.0 */
/* Takes an address apart. Pure; never looks a name up. */
#include "deploy/tool/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct scheme {
    const char *text;
    enum url_family family;
    bool tls;
    int port;
} schemes[] = {
    {"http://", URL_HTTP, false, 80},
    {"https://", URL_HTTP, true, 443},
    {"ws://", URL_WS, false, 80},
    {"wss://", URL_WS, true, 443},
};

static const struct scheme *scheme_of(const char *text, enum url_family family)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (schemes[i].family == family && strncasecmp(text, schemes[i].text, strlen(schemes[i].text)) == 0)
            return &schemes[i];
    return NULL;
}

static enum status refuse(struct fault *fault, const char *text, const char *why)
{
    return fault_set(fault, STATUS_INVALID, "\"%.200s\": %s", text, why);
}

static enum status parse_local(const char *text, struct url *out, struct fault *fault)
{
    const char *path = text + strlen("unix:");

    if (path[0] != '/' || strlen(path) > 107)
        return refuse(fault, text, "unix: needs an absolute path of at most 107 bytes");
    out->local = true;
    snprintf(out->host, sizeof out->host, "%s", path);
    return STATUS_OK;
}

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

/* Returns what stands behind the host, or NULL. */
static const char *take_host(const char *at, struct url *out)
{
    bool brackets = at[0] == '[';
    size_t len = strcspn(at += brackets, brackets ? "]/?" : ":/?[]");

    if (len == 0 || len > URL_HOST_MAX || (brackets && at[len] != ']'))
        return NULL;
    snprintf(out->host, sizeof out->host, "%.*s", (int)len, at);
    return at + len + brackets;
}

static const char *take_port(const char *at, struct url *out)
{
    size_t len;

    if (*at != ':')
        return at;
    len = strspn(++at, "0123456789");
    if (len == 0 || len > 5)
        return NULL;
    out->port = atoi(at);
    return out->port >= 1 && out->port <= 65535 ? at + len : NULL;
}

static void take_path(const char *at, struct url *out)
{
    size_t len;

    snprintf(out->path, sizeof out->path, "%s%s", *at == '?' ? "/" : "", at);
    for (len = strlen(out->path); len > 0 && out->path[len - 1] == '/' && strchr(out->path, '?') == NULL;
         len--)
        out->path[len - 1] = '\0';
}

enum status url_parse(const char *text, enum url_family family, struct url *out, struct fault *fault)
{
    const struct scheme *scheme = scheme_of(text, family);
    const char *at;

    *out = (struct url){0};
    if (family == URL_HTTP && strncmp(text, "unix:", 5) == 0)
        return parse_local(text, out, fault);
    if (scheme == NULL)
        return refuse(fault, text,
                      family == URL_WS ? "a ws:// or wss:// address is needed"
                                       : "an http://, https:// or unix: address is needed");
    if (!is_visible(text) || strchr(text, '#') != NULL)
        return refuse(fault, text,
                      "spaces, fragments and bytes that are not ASCII do not belong into an address");
    out->tls = scheme->tls;
    out->port = scheme->port;
    at = text + strlen(scheme->text);
    if (memchr(at, '@', strcspn(at, "/?")) != NULL)
        return refuse(fault, text, "user names and passwords do not belong into an address; see --header");
    at = take_host(at, out);
    if (at == NULL)
        return refuse(fault, text, "no host name or address that could be used");
    at = take_port(at, out);
    if (at == NULL || (*at && *at != '/' && *at != '?'))
        return refuse(fault, text, "the port must be 1 to 65535");
    if (strlen(at) >= URL_PATH_MAX)
        return refuse(fault, text, "too long");
    take_path(at, out);
    return STATUS_OK;
}

struct url *url_list(const struct words *texts, enum url_family family, struct fault *fault)
{
    struct url *urls = calloc(texts->count, sizeof *urls);

    if (urls == NULL)
        fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    for (size_t i = 0; urls != NULL && i < texts->count; i++)
        if (url_parse(texts->items[i], family, &urls[i], fault) != STATUS_OK) {
            free(urls);
            urls = NULL;
        }
    return urls;
}

void url_authority(const struct url *url, char *out, size_t cap)
{
    bool default_port = url->port == (url->tls ? 443 : 80);
    bool v6 = strchr(url->host, ':') != NULL;

    if (url->local)
        snprintf(out, cap, "localhost");
    else if (default_port)
        snprintf(out, cap, "%s%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "");
    else
        snprintf(out, cap, "%s%s%s:%d", v6 ? "[" : "", url->host, v6 ? "]" : "", url->port);
}
