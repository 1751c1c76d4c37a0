/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the links and says which of them are still wanted. The loop's thread only; never connects
 * anything itself, and asks no source. */
#include "logic/discovery/gateway_set.h"

#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { SWEEP_MS = 100, REFUSAL_GAP_MS = 10000 };

static const char *const source_names[] = {"static", "dns", "redis"};

static const unsigned source_rows[] = {
    [GATEWAY_FROM_LIST] = LM_GATEWAYS_STATIC,
    [GATEWAY_FROM_DNS] = LM_GATEWAYS_DNS,
    [GATEWAY_FROM_REDIS] = LM_GATEWAYS_REDIS,
};

const char *gateway_source_name(enum gateway_source source)
{
    return source_names[source];
}

void gateway_set_init(struct gateway_set *set, struct link_env *env)
{
    *set = (struct gateway_set){.env = env};
}

/* Telling those who wait may bring the next push to dispatch: the entry is out of the set first. */
static void remove_entry(struct gateway_set *set, size_t index, bool shutdown)
{
    struct gateway_entry entry = set->entries[index];

    set->count--;
    memmove(&set->entries[index], &set->entries[index + 1], (set->count - index) * sizeof entry);
    metrics_sub(source_rows[entry.source], 1);
    if (!shutdown)
        gateway_link_give_up(entry.link);
    gateway_link_free(entry.link);
}

void gateway_set_fini(struct gateway_set *set)
{
    while (set->count > 0)
        remove_entry(set, set->count - 1, true);
    free(set->entries);
    loop_event_free(set->sweep);
    gateway_set_init(set, set->env);
}

/* One address is written in one way: without brackets, IPv6 in its short form (RFC 5952). */
static enum status read_host(const char *text, char host[REGISTRY_HOST_MAX + 1])
{
    struct in6_addr address;
    size_t len = strlen(text);
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';

    if (bracketed)
        text++, len -= 2;
    if (len == 0 || len > REGISTRY_HOST_MAX)
        return STATUS_INVALID;
    memcpy(host, text, len);
    host[len] = '\0';
    if (evutil_inet_pton(AF_INET6, host, &address) == 1)
        evutil_inet_ntop(AF_INET6, &address, host, REGISTRY_HOST_MAX + 1);
    return STATUS_OK;
}

static struct gateway_entry *find_address(const struct gateway_set *set, const char *host, int port)
{
    for (size_t i = 0; i < set->count; i++)
        if (gateway_link_is_at(set->entries[i].link, host, port))
            return &set->entries[i];
    return NULL;
}

static enum status grow(struct gateway_set *set)
{
    if (set->count < set->cap)
        return STATUS_OK;
    size_t cap = set->cap ? set->cap * 2 : 8;
    struct gateway_entry *entries = realloc(set->entries, cap * sizeof *entries);
    if (entries == NULL)
        return STATUS_NO_MEMORY;
    set->entries = entries;
    set->cap = cap;
    return STATUS_OK;
}

static enum status refuse(struct gateway_set *set, const char *host)
{
    int64_t now_ms = clock_now_ms();

    metrics_add(LM_GATEWAYS_REFUSED, 1);
    if (!set->refusal_logged_ms || now_ms - set->refusal_logged_ms >= REFUSAL_GAP_MS) {
        set->refusal_logged_ms = now_ms;
        log_event(LOG_ERROR, "too many gateways, one more is refused", LOG_S("host", host),
                  LOG_I("most", GATEWAY_SET_MAX));
    }
    return STATUS_FULL;
}

static enum status add_entry(struct gateway_set *set, enum gateway_source source, const char *host, int port,
                             struct gateway_entry **out)
{
    struct gateway_link *link;

    if (set->count >= GATEWAY_SET_MAX)
        return refuse(set, host);
    if (grow(set) != STATUS_OK || gateway_link_new(set->env, host, port, &link) != STATUS_OK)
        return STATUS_NO_MEMORY;
    *out = &set->entries[set->count++];
    **out = (struct gateway_entry){.link = link, .source = source, .clients = -1, .listed = true};
    metrics_add(source_rows[source], 1);
    if (source != GATEWAY_FROM_LIST)
        log_event(LOG_INFO, "gateway found", LOG_S("gateway", gateway_link_name(link)),
                  LOG_S("source", source_names[source]));
    return STATUS_OK;
}

enum status gateway_set_add(struct gateway_set *set, const char *hostname, int port)
{
    char host[REGISTRY_HOST_MAX + 1];
    struct gateway_entry *entry;

    if (read_host(hostname, host) != STATUS_OK)
        return STATUS_INVALID;
    entry = find_address(set, host, port);
    if (entry == NULL)
        return add_entry(set, GATEWAY_FROM_LIST, host, port, &entry);
    log_event(LOG_WARN, "gateway named twice", LOG_S("gateway", gateway_link_name(entry->link)));
    return STATUS_OK;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    gateway_set_sweep(arg, clock_now_ms());
}

static enum status make_sweep(struct gateway_set *set)
{
    if (set->sweep == NULL)
        set->sweep = evtimer_new(set->env->base, on_sweep, set);
    return set->sweep != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

static void schedule_sweep(struct gateway_set *set)
{
    if (!evtimer_pending(set->sweep, NULL))
        (void)loop_event_after_ms(set->sweep, SWEEP_MS);
}

static void forget_registration(struct gateway_entry *entry)
{
    entry->id[0] = entry->version[0] = '\0';
    entry->draining = false;
    entry->clients = -1;
}

/* What the config names stays listed; it only loses what the registry said of it. */
static void unlist(struct gateway_set *set, struct gateway_entry *entry)
{
    if (entry->source == GATEWAY_FROM_LIST) {
        forget_registration(entry);
        return;
    }
    if (entry->listed)
        log_event(LOG_INFO, "gateway not named any more", LOG_S("gateway", gateway_link_name(entry->link)),
                  LOG_S("source", source_names[entry->source]), LOG_S("id", entry->id),
                  LOG_S("link", gateway_link_is_up(entry->link) ? "up" : "not up"));
    entry->listed = false;
    schedule_sweep(set);
}

/* The entry of that id whose link may be taken to a new address. */
static struct gateway_entry *find_movable(const struct gateway_set *set, const char *id)
{
    struct gateway_entry *found = NULL;

    for (size_t i = 0; i < set->count; i++) {
        struct gateway_entry *entry = &set->entries[i];
        if (entry->source == GATEWAY_FROM_REDIS && strcmp(entry->id, id) == 0 &&
            !gateway_link_is_up(entry->link) && (found == NULL || entry->listed))
            found = entry;
    }
    return found;
}

static enum status find_or_add(struct gateway_set *set, const struct gateway_offer *offer, const char *host,
                               struct gateway_entry **out)
{
    *out = find_address(set, host, offer->port);
    if (*out != NULL)
        return STATUS_OK;
    *out = offer->source == GATEWAY_FROM_REDIS ? find_movable(set, offer->id) : NULL;
    if (*out == NULL)
        return add_entry(set, offer->source, host, offer->port, out);
    log_event(LOG_INFO, "gateway has a new address", LOG_S("id", offer->id),
              LOG_S("old", gateway_link_name((*out)->link)), LOG_S("host", host), LOG_I("port", offer->port));
    return gateway_link_move((*out)->link, host, offer->port);
}

/* Of the entries with that id only `entry` is named from now on. */
static void unlist_others(struct gateway_set *set, const struct gateway_entry *entry, const char *id)
{
    for (size_t i = 0; i < set->count; i++)
        if (&set->entries[i] != entry && strcmp(set->entries[i].id, id) == 0)
            unlist(set, &set->entries[i]);
}

static void register_entry(struct gateway_set *set, struct gateway_entry *entry,
                           const struct gateway_offer *offer)
{
    if (!entry->listed || strcmp(entry->id, offer->id) != 0)
        unlist_others(set, entry, offer->id);
    snprintf(entry->id, sizeof entry->id, "%s", offer->id);
    snprintf(entry->version, sizeof entry->version, "%s", offer->version);
    entry->draining = offer->draining;
    entry->clients = offer->clients;
}

static void update(struct gateway_set *set, struct gateway_entry *entry, const struct gateway_offer *offer)
{
    if (offer->source == GATEWAY_FROM_REDIS)
        register_entry(set, entry, offer);
    if (!entry->listed)
        gateway_link_retry(entry->link);
    entry->listed = entry->offered = true;
    entry->goodbye = false;
}

enum status gateway_set_offer(struct gateway_set *set, const struct gateway_offer *offer)
{
    char host[REGISTRY_HOST_MAX + 1];
    struct gateway_entry *entry;
    enum status status = read_host(offer->host, host);

    if (status == STATUS_OK)
        status = make_sweep(set);
    if (status == STATUS_OK)
        status = find_or_add(set, offer, host, &entry);
    if (status == STATUS_OK)
        update(set, entry, offer);
    return status;
}

/* What the config or DNS made known and the registry has an id for is the registry's matter too. */
static bool is_named_by(const struct gateway_entry *entry, enum gateway_source source)
{
    return entry->source == source || (source == GATEWAY_FROM_REDIS && entry->id[0]);
}

void gateway_set_begin(struct gateway_set *set, enum gateway_source source)
{
    for (size_t i = 0; i < set->count; i++)
        if (is_named_by(&set->entries[i], source))
            set->entries[i].offered = false;
}

void gateway_set_end(struct gateway_set *set, enum gateway_source source)
{
    for (size_t i = 0; i < set->count; i++) {
        struct gateway_entry *entry = &set->entries[i];
        if (!entry->offered && is_named_by(entry, source))
            unlist(set, entry);
    }
}

void gateway_set_goodbye(struct gateway_set *set, const char *id)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->entries[i].id, id) == 0) {
            set->entries[i].goodbye = true;
            unlist(set, &set->entries[i]);
        }
}

static bool may_go(const struct gateway_set *set, const struct gateway_entry *entry, int64_t now_ms)
{
    if (entry->listed || gateway_link_is_up(entry->link))
        return false;
    return entry->goodbye || entry->source == GATEWAY_FROM_DNS ||
           gateway_link_down_ms(entry->link, now_ms) >= set->env->conf->link_queue_seconds * 1000;
}

void gateway_set_sweep(struct gateway_set *set, int64_t now_ms)
{
    bool unlisted = false;

    for (size_t i = 0; i < set->count;) {
        if (!may_go(set, &set->entries[i], now_ms)) {
            unlisted = unlisted || !set->entries[i].listed;
            i++;
            continue;
        }
        log_event(LOG_INFO, "gateway removed", LOG_S("gateway", gateway_link_name(set->entries[i].link)),
                  LOG_S("source", source_names[set->entries[i].source]));
        remove_entry(set, i, false);
    }
    if (unlisted)
        schedule_sweep(set);
}

void gateway_set_apply(struct gateway_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        gateway_link_apply(set->entries[i].link);
}

size_t gateway_set_up(const struct gateway_set *set)
{
    size_t up = 0;

    for (size_t i = 0; i < set->count; i++)
        up += gateway_link_is_up(set->entries[i].link);
    return up;
}

size_t gateway_set_passing(const struct gateway_set *set)
{
    size_t passing = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct link_details link;
        gateway_link_describe(set->entries[i].link, clock_now_ms(), &link);
        passing += link.up && !link.canary_failing;
    }
    return passing;
}

size_t gateway_set_queued(const struct gateway_set *set)
{
    size_t queued = 0;

    for (size_t i = 0; i < set->count; i++)
        queued += gateway_link_queued(set->entries[i].link);
    return queued;
}
