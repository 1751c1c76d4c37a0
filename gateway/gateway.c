/* SPDX-License-Identifier: Apache-2.0 */
/* The control thread owns everything here; the buckets are its only other threads. */
#include "gateway/gateway.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "gateway/bucket/join_orders.h"
#include "gateway/gateway_auth.h"
#include "gateway/gateway_bans.h"
#include "gateway/gateway_hook.h"
#include "gateway/gateway_limits.h"
#include "gateway/gateway_state.h"
#include "gateway/gateway_stats.h"
#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/wall_clock.h"
#include "shared/log/log.h"
#include "shared/net/descriptors.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_report.h"

/* Our logics speak every ten seconds at least, go-push's come back when they are closed. */
enum { RPC_QUIET_MS = 20000 };

unsigned gateway_threads(const struct gateway_conf *conf)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long threads = conf->bucket_threads > 0 ? (long)conf->bucket_threads : cores;

    return (unsigned)(threads < 1 ? 1 : threads > MAX_BUCKETS ? MAX_BUCKETS : threads);
}

static void fill_bucket_conf(struct gateway *gateway)
{
    gateway->bucket_conf = (struct bucket_conf){
        .directory = gateway->directory,
        .orders = gateway->orders,
        .returns = control_box_mailbox(gateway->box),
        .addresses = acceptor_addresses(gateway->acceptor),
        .bans = gateway->bans,
        .connections = gateway->connections,
        .page = gateway->page != NULL ? page_response(gateway->page) : slice_of(NULL, 0),
        .certificate = certificates_get(gateway->certificates, CERTIFICATE_WS),
        .readiness = &gateway->readiness,
        .rules = gateway->rules,
        .buckets = gateway_threads(gateway->conf),
        .wire = (enum wire_kind)gateway->conf->wire,
        .limits = gateway_bucket_limits(gateway->conf),
    };
}

static enum status start_buckets(struct gateway *gateway, struct fault *fault)
{
    unsigned count = gateway_threads(gateway->conf);

    for (; gateway->bucket_count < count; gateway->bucket_count++) {
        enum status status = bucket_new(gateway->bucket_count, &gateway->bucket_conf,
                                        &gateway->buckets[gateway->bucket_count], fault);
        if (status != STATUS_OK)
            return status;
    }
    bool uring = bucket_wire(gateway->buckets[0]) == WIRE_URING;
    log_event(LOG_INFO, "buckets started", LOG_I("threads", count), LOG_S("wire", uring ? "uring" : "send"));
    return STATUS_OK;
}

/* Who this gateway is, to every logic; its connections' ids begin with it. */
static enum status fill_hello(const struct gateway_conf *conf, struct hello *out, struct fault *fault)
{
    uint8_t random[HELLO_INSTANCE_LEN / 2];

    *out = (struct hello){.version = FANFARE_VERSION,
                          .capabilities = 1u << HELLO_TRACES | 1u << HELLO_USERS | 1u << HELLO_OPTIONS |
                                          1u << HELLO_QUERIES | 1u << HELLO_COMMANDS};
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return fault_set(fault, STATUS_IO, "no random bytes from the system");
    hello_set_instance(out, random);
    gateway_hello_limits(conf, out->limits);
    return STATUS_OK;
}

/* The client side: who connects, and where pushes go. */
static enum status start_clients(struct gateway *gateway, struct fault *fault)
{
    const struct gateway_conf *conf = gateway->conf;
    const struct page_conf page = {conf->page_api_url, conf->page_token_url};

    if (directory_new(&gateway->directory) != STATUS_OK || join_orders_new(&gateway->orders) != STATUS_OK ||
        connection_table_new(descriptors_limit(), connection_id_instance(gateway->hello.instance),
                             &gateway->connections) != STATUS_OK ||
        control_box_new(gateway->base, &gateway->box) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory or descriptors");
    if (conf->page_enabled && page_new(&page, &gateway->page) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    enum status status = cidr_list_new("trustedProxies", conf->trusted_proxies.items,
                                       conf->trusted_proxies.count, &gateway->proxies, fault);
    if (status != STATUS_OK)
        return status;
    if (handshake_rules_new(&conf->ws_origins, &conf->ws_subprotocols, gateway->proxies, &gateway->rules) !=
        STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    const struct acceptor_conf acceptor_conf = {gateway->box, conf->ws_bind, (int)conf->ws_port,
                                                gateway_acceptor_limits(conf, &gateway->descriptors)};
    status = acceptor_new(gateway->base, &acceptor_conf, &gateway->acceptor, fault);
    if (status != STATUS_OK)
        return status;
    acceptor_set_proxies(gateway->acceptor, gateway->proxies, conf->proxy_protocol);
    fill_bucket_conf(gateway);
    return start_buckets(gateway, fault);
}

static void on_pressure(void *arg, bool pressed)
{
    const struct gateway *gateway = arg;

    rpc_server_hold(gateway->rpc, pressed);
    bus_listener_hold(gateway->bus, pressed);
}

static void on_coming(void *arg)
{
    const struct gateway *gateway = arg;

    fanout_wake_buckets(gateway->fanout);
}

static void on_turn(void *arg)
{
    const struct gateway *gateway = arg;

    fanout_end_turn(gateway->fanout);
    bus_listener_look(gateway->bus);
}

static enum status print_stats(struct buf *out, void *arg)
{
    const struct gateway *gateway = arg;

    return gateway_stats_print(out, gateway->fanout);
}

/* A bucket's own numbers are read when they are asked for. */
static enum status print_metrics(struct buf *out, void *arg)
{
    const struct gateway *gateway = arg;

    for (unsigned i = 0; i < gateway->bucket_count; i++) {
        metrics_set_at(M_BUCKET_CLIENTS, i, bucket_clients(gateway->buckets[i]));
        metrics_set_at(M_BUCKET_JOBS, i, bucket_jobs(gateway->buckets[i]));
    }
    auth_measure(gateway->auth);
    metrics_set(M_RPC_INFLIGHT, rpc_server_inflight(gateway->rpc));
    metrics_set(M_BANS, ban_table_in_force(gateway->bans, wall_clock_s()));
    return metrics_print(out);
}

static const char *why_not_ready(void *arg)
{
    const struct gateway *gateway = arg;

    return readiness_fault(&gateway->readiness);
}

/* Redis never decides whether this gateway is ready once it has registered; who asks learns of it all the
 * same. */
static enum status print_state(struct buf *out, void *arg)
{
    const struct gateway *gateway = arg;
    const struct redis_client *const clients[] = {registrar_redis(gateway->registrar),
                                                  bus_listener_redis(gateway->bus)};
    enum status status = registrar_report(gateway->registrar, out);

    return status == STATUS_OK ? redis_report_append(out, clients, sizeof clients / sizeof clients[0])
                               : status;
}

/* From the merger up: what a push goes through before it is a delivery. */
static enum status start_pushes(struct gateway *gateway, struct fault *fault)
{
    const struct gateway_conf *conf = gateway->conf;
    const struct fanout_conf fanout_conf = {
        .limits = gateway_fanout_limits(conf),
        .directory = gateway->directory,
        .buckets = gateway->buckets,
        .bucket_count = gateway->bucket_count,
        .bans = gateway->bans,
        .orders = gateway->orders,
        .connections = gateway->connections,
        .on_pressure = on_pressure,
        .arg = gateway,
    };

    if (fanout_new(gateway->base, &fanout_conf, &gateway->fanout) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    const struct push_handler_conf handler_conf = {
        .limits = gateway_push_limits(conf),
        .max_items = PUSH_MAX_FORM_ITEMS,
        .sink = fanout_sink(gateway->fanout),
        .gap_wait_ms = conf->bus_gap_wait,
        .gap_bytes = (size_t)conf->bus_gap_bytes,
    };
    return push_handler_new(&handler_conf, &gateway->handler) == STATUS_OK &&
                   canary_new(gateway->base, gateway->acceptor, gateway->fanout, &gateway->readiness,
                              gateway->bucket_conf.certificate != NULL, &gateway->canary) == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

/* What logics may ask. */
static enum status start_queries(struct gateway *gateway, struct fault *fault)
{
    if (node_report_new(gateway->base, &gateway->readiness, &gateway->node) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    const struct query_desk_conf conf = {
        .base = gateway->base,
        .box = gateway->box,
        .buckets = gateway->buckets,
        .bucket_count = gateway->bucket_count,
        .connections = gateway->connections,
        .node = gateway->node,
    };
    return query_desk_new(&conf, &gateway->queries) == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

static enum status start_rpc(struct gateway *gateway, struct fault *fault)
{
    const struct gateway_conf *conf = gateway->conf;
    const struct rpc_server_conf rpc_conf = {
        .bind = conf->service_bind,
        .port = (int)conf->service_port,
        .tls = certificates_get(gateway->certificates, CERTIFICATE_RPC),
        .hello = gateway->hello,
        .limits = gateway_rpc_limits(conf, &gateway->descriptors),
        .quiet_ms = RPC_QUIET_MS,
        .handler = gateway->handler,
        .canary = gateway->canary,
        .bans = gateway_bans_rpc(gateway),
        .queries = gateway->queries,
        .stats = print_stats,
        .on_coming = on_coming,
        .on_turn = on_turn,
        .arg = gateway,
    };

    enum status status = rpc_server_new(gateway->base, &rpc_conf, &gateway->rpc, fault);
    return listener_blame(&gateway_service_keys, conf->service_bind, status, fault);
}

/* Who finds this gateway, and what else brings it pushes. */
static enum status start_redis(struct gateway *gateway, struct fault *fault)
{
    const struct gateway_conf *conf = gateway->conf;

    if (conf->redis.url[0] == '\0')
        return STATUS_OK;
    enum status status = gateway_start_dns(gateway, fault);
    if (status == STATUS_OK)
        status = registrar_new(gateway->base, gateway->dns, conf, rpc_server_port(gateway->rpc),
                               gateway->acceptor, &gateway->readiness, &gateway->registrar, fault);
    if (status != STATUS_OK || !conf->bus_listen)
        return status;
    const struct bus_listener_conf bus = {gateway->base,    gateway->dns, conf,
                                          gateway->handler, on_turn,      gateway};
    return bus_listener_new(&bus, &gateway->bus) == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

static enum status start_admin(struct gateway *gateway, struct fault *fault)
{
    const struct admin_api_conf conf = {
        .bind = gateway->conf->admin_bind,
        .port = (int)gateway->conf->admin_port,
        .max_connections = (int)gateway->descriptors.admin,
        .ops = {.not_ready = why_not_ready,
                .state = print_state,
                .metrics = print_metrics,
                .stats = print_stats,
                .arg = gateway},
    };

    enum status status = admin_api_new(gateway->base, &conf, &gateway->admin, fault);
    return listener_blame(&gateway_admin_keys, conf.bind, status, fault);
}

static enum status start_drain(struct gateway *gateway, struct fault *fault)
{
    const struct drain_conf conf = {
        .seconds = gateway->conf->drain_seconds,
        .accept_per_second = gateway->conf->accept_per_second,
        .acceptor = gateway->acceptor,
        .buckets = gateway->buckets,
        .bucket_count = gateway->bucket_count,
        .fanout = gateway->fanout,
        .rpc = gateway->rpc,
        .canary = gateway->canary,
        .readiness = &gateway->readiness,
        .registrar = gateway->registrar,
    };

    return drain_new(gateway->base, &conf, &gateway->drain) == STATUS_OK
               ? STATUS_OK
               : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
}

/* Whom it talks to: logics, Redis, the service behind auth.hook. */
static enum status start_peers(struct gateway *gateway, struct fault *fault)
{
    enum status status = start_rpc(gateway, fault);

    if (status == STATUS_OK)
        status = start_redis(gateway, fault);
    if (status == STATUS_OK)
        status = gateway_hook_start(gateway, fault);
    if (status == STATUS_OK)
        gateway_hook_use(gateway, auth_get(gateway->auth));
    return status;
}

static enum status start(struct gateway *gateway, struct fault *fault)
{
    gateway->descriptors_open = descriptors_open();
    enum status status = gateway_plan_descriptors(gateway->conf, gateway_threads(gateway->conf),
                                                  gateway->descriptors_open, &gateway->descriptors, fault);
    if (status != STATUS_OK)
        return status;
    gateway->base = event_base_new();
    if (gateway->base == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "libevent does not start");
    status = certificates_new(gateway->base, gateway->conf, gateway_reload_certificate, gateway,
                              &gateway->certificates, fault);
    if (status == STATUS_OK)
        status = fill_hello(gateway->conf, &gateway->hello, fault);
    if (status == STATUS_OK && gateway_bans_start(gateway) != STATUS_OK)
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    if (status == STATUS_OK)
        status = start_clients(gateway, fault);
    if (status == STATUS_OK)
        status = gateway_auth_start(gateway, fault);
    if (status == STATUS_OK)
        status = start_pushes(gateway, fault);
    if (status == STATUS_OK)
        status = start_queries(gateway, fault);
    if (status == STATUS_OK)
        status = start_peers(gateway, fault);
    if (status == STATUS_OK)
        status = start_drain(gateway, fault);
    if (status == STATUS_OK)
        status = start_admin(gateway, fault);
    if (status == STATUS_OK && gateway_reload_begin(gateway) != STATUS_OK)
        status = fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    if (status == STATUS_OK)
        status = listener_blame(
            &gateway_ws_keys, gateway->conf->ws_bind,
            acceptor_start(gateway->acceptor, gateway->buckets, gateway->bucket_count, fault), fault);
    return status;
}

static void stop(struct gateway *gateway)
{
    gateway_reload_end(gateway);
    admin_api_free(gateway->admin);
    drain_free(gateway->drain);
    bus_listener_free(gateway->bus);
    registrar_free(gateway->registrar);
    rpc_server_free(gateway->rpc);
    canary_free(gateway->canary);
    push_handler_free(gateway->handler);
    fanout_free(gateway->fanout);
    gateway_hook_stop(gateway);
    gateway_auth_stop(gateway);
    for (unsigned i = 0; i < gateway->bucket_count; i++)
        bucket_free(gateway->buckets[i]);
    acceptor_free(gateway->acceptor);
    gateway_hook_end(gateway);
    query_desk_free(gateway->queries);
    node_report_free(gateway->node);
    control_box_free(gateway->box);
    page_free(gateway->page);
    handshake_rules_unref(gateway->rules);
    cidr_list_unref(gateway->proxies);
    connection_table_free(gateway->connections);
    join_orders_free(gateway->orders);
    directory_free(gateway->directory);
    gateway_bans_stop(gateway);
    certificates_free(gateway->certificates);
    resolver_free(gateway->dns);
    if (gateway->base != NULL)
        event_base_free(gateway->base);
}

/* While the parts start, so that a signal meets drain.c and not the library's handlers; the
 * bucket threads never take one. */
static void block_signals(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(how, &set, NULL);
}

enum status gateway_run(const struct reload *settings, struct fault *fault)
{
    struct gateway gateway = {.settings = settings, .conf = settings->conf};

    signal(SIGPIPE, SIG_IGN);
    block_signals(SIG_BLOCK);
    enum status status = start(&gateway, fault);
    block_signals(SIG_UNBLOCK);
    if (status == STATUS_OK) {
        reload_hold(false);
        log_event(LOG_INFO, "ready", LOG_S("version", FANFARE_VERSION));
        (void)event_base_dispatch(gateway.base);
        reload_hold(true);
    }
    stop(&gateway);
    if (status == STATUS_OK)
        log_event(LOG_INFO, "stopped", LOG_S("version", FANFARE_VERSION));
    return status;
}
