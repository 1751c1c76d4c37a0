/* SPDX-License-Identifier: Apache-2.0 */
/* Where a link goes, and what it is called after that. Pure; owned by whoever embeds it. */
#ifndef FANFARE_LOGIC_LINK_LINK_ADDRESS_H
#define FANFARE_LOGIC_LINK_LINK_ADDRESS_H

#include <stdbool.h>

#include "shared/base/status.h"

/* All zero: none yet. */
struct link_address {
    char *asked;    /* as it is looked up: a name, complete when it ends with a dot, or an address */
    char *hostname; /* the same without that dot, as certificates name it; no brackets */
    char *name;     /* "host:port", "[::1]:7788" for an IPv6 address */
    int port;
};

/* Replaces the address; the strings are new ones. STATUS_NO_MEMORY: it is as before. */
enum status link_address_set(struct link_address *address, const char *hostname, int port);
/* Names are compared without regard to ASCII case and to a last dot. */
bool link_address_is(const struct link_address *address, const char *hostname, int port);
/* Frees the strings. */
void link_address_fini(struct link_address *address);

#endif
