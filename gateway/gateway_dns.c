/* SPDX-License-Identifier: Apache-2.0 */
/* Who looks names up: the registry, the bus, auth.hook. Nobody else needs a resolver, so it comes with the
 * first of them. The control thread. */
#include "gateway/gateway_state.h"

enum status gateway_start_dns(struct gateway *gateway, struct fault *fault)
{
    if (gateway->dns != NULL || resolver_new(gateway->base, "", &gateway->dns) == STATUS_OK)
        return STATUS_OK;
    return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}
