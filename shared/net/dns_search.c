/* SPDX-License-Identifier: Apache-2.0 */
/* The order is glibc's and c-ares' own. Not ares_search, whose 1.18.1 takes one family alone and goes
 * on to the next domain when it is cancelled. Pure. */
#include "shared/net/dns_search.h"

#include <stdio.h>
#include <string.h>

static size_t count_dots(const char *name)
{
    size_t dots = 0;

    for (; *name; name++)
        dots += *name == '.';
    return dots;
}

/* A domain may be the root's, "." or "". */
static bool join(const char *name, size_t len, const char *domain, char out[DNS_NAME_MAX + 1])
{
    size_t domain_len = strlen(domain);

    if (domain_len > 0 && domain[domain_len - 1] == '.')
        domain_len--;
    if (len > DNS_NAME_MAX || domain_len > DNS_NAME_MAX)
        return false;
    int wrote = snprintf(out, DNS_NAME_MAX + 1, "%.*s%s%.*s", (int)len, name, domain_len ? "." : "",
                         (int)domain_len, domain);
    return wrote <= DNS_NAME_MAX;
}

bool dns_search_next(const struct dns_search *search, const char *name, size_t *turn,
                     char out[DNS_NAME_MAX + 1])
{
    size_t len = strlen(name);
    bool complete = len > 0 && name[len - 1] == '.';
    size_t itself = count_dots(name) >= search->ndots ? 0 : search->count;

    if (complete)
        return (*turn)++ == 0 && join(name, len - 1, "", out);
    while (*turn <= search->count) {
        size_t now = (*turn)++;
        const char *domain = now == itself ? "" : search->domains[now > itself ? now - 1 : now];

        if (join(name, len, domain, out))
            return true;
    }
    return false;
}
