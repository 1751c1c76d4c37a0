/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a name's resolution until evdns has let go of it, which may be after the one who asked
 * is gone. The loop's thread only. */
#include "shared/lookup.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    struct lookup **slot; /* the asker's; NULL when cancelled */
    struct evdns_getaddrinfo_request *request;
    lookup_done *done;
    void *arg;
};

static void on_result(int result, struct evutil_addrinfo *addresses, void *arg)
{
    struct lookup *lookup = arg;
    if (lookup->slot) {
        *lookup->slot = NULL;
        lookup->done(result ? evutil_gai_strerror(result) : NULL, addresses, lookup->arg);
    }
    if (addresses)
        evutil_freeaddrinfo(addresses);
    free(lookup);
}

enum status lookup_start(struct evdns_base *dns, const char *hostname, int port, lookup_done *done, void *arg,
                         struct lookup **slot)
{
    /* Only the families that this host has; an IPv6 address that somebody wrote down is meant. */
    const struct evutil_addrinfo hints = {.ai_flags = strchr(hostname, ':') ? 0 : EVUTIL_AI_ADDRCONFIG,
                                          .ai_family = AF_UNSPEC,
                                          .ai_socktype = SOCK_STREAM,
                                          .ai_protocol = IPPROTO_TCP};
    struct lookup *lookup = calloc(1, sizeof *lookup);
    char service[12];
    if (!lookup)
        return STATUS_NO_MEMORY;
    lookup->slot = slot;
    lookup->done = done;
    lookup->arg = arg;
    *slot = lookup;
    snprintf(service, sizeof service, "%d", port);
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(dns, hostname, service, &hints, on_result, lookup);
    /* Without a request it is over, and `lookup` freed. */
    if (request)
        lookup->request = request;
    return STATUS_OK;
}

void lookup_cancel(struct lookup **slot)
{
    struct lookup *lookup = *slot;
    if (!lookup)
        return;
    *slot = NULL;
    lookup->slot = NULL;
    evdns_getaddrinfo_cancel(lookup->request);
}
