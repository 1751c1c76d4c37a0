/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints are sorted, since name servers turn the order of records round: the same records give the
 * same list, whatever bound is applied to it. Pure. */
#include "logic/discovery/dns_endpoints.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int other_of(int family)
{
    return family == AF_INET ? AF_INET6 : AF_INET;
}

int dns_family_choose(int chosen, const struct dns_reply replies[2], const bool routed[2])
{
    bool v4 = replies[0].result == DNS_FOUND, v6 = replies[1].result == DNS_FOUND;

    if (chosen == 0 && v4 && v6)
        return routed[1] && !routed[0] ? AF_INET6 : AF_INET;
    if (chosen == 0)
        return v4 ? AF_INET : v6 ? AF_INET6 : 0;
    const struct dns_reply *mine = &replies[chosen == AF_INET ? 0 : 1];
    if (mine->result == DNS_FOUND)
        return chosen;
    return dns_says_none(mine->result) && (v4 || v6) ? other_of(chosen) : 0;
}

static int compare(const void *a, const void *b)
{
    const struct dns_endpoint *one = a, *other = b;
    int order = strcasecmp(one->host, other->host);

    return order != 0 ? order : one->port - other->port;
}

static void order(struct dns_endpoints *endpoints)
{
    size_t kept = 0;

    qsort(endpoints->items, endpoints->count, sizeof *endpoints->items, compare);
    for (size_t i = 0; i < endpoints->count; i++)
        if (kept == 0 || compare(&endpoints->items[kept - 1], &endpoints->items[i]) != 0)
            endpoints->items[kept++] = endpoints->items[i];
    endpoints->count = kept;
}

static enum status make_room(struct dns_endpoints *endpoints, size_t count)
{
    *endpoints = (struct dns_endpoints){.items = malloc((count ? count : 1) * sizeof *endpoints->items)};
    return endpoints->items != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status dns_endpoints_of_hosts(const struct dns_answer *answer, int family, int port,
                                   struct dns_endpoints *out)
{
    if (make_room(out, answer->count) != STATUS_OK)
        return STATUS_NO_MEMORY;
    for (; out->count < answer->count; out->count++) {
        struct dns_endpoint *endpoint = &out->items[out->count];

        inet_ntop(family, answer->records[out->count].address, endpoint->host, sizeof endpoint->host);
        endpoint->port = port;
    }
    order(out);
    return STATUS_OK;
}

enum status dns_endpoints_of_services(const struct dns_answer *answer, struct dns_endpoints *out)
{
    if (make_room(out, answer->count) != STATUS_OK)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];

        if (strlen(record->target) > DNS_NAME_MAX)
            continue;
        snprintf(out->items[out->count].host, sizeof out->items->host, "%s.", record->target);
        out->items[out->count++].port = record->port;
    }
    order(out);
    return STATUS_OK;
}

void dns_endpoints_fini(struct dns_endpoints *endpoints)
{
    free(endpoints->items);
    *endpoints = (struct dns_endpoints){.count = 0};
}

int64_t dns_refresh_after(uint32_t ttl, int64_t refresh_seconds)
{
    if (ttl < 1)
        return 1;
    return ttl < refresh_seconds ? ttl : refresh_seconds;
}
