/* SPDX-License-Identifier: Apache-2.0 */
/* Owns every part of the daemon and its loop. Main thread only; knows no push. */
#include "logic/logic.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "logic/dispatch.h"
#include "logic/gateway_set.h"
#include "logic/http_api.h"
#include "logic/logic_metrics.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/tls.h"

enum { DRAIN_CHECK_MS = 10, GOODBYE_MS = 500, SPARE_DESCRIPTORS = 64 };

struct logic {
    const struct logic_conf *conf;
    struct event_base *base;
    struct event *signals[2];
    struct event *drain_check;
    int64_t drain_until_ms; /* 0: not draining */
    struct link_env env;
    struct gateway_set gateways;
    struct dispatch dispatch;
    struct http_api *api;
};

static void begin_drain(struct logic *logic, int signal_number)
{
    const struct timeval period = {0, DRAIN_CHECK_MS * 1000};
    log_event(LOG_INFO, "draining", LOG_I("signal", signal_number),
              LOG_I("queued", gateway_set_queued(&logic->gateways)));
    logic->drain_until_ms = clock_now_ms() + logic->conf->drain_seconds * 1000;
    metrics_set(LM_DRAINING, 1);
    http_api_drain(logic->api);
    event_add(logic->drain_check, &period);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    struct logic *logic = arg;
    (void)what;
    if (logic->drain_until_ms)
        _exit(128 + signal_number);
    begin_drain(logic, signal_number);
}

static void on_drain_check(evutil_socket_t fd, short what, void *arg)
{
    struct logic *logic = arg;
    (void)fd;
    (void)what;
    bool quiet = http_api_busy(logic->api) == 0 && gateway_set_queued(&logic->gateways) == 0;
    if (quiet || clock_now_ms() >= logic->drain_until_ms)
        event_base_loopbreak(logic->base);
}

static enum status set_up_events(struct logic *logic)
{
    logic->signals[0] = evsignal_new(logic->base, SIGTERM, on_signal, logic);
    logic->signals[1] = evsignal_new(logic->base, SIGINT, on_signal, logic);
    logic->drain_check = event_new(logic->base, -1, EV_PERSIST, on_drain_check, logic);
    if (!logic->signals[0] || !logic->signals[1] || !logic->drain_check ||
        event_add(logic->signals[0], NULL) || event_add(logic->signals[1], NULL))
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}

/* /etc/resolv.conf and /etc/hosts; without the former, names in the latter still work. */
static enum status set_up_dns(struct logic *logic)
{
    logic->env.dns = evdns_base_new(logic->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!logic->env.dns)
        return STATUS_NO_MEMORY;
    if (evdns_base_resolv_conf_parse(logic->env.dns, DNS_OPTIONS_ALL, "/etc/resolv.conf"))
        evdns_base_load_hosts(logic->env.dns, "/etc/hosts");
    return STATUS_OK;
}

static enum status set_up_tls(struct logic *logic, struct fault *fault)
{
    const struct logic_conf *conf = logic->conf;
    const struct tls_files files = {.cert = conf->rpc_cert, .key = conf->rpc_key, .ca = conf->rpc_ca};
    if (!conf->rpc_ca[0])
        log_event(LOG_WARN, "gateways are not verified: whoever can stand between sees and changes pushes",
                  LOG_S("remedy", "set rpc.ca"));
    return tls_client_new(&files, &logic->env.tls, fault);
}

static enum status add_gateways(struct logic *logic)
{
    const struct conf_endpoints *list = &logic->conf->gateway_list;
    enum status status = STATUS_OK;
    if (list->count == 0)
        log_event(LOG_WARN, "no gateway is known", LOG_S("remedy", "set gatewayList"));
    for (size_t i = 0; !status && i < list->count; i++)
        status = gateway_set_add(&logic->gateways, list->items[i].hostname, list->items[i].port);
    return status;
}

/* One descriptor per connection; the soft limit is ours to raise. */
static void check_descriptors(const struct logic *logic)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)logic->conf->max_connections + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < wanted)
        log_event(LOG_WARN, "fewer file descriptors than maxConnections asks for",
                  LOG_I("descriptors", limit.rlim_cur), LOG_I("wanted", wanted));
}

static enum status set_up(struct logic *logic, struct fault *fault)
{
    const struct logic_conf *conf = logic->conf;
    enum status status;
    if (getrandom(logic->env.logic_id, LOGIC_ID_LEN, 0) != LOGIC_ID_LEN)
        return fault_set(fault, STATUS_IO, "the system gives no random bytes");
    logic->base = event_base_new();
    if (!logic->base || set_up_events(logic) || (logic->env.base = logic->base, set_up_dns(logic)))
        return fault_set(fault, STATUS_NO_MEMORY, "the event loop cannot be made");
    status = set_up_tls(logic, fault);
    if (status)
        return status;
    dispatch_init(&logic->dispatch, logic->base, &logic->gateways, (int)conf->wait_timeout);
    status = http_api_new(logic->base, conf, &logic->dispatch, logic->env.logic_id, &logic->api, fault);
    if (!status && add_gateways(logic))
        status = fault_set(fault, STATUS_NO_MEMORY, "no memory for the gateways");
    return status;
}

enum status logic_new(const struct logic_conf *conf, struct logic **out, struct fault *fault)
{
    struct logic *logic = calloc(1, sizeof *logic);
    if (!logic)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory");
    logic->conf = conf;
    logic->env.conf = conf;
    gateway_set_init(&logic->gateways, &logic->env);
    signal(SIGPIPE, SIG_IGN);
    check_descriptors(logic);
    enum status status = set_up(logic, fault);
    if (status) {
        logic_free(logic);
        return status;
    }
    *out = logic;
    return STATUS_OK;
}

/* Whoever still waits learns that its push is gone, if the answer can be sent in a moment. */
static void say_goodbye(struct logic *logic)
{
    size_t queued = gateway_set_queued(&logic->gateways);
    size_t busy = http_api_busy(logic->api);
    if (queued > 0)
        log_event(LOG_WARN, "pushes let go at shutdown", LOG_I("pushes", queued));
    gateway_set_fini(&logic->gateways);
    logic->drain_until_ms = clock_now_ms() + GOODBYE_MS;
    if (busy > 0)
        event_base_dispatch(logic->base);
    log_event(LOG_INFO, "stopped", LOG_I("accepted", metrics_get(LM_PUSHES_ACCEPTED)));
}

int logic_run(struct logic *logic)
{
    event_base_dispatch(logic->base);
    say_goodbye(logic);
    return 0;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

/* Cancelled lookups end in the loop (lookup.h), before and after their base is freed. By now
 * nothing else is left in it. */
static void free_dns(struct logic *logic)
{
    if (!logic->env.dns)
        return;
    event_base_loop(logic->base, EVLOOP_NONBLOCK);
    evdns_base_free(logic->env.dns, 1);
    event_base_loop(logic->base, EVLOOP_NONBLOCK);
}

void logic_free(struct logic *logic)
{
    if (!logic)
        return;
    free_event(logic->drain_check);
    free_event(logic->signals[0]);
    free_event(logic->signals[1]);
    gateway_set_fini(&logic->gateways);
    http_api_free(logic->api);
    SSL_CTX_free(logic->env.tls);
    free_dns(logic);
    if (logic->base)
        event_base_free(logic->base);
    free(logic);
}
