/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon's /readyz says of Redis: the connections it has, and whether a gateway's id is its own. The
 * loop's thread; only reads. Redis is on no push's way once a gateway is known, so most of it is a note. */
#include <string.h>

#include "deploy/tool/why.h"

static const struct effect {
    enum daemon_kind kind;
    const char *use;
    const char *text;
} effects[] = {
    {DAEMON_GATEWAY, "registry", "logics that start now do not find this gateway; those that know it go on"},
    {DAEMON_GATEWAY, "bus", "pushes come by the links alone; with bus.mode only none comes"},
    {DAEMON_LOGIC, "registry", "new gateways are not found; every one that is known gets every push"},
    {DAEMON_LOGIC, "news", "gateways that come and go are seen later (discovery.refreshSeconds)"},
    {DAEMON_LOGIC, "bus", "pushes go by the links alone; with bus.mode only none goes"},
};

static const char *effect_of(const struct reading *reading, const char *use)
{
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
        if (effects[i].kind == reading->kind && strcmp(effects[i].use, use) == 0)
            return effects[i].text;
    return "";
}

static const char *text_of(const cJSON *object, const char *key, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text != NULL ? text : otherwise;
}

static void say_connection(struct why *why, const struct reading *reading, const cJSON *redis)
{
    const char *use = text_of(redis, "use", "?");
    const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(redis, "seconds");
    enum finding finding = http_call_ok(&reading->ready) ? FINDING_NOTE : FINDING_BAD;

    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(redis, "up")))
        why_say(why, FINDING_OK, "redis", reading->address, "its connection for %s is up", use);
    else
        why_say(why, finding, "redis", reading->address, "its connection for %s is down for %.0f s, %s: %s",
                use, cJSON_IsNumber(seconds) ? seconds->valuedouble : 0,
                text_of(redis, "error", "not tried yet"), effect_of(reading, use));
}

static void say_registry(struct why *why, const struct reading *reading, const cJSON *registry)
{
    if (strcmp(text_of(registry, "state", ""), "taken") == 0)
        why_say(why, FINDING_BAD, "redis", reading->address,
                "its id \"%s\" is taken by the gateway at %s: logics do not find this one (gatewayId)",
                text_of(registry, "id", "?"), text_of(registry, "by", "?"));
}

void why_look_at_redis(struct why *why, const struct reading *reading)
{
    cJSON *tree = reading_readiness(reading);
    const cJSON *each;

    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(tree, "redis"))
    {
        say_connection(why, reading, each);
    }
    say_registry(why, reading, cJSON_GetObjectItemCaseSensitive(tree, "registry"));
    cJSON_Delete(tree);
}
