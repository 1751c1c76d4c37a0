/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the places, and what becomes of two families. The loop's thread only. */
#include "shared/net/lookup.h"

#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/net/address_list.h"
#include "shared/net/dns_query.h"

struct lookup {
    struct lookup **slot;
    struct dns_query *query;
    lookup_done *done;
    void *arg;
    int port;
};

/* This never asks anybody (AI_NUMERICHOST), and knows scopes ("fe80::1%eth0"). */
static bool tell_address(const char *hostname, int port, lookup_done *done, void *arg)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    char service[12];

    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(hostname, service, &hints, &addresses))
        return false;
    done(DNS_FOUND, addresses, arg);
    freeaddrinfo(addresses);
    return true;
}

static void add_hosts(const struct resolver *resolver, const char *name, int family, int port,
                      struct address_list *list)
{
    struct hostent *host;

    if (!resolver_read_hosts(resolver, name, family, &host))
        return;
    for (char **address = host->h_addr_list; *address != NULL; address++)
        address_list_add(list, host->h_addrtype, *address, port);
    ares_free_hostent(host);
}

static bool is_localhost(const char *name)
{
    size_t len = strlen(name), suffix = strlen(".localhost");

    return strcasecmp(name, "localhost") == 0 ||
           (len > suffix && strcasecmp(name + len - suffix, ".localhost") == 0);
}

static bool tell_known(const struct resolver *resolver, const char *hostname, int port, lookup_done *done,
                       void *arg)
{
    const struct in_addr loopback4 = {htonl(INADDR_LOOPBACK)};
    struct address_list list = {.count = 0};
    char name[DNS_NAME_MAX + 2];
    size_t len = strlen(hostname);

    if (len >= sizeof name)
        return false;
    memcpy(name, hostname, len + 1);
    if (len > 1 && name[len - 1] == '.')
        name[len - 1] = '\0';
    add_hosts(resolver, name, AF_INET, port, &list);
    add_hosts(resolver, name, AF_INET6, port, &list);
    if (list.count == 0 && is_localhost(name)) {
        address_list_add(&list, AF_INET, &loopback4, port);
        address_list_add(&list, AF_INET6, &in6addr_loopback, port);
    }
    if (list.count > 0)
        done(DNS_FOUND, address_list_first(&list), arg);
    return list.count > 0;
}

/* Whether the addresses of that reply are worth a try. */
static bool is_usable(const struct dns_reply *reply, int family)
{
    return reply->result == DNS_FOUND && address_has_route(family, reply->answer.records[0].address);
}

static void add_families(const struct dns_reply replies[2], int port, struct address_list *list)
{
    bool usable[2] = {is_usable(&replies[0], AF_INET), is_usable(&replies[1], AF_INET6)};
    bool neither = !usable[0] && !usable[1];

    for (size_t i = 0; i < ADDRESS_LIST_MAX; i++)
        for (size_t family = 0; family < 2; family++)
            if ((usable[family] || neither) && i < replies[family].answer.count)
                address_list_add(list, family == 0 ? AF_INET : AF_INET6,
                                 replies[family].answer.records[i].address, port);
}

static enum dns_result fault_of(const struct dns_reply replies[2])
{
    enum dns_result one = replies[0].result, other = replies[1].result;

    if (dns_is_fault(one) || dns_is_fault(other))
        return dns_is_fault(one) ? one : other;
    return one == DNS_NO_DATA ? one : other;
}

static void on_replies(const struct dns_reply replies[2], void *arg)
{
    struct lookup *lookup = arg;
    struct lookup done = *lookup;
    struct address_list list = {.count = 0};

    *lookup->slot = NULL;
    free(lookup);
    add_families(replies, done.port, &list);
    done.done(list.count > 0 ? DNS_FOUND : fault_of(replies), address_list_first(&list), done.arg);
}

enum status lookup_start(struct resolver *resolver, const char *hostname, int port, lookup_done *done,
                         void *arg, struct lookup **slot)
{
    struct lookup *lookup;

    if (tell_address(hostname, port, done, arg) || tell_known(resolver, hostname, port, done, arg))
        return STATUS_OK;
    lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return STATUS_NO_MEMORY;
    *lookup = (struct lookup){.slot = slot, .done = done, .arg = arg, .port = port};
    *slot = lookup;
    enum status status = dns_query_start(resolver, hostname, DNS_HOST, on_replies, lookup, &lookup->query);
    if (status != STATUS_OK)
        lookup_cancel(slot);
    return status;
}

const char *lookup_result_text(enum dns_result result)
{
    return result == DNS_NO_DATA ? "the name has no address" : dns_result_text(result);
}

const char *lookup_start_text(enum status status)
{
    if (status == STATUS_INVALID)
        return "the name is too long";
    return status == STATUS_FULL ? "too many look-ups are under way" : "no memory for a look-up";
}

void lookup_cancel(struct lookup **slot)
{
    struct lookup *lookup = *slot;

    if (lookup == NULL)
        return;
    *slot = NULL;
    dns_query_cancel(&lookup->query);
    free(lookup);
}
