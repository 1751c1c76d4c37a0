/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.h says what a name is and in which order places are asked; here it is only kept from being asked
 * once per request. The port is no part of it: addresses are kept as text, as CURLOPT_RESOLVE has them. */
#include "shared/fetch/host_cache.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/net/lookup.h"

enum { ANY_PORT = 443 };

struct host {
    struct list node; /* of the cache, who was used last at the end */
    char *name;
    char addresses[HOST_ADDRESSES_MAX]; /* "": none known */
    int64_t until_ms;                   /* asked anew from then on */
    struct lookup *lookup;
    struct list waits;
};

struct host_cache {
    struct resolver *resolver;
    struct list hosts;
    size_t count;
};

enum status host_cache_new(struct resolver *resolver, struct host_cache **out)
{
    struct host_cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return STATUS_NO_MEMORY;
    cache->resolver = resolver;
    list_init(&cache->hosts);
    *out = cache;
    return STATUS_OK;
}

static void host_free(struct host_cache *cache, struct host *host)
{
    lookup_cancel(&host->lookup);
    list_remove(&host->node);
    cache->count--;
    free(host->name);
    free(host);
}

void host_cache_free(struct host_cache *cache)
{
    if (cache == NULL)
        return;
    while (!list_empty(&cache->hosts))
        host_free(cache, container_of(list_first(&cache->hosts), struct host, node));
    free(cache);
}

static struct host *find(struct host_cache *cache, const char *name)
{
    for (struct list *at = cache->hosts.next; at != &cache->hosts; at = at->next) {
        struct host *host = container_of(at, struct host, node);

        if (strcmp(host->name, name) == 0)
            return host;
    }
    return NULL;
}

/* The one unused for longest that nobody waits for. */
static struct host *oldest_idle(struct host_cache *cache)
{
    for (struct list *at = cache->hosts.next; at != &cache->hosts; at = at->next) {
        struct host *host = container_of(at, struct host, node);

        if (list_empty(&host->waits))
            return host;
    }
    return NULL;
}

static enum status add(struct host_cache *cache, const char *name, struct host **out)
{
    struct host *old = cache->count >= HOST_CACHE_MAX ? oldest_idle(cache) : NULL;

    if (cache->count >= HOST_CACHE_MAX && old == NULL)
        return STATUS_FULL;
    struct host *host = calloc(1, sizeof *host);
    if (host == NULL || (host->name = strdup(name)) == NULL) {
        free(host);
        return STATUS_NO_MEMORY;
    }
    if (old != NULL)
        host_free(cache, old);
    list_init(&host->waits);
    list_add_tail(&cache->hosts, &host->node);
    cache->count++;
    *out = host;
    return STATUS_OK;
}

/* Appends one; what does not fit is left out. */
static void append_address(struct host *host, const struct addrinfo *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address->ai_addr;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address->ai_addr;
    bool is_six = address->ai_family == AF_INET6;
    char text[INET6_ADDRSTRLEN];
    size_t len = strlen(host->addresses);

    if (inet_ntop(address->ai_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr,
                  text, sizeof text) == NULL ||
        len + strlen(text) + sizeof ",[]" > sizeof host->addresses)
        return;
    snprintf(host->addresses + len, sizeof host->addresses - len, "%s%s%s%s", len > 0 ? "," : "",
             is_six ? "[" : "", text, is_six ? "]" : "");
}

static void tell(struct host *host, const char *why)
{
    while (!list_empty(&host->waits)) {
        struct host_wait *wait = container_of(list_first(&host->waits), struct host_wait, node);

        list_remove(&wait->node);
        wait->done(wait, host->addresses[0] != '\0' ? host->addresses : NULL, why);
    }
}

static void on_lookup(enum dns_result result, const struct addrinfo *addresses, void *arg)
{
    struct host *host = arg;

    if (result == DNS_FOUND)
        host->addresses[0] = '\0';
    for (; addresses != NULL; addresses = addresses->ai_next)
        append_address(host, addresses);
    if (host->addresses[0] != '\0')
        host->until_ms = clock_now_ms() + HOST_KEEP_MS;
    tell(host, lookup_result_text(result));
}

enum status host_cache_ask(struct host_cache *cache, const char *name, int64_t now_ms, struct host_wait *wait)
{
    struct host *host = find(cache, name);
    enum status status = STATUS_OK;

    list_init(&wait->node);
    if (host == NULL)
        status = add(cache, name, &host);
    if (status != STATUS_OK)
        return status;
    list_remove(&host->node);
    list_add_tail(&cache->hosts, &host->node);
    if (host->lookup == NULL && now_ms >= host->until_ms)
        status = lookup_start(cache->resolver, name, ANY_PORT, on_lookup, host, &host->lookup);
    if (host->addresses[0] != '\0' && (host->lookup == NULL || now_ms < host->until_ms + HOST_STALE_MS))
        wait->done(wait, host->addresses, NULL);
    else if (status == STATUS_OK)
        list_add_tail(&host->waits, &wait->node);
    else
        return status;
    return STATUS_OK;
}

void host_cache_leave(struct host_wait *wait)
{
    list_remove(&wait->node);
}
