/* SPDX-License-Identifier: Apache-2.0 */
/* Which names a name may stand for: the search list of resolv.conf(5). Pure; any thread. */
#ifndef FANFARE_SHARED_NET_DNS_SEARCH_H
#define FANFARE_SHARED_NET_DNS_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

enum { DNS_NAME_MAX = 253 }; /* without the last dot (RFC 1035, section 2.3.4) */

struct dns_search {
    char *const *domains; /* the owner's */
    size_t count;
    size_t ndots; /* a name with so many dots is tried as it is first, else last */
};

/* Writes the next name to try, without a last dot; `*turn` is 0 at first. One that would be too long
 * is passed over. A name that ends with a dot is complete, and stands for itself only. False: there
 * are no more. */
bool dns_search_next(const struct dns_search *search, const char *name, size_t *turn,
                     char out[DNS_NAME_MAX + 1]);

#endif
