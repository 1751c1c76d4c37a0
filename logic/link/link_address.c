/* SPDX-License-Identifier: Apache-2.0 */
/* Owns three strings. Pure. */
#include "logic/link/link_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t len_without_dot(const char *hostname)
{
    size_t len = strlen(hostname);

    return len > 1 && hostname[len - 1] == '.' ? len - 1 : len;
}

static char *make_name(const char *hostname, int port)
{
    char *name = NULL;
    const char *format = strchr(hostname, ':') != NULL ? "[%.*s]:%d" : "%.*s:%d";

    return asprintf(&name, format, (int)len_without_dot(hostname), hostname, port) < 0 ? NULL : name;
}

enum status link_address_set(struct link_address *address, const char *hostname, int port)
{
    struct link_address made = {strdup(hostname), strndup(hostname, len_without_dot(hostname)),
                                make_name(hostname, port), port};

    if (made.asked == NULL || made.hostname == NULL || made.name == NULL) {
        link_address_fini(&made);
        return STATUS_NO_MEMORY;
    }
    link_address_fini(address);
    *address = made;
    return STATUS_OK;
}

bool link_address_is(const struct link_address *address, const char *hostname, int port)
{
    size_t len = len_without_dot(hostname);

    return address->port == port && strlen(address->hostname) == len &&
           strncasecmp(address->hostname, hostname, len) == 0;
}

void link_address_fini(struct link_address *address)
{
    free(address->asked);
    free(address->hostname);
    free(address->name);
    *address = (struct link_address){.port = 0};
}
