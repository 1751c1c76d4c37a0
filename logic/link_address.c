/* SPDX-License-Identifier: Apache-2.0 */
/* Owns two strings. Pure. */
#include "logic/link_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *make_name(const char *hostname, int port)
{
    char *name = NULL;
    const char *format = strchr(hostname, ':') ? "[%s]:%d" : "%s:%d";
    return asprintf(&name, format, hostname, port) < 0 ? NULL : name;
}

enum status link_address_set(struct link_address *address, const char *hostname, int port)
{
    struct link_address made = {strdup(hostname), make_name(hostname, port), port};
    if (!made.hostname || !made.name) {
        link_address_fini(&made);
        return STATUS_NO_MEMORY;
    }
    link_address_fini(address);
    *address = made;
    return STATUS_OK;
}

bool link_address_is(const struct link_address *address, const char *hostname, int port)
{
    return address->port == port && strcasecmp(address->hostname, hostname) == 0;
}

void link_address_fini(struct link_address *address)
{
    free(address->hostname);
    free(address->name);
    *address = (struct link_address){.port = 0};
}
