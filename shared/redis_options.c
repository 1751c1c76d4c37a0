/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up only. Shows nothing of a URL that may hold a password. */
#include "shared/redis_options.h"

#include <stdlib.h>
#include <string.h>

#include "shared/redis_url.h"

static enum status check_url(const struct redis_options *options, struct redis_url *url, struct fault *fault)
{
    struct fault inner;
    enum status status = redis_url_parse(options->url, url, &inner);

    if (status)
        return fault_set(fault, status, "redis.url: %.480s", inner.text);
    if (!url->host[0] && !url->path[0] && options->sentinels.count == 0)
        return fault_set(fault, STATUS_INVALID,
                         "redis.url: no host (only with redis.sentinels none is needed)");
    return STATUS_OK;
}

static bool is_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    bool bracketed = text[0] == '[';

    return colon && colon > text && strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
           strlen(colon + 1) <= 5 && port >= 1 && port <= 65535 &&
           (bracketed ? colon[-1] == ']' && colon - text > 2
                      : memchr(text, ':', (size_t)(colon - text)) == NULL);
}

static enum status check_sentinels(const struct redis_options *options, const struct redis_url *url,
                                   struct fault *fault)
{
    if (!options->sentinels.count != !options->master_name[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.sentinels and redis.masterName are set together or not at all");
    if (options->sentinels.count > 0 && url->path[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.url: a unix socket and redis.sentinels do not go together");
    for (size_t i = 0; i < options->sentinels.count; i++)
        if (!is_address(options->sentinels.items[i]))
            return fault_set(fault, STATUS_INVALID, "redis.sentinels: \"%s\" is not host:port",
                             options->sentinels.items[i]);
    return STATUS_OK;
}

static enum status check_prefix(const char *prefix, struct fault *fault)
{
    bool good = prefix[0] != '\0';

    for (const char *at = prefix; *at; at++)
        good = good && *at > ' ' && *at <= '~' && !strchr("*?[]^\\", *at);
    return good ? STATUS_OK
                : fault_set(fault, STATUS_INVALID,
                            "redis.prefix: must be 1 to 100 printable ASCII characters without space and "
                            "* ? [ ] ^ \\");
}

enum status redis_options_check(const struct redis_options *options, struct fault *fault)
{
    struct redis_url url = {.port = 0};
    enum status status = check_prefix(options->prefix, fault);

    if (status)
        return status;
    if (options->ca[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.ca: only for rediss://, which needs hiredis 1.0 or later with TLS");
    if (options->url[0])
        status = check_url(options, &url, fault);
    else if (options->sentinels.count > 0)
        status = fault_set(fault, STATUS_INVALID,
                           "redis.url: required with redis.sentinels: for user, password and db, or just "
                           "redis://");
    return status ? status : check_sentinels(options, &url, fault);
}
