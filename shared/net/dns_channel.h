/* SPDX-License-Identifier: Apache-2.0 */
/* One channel of c-ares on a libevent loop: its sockets, its clock, and what resolv.conf says. Part of
 * resolver.c. The loop's thread only; files are read, nothing else is waited for. */
#ifndef FANFARE_SHARED_NET_DNS_CHANNEL_H
#define FANFARE_SHARED_NET_DNS_CHANNEL_H

#include <ares.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "shared/base/status.h"
#include "shared/net/dns_search.h"

struct dns_channel_conf {
    struct event_base *base;
    const struct sockaddr_storage *server; /* NULL: those of resolv.conf */
    const char *resolv_conf;               /* its path */
};

struct dns_channel;

/* STATUS_NO_MEMORY. A resolv.conf that is not there or names no server means 127.0.0.1. */
enum status dns_channel_new(const struct dns_channel_conf *conf, struct dns_channel **out);
/* Legal on NULL; not from inside a callback of ares_query. What was asked is called back at once, with
 * ARES_EDESTRUCTION. */
void dns_channel_free(struct dns_channel *channel);
/* As ares_query, which may call back before this returns: class IN, and `name` is complete. */
void dns_channel_ask(struct dns_channel *channel, const char *name, int type, ares_callback callback,
                     void *arg);
/* The channel's, until it is freed. */
const struct dns_search *dns_channel_search(const struct dns_channel *channel);
/* For ares_gethostbyname_file. */
ares_channel dns_channel_handle(const struct dns_channel *channel);

#endif
