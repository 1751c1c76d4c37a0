/* SPDX-License-Identifier: Apache-2.0 */
/* Pure, but for the look at the routes: a datagram socket that connects asks the kernel for one. */
#include "shared/net/address_list.h"

#include <string.h>
#include <unistd.h>

static socklen_t fill(struct sockaddr_storage *out, int family, const void *bytes, int port)
{
    memset(out, 0, sizeof *out);
    out->ss_family = (sa_family_t)family;
    if (family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;

        memcpy(&v4->sin_addr, bytes, sizeof v4->sin_addr);
        v4->sin_port = htons((uint16_t)port);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memcpy(&v6->sin6_addr, bytes, sizeof v6->sin6_addr);
    v6->sin6_port = htons((uint16_t)port);
    return sizeof *v6;
}

/* The address itself stands in its place already. */
static void link_item(struct address_list *list, socklen_t len)
{
    size_t i = list->count++;

    list->items[i] = (struct addrinfo){.ai_family = list->addresses[i].ss_family,
                                       .ai_socktype = SOCK_STREAM,
                                       .ai_protocol = IPPROTO_TCP,
                                       .ai_addrlen = len,
                                       .ai_addr = (struct sockaddr *)&list->addresses[i]};
    if (i > 0)
        list->items[i - 1].ai_next = &list->items[i];
}

void address_list_add(struct address_list *list, int family, const void *bytes, int port)
{
    if (list->count < ADDRESS_LIST_MAX)
        link_item(list, fill(&list->addresses[list->count], family, bytes, port));
}

void address_list_copy(struct address_list *to, const struct addrinfo *from)
{
    to->count = 0;
    for (; from != NULL && to->count < ADDRESS_LIST_MAX; from = from->ai_next) {
        memcpy(&to->addresses[to->count], from->ai_addr, from->ai_addrlen);
        link_item(to, from->ai_addrlen);
    }
}

const struct addrinfo *address_list_first(const struct address_list *list)
{
    return list->count ? &list->items[0] : NULL;
}

bool address_has_route(int family, const void *bytes)
{
    struct sockaddr_storage address;
    socklen_t len = fill(&address, family, bytes, 9);
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && connect(fd, (const struct sockaddr *)&address, len) == 0;

    if (fd >= 0)
        close(fd);
    return has;
}
