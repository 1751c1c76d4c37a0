/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the links. The loop's thread only; never connects anything itself. */
#include "logic/gateway_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/logic_metrics.h"
#include "shared/log.h"

void gateway_set_init(struct gateway_set *set, struct link_env *env)
{
    *set = (struct gateway_set){.env = env};
}

void gateway_set_fini(struct gateway_set *set)
{
    while (set->count > 0)
        gateway_link_free(set->links[--set->count]);
    free(set->links);
    metrics_set(LM_GATEWAYS, 0);
    gateway_set_init(set, set->env);
}

static enum status grow(struct gateway_set *set)
{
    if (set->count < set->cap)
        return STATUS_OK;
    size_t cap = set->cap ? set->cap * 2 : 8;
    struct gateway_link **links = realloc(set->links, cap * sizeof(struct gateway_link *));
    if (!links)
        return STATUS_NO_MEMORY;
    set->links = links;
    set->cap = cap;
    return STATUS_OK;
}

static bool knows(const struct gateway_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(gateway_link_name(set->links[i]), name) == 0)
            return true;
    return false;
}

static enum status add_link(struct gateway_set *set, const char *hostname, int port)
{
    struct gateway_link *link;
    if (grow(set) || gateway_link_new(set->env, hostname, port, &link))
        return STATUS_NO_MEMORY;
    if (knows(set, gateway_link_name(link))) {
        log_event(LOG_WARN, "gateway named twice", LOG_S("gateway", gateway_link_name(link)));
        gateway_link_free(link);
        return STATUS_OK;
    }
    set->links[set->count++] = link;
    metrics_set(LM_GATEWAYS, set->count);
    return STATUS_OK;
}

enum status gateway_set_add(struct gateway_set *set, const char *hostname, int port)
{
    size_t len = strlen(hostname);
    bool bracketed = len > 2 && hostname[0] == '[' && hostname[len - 1] == ']';
    char *bare = bracketed ? strndup(hostname + 1, len - 2) : strdup(hostname);
    if (!bare)
        return STATUS_NO_MEMORY;
    enum status status = add_link(set, bare, port);
    free(bare);
    return status;
}

size_t gateway_set_up(const struct gateway_set *set)
{
    size_t up = 0;
    for (size_t i = 0; i < set->count; i++)
        up += gateway_link_is_up(set->links[i]);
    return up;
}

size_t gateway_set_queued(const struct gateway_set *set)
{
    size_t queued = 0;
    for (size_t i = 0; i < set->count; i++)
        queued += gateway_link_queued(set->links[i]);
    return queued;
}
