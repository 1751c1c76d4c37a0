/* SPDX-License-Identifier: Apache-2.0 */
/* c-ares says which sockets it wants watched and when it wants to be called; libevent does both. A
 * socket's watch ends when c-ares says so, which is before it closes it. Only ares_query is used:
 * the search list (dns_search.c) and the pairing of families (dns_query.c) are our own, since in
 * 1.18.1 ares_getaddrinfo asks on after it was cancelled. The loop's thread only. */
#include "shared/net/dns_channel.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/list.h"
#include "shared/net/loop_event.h"

enum {
    EDNS_BYTES = 1232, /* fits every path's MTU (DNS flag day 2020); more comes over TCP */
    TIMEOUT_MS = 1000, /* of the first try; it doubles. Where resolv.conf does not say */
    TRIES = 2,
    ARES_TIMEOUT_MS = 5000, /* c-ares' own, when nobody says */
    ARES_TRIES = 4,
    TIMEOUT_MAX_MS = 5000,
    TRIES_MAX = 5,
    CLASS_IN = 1,
};

struct dns_channel {
    struct event_base *base;
    ares_channel ares;
    struct event *clock;
    struct list watches;
    struct ares_options said; /* what resolv.conf and the environment say; c-ares' memory */
    struct dns_search search;
};

/* One of c-ares' sockets. */
struct watch {
    struct list node;
    struct dns_channel *channel;
    ares_socket_t fd;
    struct event *event;
};

static void set_clock(struct dns_channel *channel)
{
    struct timeval left;

    if (ares_timeout(channel->ares, NULL, &left) != NULL)
        (void)evtimer_add(channel->clock, &left);
    else
        (void)evtimer_del(channel->clock);
}

/* The watch itself may be gone afterwards. */
static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watch *watch = arg;
    struct dns_channel *channel = watch->channel;

    ares_process_fd(channel->ares, what & EV_READ ? fd : ARES_SOCKET_BAD,
                    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
    set_clock(channel);
}

static void on_clock(evutil_socket_t fd, short what, void *arg)
{
    struct dns_channel *channel = arg;

    (void)fd;
    (void)what;
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_clock(channel);
}

static struct watch *find_watch(struct dns_channel *channel, ares_socket_t fd)
{
    for (struct list *node = channel->watches.next; node != &channel->watches; node = node->next) {
        struct watch *watch = container_of(node, struct watch, node);

        if (watch->fd == fd)
            return watch;
    }
    return NULL;
}

static void unwatch(struct watch *watch)
{
    list_remove(&watch->node);
    loop_event_free(watch->event);
    free(watch);
}

/* Without memory the socket is not watched, and its questions end by their time. */
static void watch_socket(struct dns_channel *channel, ares_socket_t fd, short what)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return;
    list_add_tail(&channel->watches, &watch->node);
    watch->channel = channel;
    watch->fd = fd;
    watch->event = event_new(channel->base, fd, (short)(what | EV_PERSIST), on_ready, watch);
    if (watch->event == NULL || event_add(watch->event, NULL))
        unwatch(watch);
}

static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct dns_channel *channel = arg;
    struct watch *old = find_watch(channel, fd);

    if (old != NULL)
        unwatch(old);
    if (readable || writable)
        watch_socket(channel, fd, (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0)));
}

static enum status set_server(struct dns_channel *channel, const struct sockaddr_storage *server)
{
    struct ares_addr_port_node node = {.family = server->ss_family};

    if (server->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)server;

        node.addr.addr4 = v4->sin_addr;
        node.udp_port = node.tcp_port = ntohs(v4->sin_port);
    } else {
        const struct sockaddr_in6 *v6 = (const void *)server;

        memcpy(&node.addr.addr6, &v6->sin6_addr, sizeof node.addr.addr6);
        node.udp_port = node.tcp_port = ntohs(v6->sin6_port);
    }
    return ares_set_servers_ports(channel->ares, &node) == ARES_SUCCESS ? STATUS_OK : STATUS_NO_MEMORY;
}

/* c-ares' own five seconds and four tries are too long for a push to wait; what resolv.conf says counts,
 * within bounds. What it says can only be had from a channel. */
static enum status read_resolv_conf(struct dns_channel *channel, const char *path)
{
    char *copy = strdup(path);
    struct ares_options options = {.resolvconf_path = copy};
    ares_channel probe;
    int mask;
    int status = copy != NULL ? ares_init_options(&probe, &options, ARES_OPT_RESOLVCONF) : ARES_ENOMEM;

    free(copy);
    if (status != ARES_SUCCESS)
        return STATUS_NO_MEMORY;
    status = ares_save_options(probe, &channel->said, &mask);
    ares_destroy(probe);
    if (status != ARES_SUCCESS)
        return STATUS_NO_MEMORY;
    struct ares_options *said = &channel->said;
    said->timeout = said->timeout == ARES_TIMEOUT_MS ? TIMEOUT_MS : said->timeout;
    said->timeout = said->timeout > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : said->timeout;
    said->tries = said->tries == ARES_TRIES ? TRIES : said->tries;
    said->tries = said->tries > TRIES_MAX ? TRIES_MAX : said->tries;
    channel->search = (struct dns_search){said->domains, (size_t)(said->ndomains > 0 ? said->ndomains : 0),
                                          (size_t)(said->ndots > 0 ? said->ndots : 0)};
    return STATUS_OK;
}

static enum status open_channel(struct dns_channel *channel, const struct dns_channel_conf *conf)
{
    char *path = strdup(conf->resolv_conf);
    struct ares_options options = {
        .flags = ARES_FLAG_EDNS,
        .ednspsz = EDNS_BYTES,
        .timeout = channel->said.timeout,
        .tries = channel->said.tries,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = channel,
        .resolvconf_path = path,
    };
    int status = path != NULL
                     ? ares_init_options(&channel->ares, &options,
                                         ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS |
                                             ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF)
                     : ARES_ENOMEM;

    free(path);
    if (status != ARES_SUCCESS) {
        channel->ares = NULL;
        return STATUS_NO_MEMORY;
    }
    return conf->server != NULL ? set_server(channel, conf->server) : STATUS_OK;
}

enum status dns_channel_new(const struct dns_channel_conf *conf, struct dns_channel **out)
{
    struct dns_channel *channel = calloc(1, sizeof *channel);

    if (channel == NULL)
        return STATUS_NO_MEMORY;
    channel->base = conf->base;
    list_init(&channel->watches);
    channel->clock = evtimer_new(conf->base, on_clock, channel);
    if (channel->clock == NULL || read_resolv_conf(channel, conf->resolv_conf) != STATUS_OK ||
        open_channel(channel, conf) != STATUS_OK) {
        dns_channel_free(channel);
        return STATUS_NO_MEMORY;
    }
    *out = channel;
    return STATUS_OK;
}

void dns_channel_free(struct dns_channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->ares != NULL)
        ares_destroy(channel->ares);
    while (!list_empty(&channel->watches))
        unwatch(container_of(list_first(&channel->watches), struct watch, node));
    loop_event_free(channel->clock);
    ares_destroy_options(&channel->said);
    free(channel);
}

void dns_channel_ask(struct dns_channel *channel, const char *name, int type, ares_callback callback,
                     void *arg)
{
    ares_query(channel->ares, name, CLASS_IN, type, callback, arg);
    set_clock(channel);
}

const struct dns_search *dns_channel_search(const struct dns_channel *channel)
{
    return &channel->search;
}

ares_channel dns_channel_handle(const struct dns_channel *channel)
{
    return channel->ares;
}
