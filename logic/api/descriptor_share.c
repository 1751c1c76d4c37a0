/* SPDX-License-Identifier: Apache-2.0 */
/* What logic opens for itself first, then a descriptor for each gateway that can be, and callers have the
 * rest. */
#include "logic/api/descriptor_share.h"

#include "logic/discovery/gateway_set.h"
#include "shared/http/http_server.h"

enum { OWN = 32, OF_REDIS = 12, LEAST_LINKS = 8, LEAST_CONNECTIONS = 4 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The most places whose connections, with those beside them, fit into `descriptors`. */
static size_t places_in(size_t descriptors, size_t max)
{
    size_t places = least(descriptors, max);

    while (places > 0 && http_server_descriptors(places) > descriptors)
        places--;
    return places;
}

enum status descriptor_share_make(size_t limit, size_t open, const struct logic_conf *conf,
                                  struct descriptor_share *out, struct fault *fault)
{
    size_t own = open + OWN + (conf->redis.url[0] != '\0' ? OF_REDIS : 0);
    size_t listed = conf->gateway_list.count > LEAST_LINKS ? conf->gateway_list.count : LEAST_LINKS;
    size_t needed = own + listed + http_server_descriptors(LEAST_CONNECTIONS);

    if (limit < needed)
        return fault_set(fault, STATUS_INVALID,
                         "RLIMIT_NOFILE: %zu file descriptors are too few; needed: %zu. Raise the limit "
                         "(ulimit -n, LimitNOFILE=)",
                         limit, needed);
    size_t rest = limit - own;
    size_t found = least(rest / 4, GATEWAY_SET_MAX);
    size_t links = conf->discovery_mode == DISCOVERY_STATIC || found < listed ? listed : found;
    *out = (struct descriptor_share){own, links, places_in(rest - links, (size_t)conf->max_connections)};
    return STATUS_OK;
}
