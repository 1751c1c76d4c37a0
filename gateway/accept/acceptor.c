/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets send tickets back through the control box; what they cost is counted here, and given back here. */
#include "gateway/accept/acceptor.h"

#include <stdlib.h>
#include <unistd.h>

#include "gateway/accept/admission.h"
#include "gateway/accept/proxy_stage.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/base/list.h"
#include "shared/net/cidr.h"
#include "shared/net/listener.h"
#include "shared/net/loop_event.h"

enum { PACE_US = 1000 };

struct acceptor {
    struct event_base *base;
    struct acceptor_conf conf;
    struct listener *listener;
    struct mail *new_first; /* tickets that go to their buckets together, once per turn of the loop */
    struct mail **new_end;
    struct event *hand_over;
    struct bucket *const *buckets;
    unsigned bucket_count;
    size_t loads[MAX_BUCKETS];
    size_t live;
    size_t refused;  /* of the live ones, those that get 503 */
    size_t canaries; /* of the live ones, those that are our own */
    struct address_table *addresses;
    struct admission admission;
    struct cidr_list *proxies; /* a reference; NULL: nobody is one */
    struct proxy_stage *stage; /* where those begin, with `headers` */
    bool headers;              /* a proxy says first for whom it connects */
    bool draining;
};

/* Somebody who has connected, and whose address is known as far as it can be without his request. */
struct newcomer {
    int fd;
    int64_t accepted_us;
    uint8_t peer[CIDR_ADDRESS_LEN];
    bool internet; /* `peer` is an address */
    bool proxy;    /* and one of a trusted proxy's, which has no share of its own */
    bool trusted;  /* the proxy itself speaks: what its request says of others is believed */
};

static void on_gone(struct acceptor *acceptor, struct ticket *ticket)
{
    acceptor->live--;
    acceptor->loads[ticket->bucket]--;
    /* Who gave way takes the mark of the one that came, who was counted as refused. */
    if (ticket->refusal != REFUSAL_NONE || ticket->probe || ticket->gave_way)
        acceptor->refused--;
    if (ticket->canary)
        acceptor->canaries--;
    address_table_remove(acceptor->addresses, ticket->address);
    free(ticket);
}

static void on_ticket(void *arg, struct control_mail *mail)
{
    on_gone(arg, container_of(mail, struct ticket, back));
}

/* It moves from the clients to those that are only told something, whose number is bounded too. */
static void count_as_probe(struct acceptor *acceptor, struct ticket *ticket)
{
    if (ticket->refusal != REFUSAL_NONE || ticket->canary)
        return;
    ticket->probe = true;
    acceptor->refused++;
    address_table_remove(acceptor->addresses, ticket->address);
    ticket->address = NULL;
    admission_give_back(&acceptor->admission);
}

static void on_probe(void *arg, struct control_mail *mail)
{
    struct probe_note *note = container_of(mail, struct probe_note, head);

    count_as_probe(arg, note->ticket);
    free(note);
}

static void turn_away(struct acceptor *acceptor, struct ticket *ticket)
{
    metrics_add(M_REFUSED_FULL, 1);
    close(ticket->fd);
    on_gone(acceptor, ticket);
}

/* Takes the tickets that wait, oldest first. */
static struct mail *take_new(struct acceptor *acceptor)
{
    struct mail *first = acceptor->new_first;

    acceptor->new_first = NULL;
    acceptor->new_end = &acceptor->new_first;
    return first;
}

static void on_hand_over(evutil_socket_t fd, short what, void *arg)
{
    struct acceptor *acceptor = arg;
    struct mail *next;

    (void)fd;
    (void)what;
    for (struct mail *mail = take_new(acceptor); mail != NULL; mail = next) {
        struct ticket *ticket = container_of(mail, struct ticket, head.mail);

        next = mail->next;
        if (bucket_post_ticket(acceptor->buckets[ticket->bucket], ticket) != STATUS_OK)
            turn_away(acceptor, ticket);
    }
}

static unsigned least_loaded(const struct acceptor *acceptor)
{
    unsigned best = 0;

    for (unsigned i = 1; i < acceptor->bucket_count; i++)
        if (acceptor->loads[i] < acceptor->loads[best])
            best = i;
    return best;
}

/* Where most may give way: connections that are not open yet, or not any more. */
static unsigned least_open(const struct acceptor *acceptor)
{
    size_t most = 0;
    unsigned best = 0;

    for (unsigned i = 0; i < acceptor->bucket_count; i++) {
        size_t open = bucket_clients(acceptor->buckets[i]);
        size_t others = acceptor->loads[i] > open ? acceptor->loads[i] - open : 0;

        if (others > most) {
            most = others;
            best = i;
        }
    }
    return best;
}

/* `own_share`: whether its address has not too many. */
static enum refusal judge(struct acceptor *acceptor, bool own_share, int *retry_s)
{
    size_t taken = acceptor_live(acceptor) + proxy_stage_waiting(acceptor->stage);

    if (acceptor->draining)
        return REFUSAL_DRAINING;
    if (!own_share)
        return REFUSAL_MAX_CLIENTS_PER_ADDRESS;
    if (!admission_admit(&acceptor->admission, clock_now_us(), retry_s))
        return REFUSAL_RATE;
    return taken >= acceptor->conf.limits.max_clients ? REFUSAL_MAX_CLIENTS : REFUSAL_NONE;
}

/* Counts it under its address, unless that is a proxy's. Whether its address has not too many. */
static bool count_address(struct acceptor *acceptor, const struct newcomer *newcomer, struct ticket *ticket)
{
    if (newcomer->proxy)
        return true;
    if (!newcomer->internet)
        return acceptor->conf.limits.max_per_address == 0;
    return address_table_add(acceptor->addresses, newcomer->peer, &ticket->address);
}

static struct ticket *ticket_new(struct acceptor *acceptor, const struct newcomer *newcomer)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);

    if (ticket == NULL)
        return NULL;
    ticket->fd = newcomer->fd;
    ticket->accepted_us = newcomer->accepted_us;
    memcpy(ticket->peer, newcomer->peer, CIDR_ADDRESS_LEN);
    ticket->trusted = newcomer->trusted;
    ticket->refusal = judge(acceptor, count_address(acceptor, newcomer, ticket), &ticket->retry_s);
    ticket->bucket = ticket->refusal == REFUSAL_MAX_CLIENTS ? least_open(acceptor) : least_loaded(acceptor);
    acceptor->live++;
    acceptor->loads[ticket->bucket]++;
    if (ticket->refusal != REFUSAL_NONE)
        acceptor->refused++;
    return ticket;
}

void acceptor_adopt(struct acceptor *acceptor, int fd)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);

    if (ticket == NULL) {
        close(fd);
        return;
    }
    ticket->fd = fd;
    ticket->canary = true;
    ticket->bucket = least_loaded(acceptor);
    acceptor->live++;
    acceptor->canaries++;
    acceptor->loads[ticket->bucket]++;
    if (bucket_post_ticket(acceptor->buckets[ticket->bucket], ticket) != STATUS_OK) {
        close(fd);
        on_gone(acceptor, ticket);
    }
}

/* Lets the newcomer in, or has it told 503, or closes it. */
static void admit(struct acceptor *acceptor, const struct newcomer *newcomer)
{
    struct ticket *ticket = ticket_new(acceptor, newcomer);

    if (ticket == NULL) {
        metrics_add(M_REFUSED_MEMORY, 1);
        close(newcomer->fd);
        return;
    }
    if (acceptor->refused > acceptor->conf.limits.max_refused) {
        turn_away(acceptor, ticket);
        return;
    }
    ticket->head.mail.next = NULL;
    *acceptor->new_end = &ticket->head.mail;
    acceptor->new_end = &ticket->head.mail.next;
    event_active(acceptor->hand_over, EV_TIMEOUT, 0);
}

/* A proxy's header is there. Of a stranger whose address it does not tell, the proxy's stands for it, but not
 * what the proxy may say: his request is his own. */
static void on_proxied(int fd, const struct proxy_header *header, const uint8_t peer[CIDR_ADDRESS_LEN],
                       int64_t accepted_us, void *arg)
{
    struct newcomer newcomer = {.fd = fd, .accepted_us = accepted_us, .internet = true};
    struct acceptor *acceptor = arg;

    memcpy(newcomer.peer, header->relay == PROXY_RELAYED ? header->address : peer, CIDR_ADDRESS_LEN);
    newcomer.proxy = cidr_list_has(acceptor->proxies, newcomer.peer);
    newcomer.trusted = newcomer.proxy && header->relay != PROXY_UNKNOWN;
    admit(acceptor, &newcomer);
}

/* Those who wait for a header have no descriptors but those of the clients and of whoever is told 503. */
static void make_room(struct acceptor *acceptor)
{
    const struct acceptor_limits *limits = &acceptor->conf.limits;
    size_t taken = acceptor->live - acceptor->canaries + proxy_stage_waiting(acceptor->stage);

    if (taken >= limits->max_clients + limits->max_refused)
        (void)proxy_stage_evict(acceptor->stage);
}

static void on_accept(int fd, const struct sockaddr *peer, socklen_t peer_len, void *arg)
{
    struct newcomer newcomer = {.fd = fd, .accepted_us = clock_now_us()};
    struct acceptor *acceptor = arg;

    (void)peer_len;
    newcomer.internet = cidr_address_of(peer, newcomer.peer);
    newcomer.proxy = newcomer.internet && cidr_list_has(acceptor->proxies, newcomer.peer);
    newcomer.trusted = newcomer.proxy;
    make_room(acceptor);
    if (newcomer.proxy && acceptor->headers)
        proxy_stage_take(acceptor->stage, fd, newcomer.peer, newcomer.accepted_us);
    else
        admit(acceptor, &newcomer);
}

enum status acceptor_new(struct event_base *base, const struct acceptor_conf *conf, struct acceptor **out,
                         struct fault *fault)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);

    if (acceptor == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    acceptor->base = base;
    acceptor->conf = *conf;
    acceptor->new_end = &acceptor->new_first;
    admission_init(&acceptor->admission, conf->limits.per_second, clock_now_us());
    if (address_table_new(&acceptor->addresses) != STATUS_OK ||
        proxy_stage_new(base, on_proxied, acceptor, &acceptor->stage) != STATUS_OK)
        goto fail;
    address_table_limit(acceptor->addresses, conf->limits.max_per_address);
    acceptor->hand_over = event_new(base, -1, 0, on_hand_over, acceptor);
    if (acceptor->hand_over == NULL)
        goto fail;
    control_box_route(conf->box, CONTROL_TICKET, on_ticket, acceptor);
    control_box_route(conf->box, CONTROL_PROBE, on_probe, acceptor);
    *out = acceptor;
    return STATUS_OK;
fail:
    acceptor_free(acceptor);
    return fault_set(fault, STATUS_NO_MEMORY, "the acceptor does not start: out of memory");
}

struct address_table *acceptor_addresses(struct acceptor *acceptor)
{
    return acceptor->addresses;
}

enum status acceptor_start(struct acceptor *acceptor, struct bucket *const *buckets, unsigned bucket_count,
                           struct fault *fault)
{
    acceptor->buckets = buckets;
    acceptor->bucket_count = bucket_count;
    enum status status = listener_new(acceptor->base, "ws", acceptor->conf.bind, acceptor->conf.port,
                                      on_accept, acceptor, &acceptor->listener, fault);
    if (status != STATUS_OK)
        return status;
    listener_set_pace(acceptor->listener, PACE_US);
    listener_count_failures(acceptor->listener, M_ACCEPT_FAILURES_WS);
    return STATUS_OK;
}

void acceptor_set_limits(struct acceptor *acceptor, const struct acceptor_limits *limits)
{
    acceptor->conf.limits = *limits;
    address_table_limit(acceptor->addresses, limits->max_per_address);
    admission_set_rate(&acceptor->admission, limits->per_second);
}

void acceptor_set_proxies(struct acceptor *acceptor, struct cidr_list *proxies, bool headers)
{
    struct cidr_list *before = acceptor->proxies;

    acceptor->proxies = cidr_list_ref(proxies);
    acceptor->headers = headers;
    cidr_list_unref(before);
}

void acceptor_drain(struct acceptor *acceptor)
{
    acceptor->draining = true;
}

size_t acceptor_live(const struct acceptor *acceptor)
{
    return acceptor->live - acceptor->refused - acceptor->canaries;
}

size_t acceptor_clients(const struct acceptor *acceptor)
{
    size_t sum = 0;

    for (unsigned i = 0; i < acceptor->bucket_count; i++)
        sum += bucket_clients(acceptor->buckets[i]);
    return sum;
}

void acceptor_free(struct acceptor *acceptor)
{
    if (acceptor == NULL)
        return;
    if (acceptor->listener != NULL)
        listener_free(acceptor->listener);
    for (struct mail *mail = take_new(acceptor), *next; mail != NULL; mail = next) {
        next = mail->next;
        turn_away(acceptor, container_of(mail, struct ticket, head.mail));
    }
    control_box_take(acceptor->conf.box);
    loop_event_free(acceptor->hand_over);
    proxy_stage_free(acceptor->stage);
    address_table_free(acceptor->addresses);
    cidr_list_unref(acceptor->proxies);
    free(acceptor);
}
