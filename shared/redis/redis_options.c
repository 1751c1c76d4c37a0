/* SPDX-License-Identifier: Apache-2.0 */
/* What the option table cannot say about Redis. Start-up only, main thread; shows nothing of a URL. */
#include "shared/redis/redis_options.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "shared/redis/redis_url.h"

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number

static const char no_tls[] =
#if HIREDIS_MAJOR < 1
    "redis.url: rediss:// needs hiredis 1.0 or later, this build has " TEXT_OF(HIREDIS_MAJOR) "." TEXT_OF(
        HIREDIS_MINOR) "; allowed: redis:// or unix://, with a TLS tunnel in between where one is needed";
#else
    "redis.url: rediss:// is not supported by this build; allowed: redis:// or unix://, with a TLS tunnel in "
    "between where one is needed";
#endif

static enum status check_prefix(const char *prefix, struct fault *fault)
{
    size_t len = strlen(prefix);
    bool good = len >= 1 && len <= 100;

    for (const char *at = prefix; good && *at; at++)
        good = *at > ' ' && *at <= '~' && strchr("*?[]^\\", *at) == NULL;
    return good
               ? STATUS_OK
               : fault_set(fault, STATUS_INVALID,
                           "redis.prefix: \"%.100s\" is not allowed: 1 to 100 printable ASCII characters but "
                           "no space and none of * ? [ ] ^ \\",
                           prefix);
}

static enum status check_sentinels(const struct redis_options *options, struct fault *fault)
{
    for (size_t i = 0; i < options->sentinels.count; i++) {
        char host[REDIS_HOST_MAX + 1];
        int port;
        struct fault why;

        if (redis_address_parse(options->sentinels.items[i], host, &port, &why) != STATUS_OK)
            return fault_set(fault, STATUS_INVALID, "redis.sentinels: \"%.200s\": %.200s",
                             options->sentinels.items[i], why.text);
    }
    return STATUS_OK;
}

static enum status check_pairs(const struct redis_options *options, struct fault *fault)
{
    bool sentinels = options->sentinels.count > 0;

    if (sentinels && !options->master_name[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.masterName: required with redis.sentinels: the master's name there");
    if (!sentinels && options->master_name[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.sentinels: required with redis.masterName: host:port of each");
    if (sentinels && !options->url[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.url: required with redis.sentinels: redis://[user[:password]@][/db]");
    if (options->ca[0] && strncasecmp(options->url, "rediss://", strlen("rediss://")) != 0)
        return fault_set(fault, STATUS_INVALID, "redis.ca: is only for a redis.url with rediss://");
    return STATUS_OK;
}

static enum status check_url(const struct redis_options *options, struct fault *fault)
{
    struct redis_url url;
    struct fault why;

    if (redis_url_parse(options->url, &url, &why) != STATUS_OK)
        return fault_set(fault, STATUS_INVALID, "redis.url: %.480s", why.text);
    if (url.scheme == REDIS_TLS)
        return fault_set(fault, STATUS_INVALID, "%s", no_tls);
    if (url.scheme == REDIS_UNIX && options->sentinels.count > 0)
        return fault_set(fault, STATUS_INVALID,
                         "redis.url: unix:// does not go with redis.sentinels; allowed: "
                         "redis://[user[:password]@][/db]");
    if (url.scheme == REDIS_TCP && !url.host[0] && options->sentinels.count == 0)
        return fault_set(
            fault, STATUS_INVALID,
            "redis.url: the host is missing; allowed: redis://[user[:password]@]host[:port][/db]");
    return STATUS_OK;
}

enum status redis_options_check(const struct redis_options *options, struct fault *fault)
{
    enum status status = check_prefix(options->prefix, fault);

    if (status == STATUS_OK)
        status = check_pairs(options, fault);
    if (status == STATUS_OK)
        status = check_sentinels(options, fault);
    return status != STATUS_OK || !options->url[0] ? status : check_url(options, fault);
}
