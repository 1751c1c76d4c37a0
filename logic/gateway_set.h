/* SPDX-License-Identifier: Apache-2.0 */
/* The gateways that this logic knows, each with its link, in the order in which they became
 * known. Where they come from (the list in the config, later others) is the caller's matter:
 * every source calls gateway_set_add. The loop's thread only. */
#ifndef FANFARE_LOGIC_GATEWAY_SET_H
#define FANFARE_LOGIC_GATEWAY_SET_H

#include "logic/gateway_link.h"
#include "shared/status.h"

struct gateway_set {
    struct link_env *env; /* the owner's, outlives the set */
    struct gateway_link **links;
    size_t count;
    size_t cap;
};

void gateway_set_init(struct gateway_set *set, struct link_env *env);
/* Frees all links (see gateway_link_free); the set is empty afterwards. */
void gateway_set_fini(struct gateway_set *set);
/* Adds a gateway and starts its link. `hostname` may have the brackets of an IPv6 address. One
 * that is known already is left alone. STATUS_NO_MEMORY. */
enum status gateway_set_add(struct gateway_set *set, const char *hostname, int port);
/* How many links are up. */
size_t gateway_set_up(const struct gateway_set *set);
/* Pushes queued on all links together. */
size_t gateway_set_queued(const struct gateway_set *set);

#endif
