/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's parser writes an IPv4 address in its usual form (127.1 becomes 127.0.0.1), so the host is judged
 * as it comes out. What may stand in a name is held to what DNS and certificates have: libcurl then changes
 * nothing about it (no percent signs, no IDN, no dot at the end), and finds it under the name that
 * host_cache.c has looked up. */
#include "shared/fetch/fetch_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char NO_HOST[] = "must name a host: an ASCII name, an address, or an IPv6 address in brackets";

static bool is_printable_ascii(const char *url)
{
    for (; *url; url++)
        if (*url <= ' ' || *url > '~')
            return false;
    return true;
}

/* libcurl takes one slash, and three, for two. */
static bool has_two_slashes(const char *url)
{
    const char *colon = strchr(url, ':');

    return colon != NULL && strncmp(colon, "://", 3) == 0 && colon[3] != '/';
}

static bool is_name(const char *host)
{
    size_t len = strlen(host);

    return len > 0 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == len &&
           host[0] != '.' && host[len - 1] != '.';
}

static bool is_loopback(const char *host)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    return strcasecmp(host, "localhost") == 0;
}

/* Copies the host without brackets; false when it will not do. */
static bool take_host(char *host, struct fetch_url *out)
{
    size_t len = strlen(host);
    struct in6_addr six;
    struct in_addr four;

    if (host[0] == '[' && len > 2) {
        host[len - 1] = '\0';
        host++;
        if (inet_pton(AF_INET6, host, &six) != 1)
            return false;
        out->literal = true;
    } else {
        out->literal = inet_pton(AF_INET, host, &four) == 1;
        if (!is_name(host) || strlen(host) > FETCH_HOST_MAX)
            return false;
    }
    memcpy(out->host, host, strlen(host) + 1);
    return true;
}

static bool has_part(CURLU *parts, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(parts, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return has;
}

static const char *read_host(CURLU *parts, struct fetch_url *out)
{
    char *host = NULL, *port = NULL;
    bool good = curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK && take_host(host, out);

    if (good && curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        out->port = atoi(port);
    curl_free(host);
    curl_free(port);
    if (!good)
        return NO_HOST;
    if (out->port < 1)
        return "must have a port of 1 to 65535";
    return !out->secure && !is_loopback(out->host)
               ? "must begin with https:// (http:// only to 127.0.0.0/8, [::1] or localhost)"
               : NULL;
}

static const char *read_parts(CURLU *parts, const char *url, struct fetch_url *out)
{
    char *scheme = NULL;
    const char *fault = NULL;

    if (!has_two_slashes(url) || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return "must be a URL: https://HOST[:PORT][/PATH]";
    out->secure = strcmp(scheme, "https") == 0;
    if (!out->secure && strcmp(scheme, "http") != 0)
        fault = "must begin with https:// (http:// only to 127.0.0.0/8, [::1] or localhost)";
    curl_free(scheme);
    if (fault == NULL && (has_part(parts, CURLUPART_USER) || has_part(parts, CURLUPART_PASSWORD)))
        fault = "must hold no user name and no password";
    if (fault == NULL && has_part(parts, CURLUPART_ZONEID))
        fault = "must hold no zone in its address";
    return fault != NULL ? fault : read_host(parts, out);
}

const char *fetch_url_read(const char *url, struct fetch_url *out)
{
    struct fetch_url found = {.secure = false};

    if (strlen(url) > FETCH_URL_MAX)
        return "must have at most 2048 bytes";
    if (!is_printable_ascii(url))
        return "must be ASCII without spaces (names of other letters as xn--…)";
    CURLU *parts = curl_url();
    if (parts == NULL)
        return "cannot be read: out of memory";
    const char *fault = read_parts(parts, url, &found);
    curl_url_cleanup(parts);
    if (fault == NULL)
        *out = found;
    return fault;
}

const char *fetch_url_fault(const char *url)
{
    struct fetch_url ignored;

    return fetch_url_read(url, &ignored);
}
