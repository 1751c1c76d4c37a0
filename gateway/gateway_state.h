/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the gateway, for gateway.c, which builds and ends it, and gateway_reload.c. The control
 * thread. */
#ifndef FANFARE_GATEWAY_GATEWAY_STATE_H
#define FANFARE_GATEWAY_GATEWAY_STATE_H

#include <event2/event.h>

#include "gateway/accept/acceptor.h"
#include "gateway/accept/control_box.h"
#include "gateway/admin_api.h"
#include "gateway/auth/auth.h"
#include "gateway/auth/auth_hook.h"
#include "gateway/bucket/bucket.h"
#include "gateway/bucket/readiness.h"
#include "gateway/certificates.h"
#include "gateway/descriptor_plan.h"
#include "gateway/drain.h"
#include "gateway/fanout/fanout.h"
#include "gateway/intake/bus_listener.h"
#include "gateway/intake/push_handler.h"
#include "gateway/page.h"
#include "gateway/query/query_desk.h"
#include "gateway/registrar.h"
#include "gateway/rpc/canary.h"
#include "gateway/rpc/rpc_server.h"
#include "shared/conf/reload.h"
#include "shared/daemon/hangup.h"
#include "shared/net/resolver.h"

struct gateway {
    const struct reload *settings;
    const struct gateway_conf *conf; /* of settings */
    size_t descriptors_open;         /* at the start */
    struct descriptor_plan descriptors;
    struct event_base *base;
    struct hangup *hangup;
    struct certificates *certificates;
    struct directory *directory;
    struct connection_table *connections;
    struct hello hello; /* who this gateway is, to every logic; its limits are those of the start */
    struct join_orders *orders;
    struct page *page;
    struct readiness readiness;
    struct ban_table *bans;
    struct event *bans_wait; /* while it is not known who is banned (gateway_bans.h), else NULL */
    struct control_box *box; /* what the buckets tell */
    struct acceptor *acceptor;
    struct handshake_rules *rules; /* of the start */
    struct cidr_list *proxies;     /* likewise */
    struct bucket_conf bucket_conf;
    struct bucket *buckets[MAX_BUCKETS];
    unsigned bucket_count;
    struct fanout *fanout;
    struct canary *canary;
    struct node_report *node;
    struct query_desk *queries;
    struct push_handler *handler;
    struct rpc_server *rpc;
    struct resolver *dns;        /* NULL until somebody needs it (gateway_start_dns) */
    struct auth *auth;           /* keys and policies (gateway_auth.h) */
    struct auth_hook *hook;      /* NULL without one (gateway_hook.h) */
    struct registrar *registrar; /* NULL without Redis */
    struct bus_listener *bus;    /* NULL unless it listens */
    struct admin_api *admin;
    struct drain *drain;
    struct list hook_back; /* answered questions that their bucket had no room for */
    struct event *hook_retry;
    bool stopping; /* no question is answered any more */
};

/* gateway.c: how many bucket threads there are, or will be. */
unsigned gateway_threads(const struct gateway_conf *conf);

/* gateway_dns.c: there are name look-ups from now on. STATUS_NO_MEMORY. */
enum status gateway_start_dns(struct gateway *gateway, struct fault *fault);

/* gateway_reload.c */
/* Listens for SIGHUP: from now on settings and certificates may be other ones. Once all parts stand. */
enum status gateway_reload_begin(struct gateway *gateway);
/* Before the parts end. Legal when it has not begun. */
void gateway_reload_end(struct gateway *gateway);
/* A certificates_changed: hands the new certificate to the ports that show it. `arg` is the gateway. */
void gateway_reload_certificate(void *arg, enum certificate_kind kind, SSL_CTX *context);

#endif
