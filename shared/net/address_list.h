/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of one host, as an addrinfo list that is embedded and owns nothing. The part that asks
 * the kernel for routes runs on any thread. */
#ifndef FANFARE_SHARED_NET_ADDRESS_LIST_H
#define FANFARE_SHARED_NET_ADDRESS_LIST_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_LIST_MAX = 16 }; /* past it addresses are left out */

/* All zero: empty. Its items point into it: do not copy it by assignment. */
struct address_list {
    size_t count;
    struct addrinfo items[ADDRESS_LIST_MAX]; /* linked by ai_next */
    struct sockaddr_storage addresses[ADDRESS_LIST_MAX];
};

/* `bytes` are 4 (AF_INET) or 16 (AF_INET6), in network order; `port` is 1 to 65535. */
void address_list_add(struct address_list *list, int family, const void *bytes, int port);
/* Replaces `to` by a copy of `from`'s items. */
void address_list_copy(struct address_list *to, const struct addrinfo *from);
/* The first, or NULL. */
const struct addrinfo *address_list_first(const struct address_list *list);
/* Whether the kernel has a route to that address, as in address_list_add (RFC 6724, section 5, rule 1).
 * Sends nothing. */
bool address_has_route(int family, const void *bytes);

#endif
