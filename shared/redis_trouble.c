/* SPDX-License-Identifier: Apache-2.0 */
/* One table of beginnings. Pure. */
#include "shared/redis_trouble.h"

#include <stdlib.h>
#include <string.h>

static const struct trouble {
    const char *beginning;
    bool fatal;
    const char *remedy;
} troubles[] = {
    {"MOVED ", true, "set redis.prefix to {fanfare} on every daemon"},
    {"ASK ", true, "none: it ends when the cluster has moved the slot"},
    {"CLUSTERDOWN", true, "none: it ends when the cluster is whole again"},
    {"READONLY", true, "give the master's address, or sentinels"},
    {"LOADING", true, "none: it ends when Redis has read its data"},
    {"MASTERDOWN", true, "give the master's address, or sentinels"},
    {"NOAUTH", true, "set user and password in redis.url"},
    {"WRONGPASS", true, "check user and password in redis.url"},
    {"ERR invalid password", true, "check the password in redis.url"},
    {"ERR AUTH ", true, "leave the password out of redis.url: Redis asks for none"},
    {"ERR Client sent AUTH", true, "leave the password out of redis.url: Redis asks for none"},
    {"ERR DB index", true, "check the db in redis.url"},
    {"NOPERM", false, "give the user the rights that docs/operations.md lists"},
};

static const struct trouble *find(const char *text)
{
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        if (strncmp(text, troubles[i].beginning, strlen(troubles[i].beginning)) == 0)
            return &troubles[i];
    return NULL;
}

bool redis_trouble_is_fatal(const char *error)
{
    const struct trouble *trouble = find(error);

    return trouble && trouble->fatal;
}

const char *redis_trouble_remedy(const char *reason)
{
    const struct trouble *trouble = find(reason);

    return trouble ? trouble->remedy : "check redis.url, and that Redis runs";
}

bool redis_trouble_moved(const char *error, char *host, size_t cap, int *port)
{
    const char *address = strncmp(error, "MOVED ", 6) == 0 ? strchr(error + 6, ' ') : NULL;
    const char *colon = address ? strrchr(address, ':') : NULL;
    size_t len = colon ? (size_t)(colon - address - 1) : 0;
    int number = colon ? atoi(colon + 1) : 0;

    if (!colon || len >= cap || number < 1 || number > 65535)
        return false;
    if (len > 0) {
        memcpy(host, address + 1, len);
        host[len] = '\0';
    }
    *port = number;
    return true;
}
