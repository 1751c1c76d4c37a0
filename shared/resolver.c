/* SPDX-License-Identifier: Apache-2.0 */
/* Sets evdns up and takes it down. The loop's thread. */
#include "shared/resolver.h"

#include <event2/util.h>
#include <stddef.h>
#include <sys/socket.h>

const char *resolver_fault(const char *nameserver)
{
    struct sockaddr_storage address;
    int len = sizeof address;

    if (nameserver[0] == '\0' ||
        evutil_parse_sockaddr_port(nameserver, (struct sockaddr *)&address, &len) == 0)
        return NULL;
    return "must be an address, or address:port ([::1]:53 for IPv6)";
}

static enum status find_servers(struct evdns_base *dns, const char *nameserver)
{
    if (nameserver[0] == '\0') {
        if (evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, "/etc/resolv.conf"))
            (void)evdns_base_load_hosts(dns, "/etc/hosts");
        return STATUS_OK;
    }
    (void)evdns_base_load_hosts(dns, "/etc/hosts");
    return evdns_base_nameserver_ip_add(dns, nameserver) ? STATUS_INVALID : STATUS_OK;
}

enum status resolver_new(struct event_base *base, const char *nameserver, struct evdns_base **out)
{
    struct evdns_base *dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);

    if (!dns)
        return STATUS_NO_MEMORY;
    /* First, so that what /etc/resolv.conf says of them counts. */
    enum status status =
        evdns_base_set_option(dns, "timeout:", "1") || evdns_base_set_option(dns, "attempts:", "2")
            ? STATUS_NO_MEMORY
            : find_servers(dns, nameserver);
    if (status) {
        evdns_base_free(dns, 0);
        return status;
    }
    *out = dns;
    return STATUS_OK;
}

void resolver_free(struct event_base *base, struct evdns_base *dns)
{
    if (!dns)
        return;
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    evdns_base_free(dns, 1);
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}
