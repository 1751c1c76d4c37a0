/* SPDX-License-Identifier: Apache-2.0 */
/* How a link's connection is made: the name is looked up anew for each, and its addresses take turns. Name
 * servers that fail say nothing of the gateway: it is tried where it was last. The loop's thread only; no
 * retry of its own (link_down.c). */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "logic/link/link_internal.h"
#include "logic/link/link_transport.h"

static void remember(struct gateway_link *link, const struct addrinfo *addresses)
{
    if (!link->named)
        return;
    if (link->remembered == NULL)
        link->remembered = calloc(1, sizeof *link->remembered);
    if (link->remembered != NULL)
        address_list_copy(link->remembered, addresses);
}

static void on_addresses(enum dns_result result, const struct addrinfo *addresses, void *arg)
{
    struct gateway_link *link = arg;

    if (result == DNS_FOUND)
        remember(link, addresses);
    else if (dns_is_fault(result) && link->remembered != NULL)
        addresses = address_list_first(link->remembered);
    const struct link_target target = {link->address.hostname, link->address.name, addresses, link->failures};
    const char *error = addresses != NULL
                            ? link_transport_open(link->env, &target, &link_talk_callbacks, link, &link->conn)
                            : lookup_result_text(result);
    if (error != NULL)
        link_down_break(link, error);
}

void link_connect(struct gateway_link *link)
{
    link_down_set_state(link, LINK_CONNECTING);
    enum status status = lookup_start(link->env->dns, link->address.asked, link->address.port, on_addresses,
                                      link, &link->lookup);
    if (status != STATUS_OK)
        link_down_break(link, lookup_start_text(status));
}

enum status link_connect_to(struct gateway_link *link, const char *hostname, int port)
{
    enum status status = link_address_set(&link->address, hostname, port);
    struct in6_addr bytes;

    link->ledger.gateway = status != STATUS_OK ? link->ledger.gateway : link->address.name;
    link->named = evutil_inet_pton(AF_INET, hostname, &bytes) != 1 && strchr(hostname, ':') == NULL;
    if (status == STATUS_OK && link->remembered != NULL)
        link->remembered->count = 0;
    return status;
}
