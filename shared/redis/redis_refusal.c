/* SPDX-License-Identifier: Apache-2.0 */
/* Error answers by their first words, as Redis 5 to 7 has them. Pure; any thread. */
#include "shared/redis/redis_refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char login_remedy[] = "check user and password in redis.url";
static const char db_remedy[] = "check the db in redis.url";
static const char master_remedy[] = "give the master in redis.url, or redis.sentinels";
static const char slot_remedy[] = "none: it ends when the cluster has moved the slot";

static const struct redis_refusal refusals[] = {
    {"MOVED ", "set redis.prefix to {fanfare} on every daemon, and check the cluster"},
    {"ASK ", slot_remedy},
    {"CLUSTERDOWN ", "check the cluster: a part of its slots is not served"},
    {"READONLY ", master_remedy},
    {"MASTERDOWN ", master_remedy},
    {"LOADING ", "none: it ends when Redis has read its data"},
    {"NOAUTH ", "set user and password in redis.url"},
    {"WRONGPASS ", login_remedy},
    {"ERR invalid password", login_remedy},
    {"ERR DB index", db_remedy},
    {"ERR invalid DB index", db_remedy},
};
static const struct redis_refusal replica = {"READONLY Redis here is a read-only replica", master_remedy};
static const struct redis_refusal sentinel = {"this is a sentinel",
                                              "name sentinels in redis.sentinels, with redis.masterName"};

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Until Redis 6 an error inside a script is wrapped: "ERR Error running script (...): ...: -READONLY ...". */
static const char *unwrapped(const char *error)
{
    const char *inner = begins_with(error, "ERR Error running script") ? strstr(error, ": -") : NULL;

    return inner != NULL ? inner + strlen(": -") : error;
}

const struct redis_refusal *redis_refusal_of(const char *error)
{
    error = unwrapped(error);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (begins_with(error, refusals[i].beginning))
            return &refusals[i];
    return NULL;
}

bool redis_moved_to(const char *error, char *host, size_t cap, int *port)
{
    const char *slot_end = begins_with(error, "MOVED ") ? strchr(error + strlen("MOVED "), ' ') : NULL;
    const char *address = slot_end != NULL ? slot_end + 1 : NULL;
    const char *colon = address != NULL ? strrchr(address, ':') : NULL;
    char *end;

    if (colon == NULL || (size_t)(colon - address) >= cap)
        return false;
    long number = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end || number < 1 || number > 65535)
        return false;
    snprintf(host, cap, "%.*s", (int)(colon - address), address);
    *port = (int)number;
    return strcmp(host, "?") != 0;
}

const struct redis_refusal *redis_role_refusal(const redisReply *answer)
{
    if (answer->type != REDIS_REPLY_ARRAY || answer->elements == 0 ||
        answer->element[0]->type != REDIS_REPLY_STRING)
        return NULL;
    if (strcmp(answer->element[0]->str, "slave") == 0)
        return &replica;
    return strcmp(answer->element[0]->str, "sentinel") == 0 ? &sentinel : NULL;
}
