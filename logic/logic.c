/* SPDX-License-Identifier: Apache-2.0 */
/* Owns every part of the daemon and its loop. Main thread only; knows no push. */
#include "logic/logic.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "logic/api/http_api.h"
#include "logic/discovery/dns_source.h"
#include "logic/discovery/gateway_set.h"
#include "logic/discovery/redis_source.h"
#include "logic/dispatch/bus_publisher.h"
#include "logic/dispatch/dispatch.h"
#include "logic/logic_reload.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/store/store.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_report.h"

enum { DRAIN_CHECK_MS = 10, GOODBYE_MS = 500 };

struct logic {
    const struct logic_conf *conf;
    struct event_base *base;
    struct event *signals[2];
    struct event *drain_check;
    int64_t drain_until_ms; /* 0: not draining */
    struct link_env env;    /* its `bans` are made and freed here */
    struct gateway_set gateways;
    struct dns_source *dns_source;     /* discovery.mode dns, or NULL */
    struct redis_source *redis_source; /* discovery.mode redis, or NULL */
    struct bus_publisher *bus;         /* bus.mode other than off, or NULL */
    struct dispatch dispatch;
    struct store *store;
    struct http_api *api;
    struct logic_reload *reload;
};

static void begin_drain(struct logic *logic, int signal_number)
{
    log_event(LOG_INFO, "draining", LOG_I("signal", signal_number),
              LOG_I("queued", dispatch_queued(&logic->dispatch)));
    logic->drain_until_ms = clock_now_ms() + logic->conf->drain_seconds * 1000;
    metrics_set(LM_DRAINING, 1);
    http_api_drain(logic->api);
    (void)loop_event_after_ms(logic->drain_check, DRAIN_CHECK_MS);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    struct logic *logic = arg;

    (void)what;
    if (logic->drain_until_ms) {
        log_end();
        _exit(128 + signal_number);
    }
    begin_drain(logic, signal_number);
}

static void on_drain_check(evutil_socket_t fd, short what, void *arg)
{
    struct logic *logic = arg;

    (void)fd;
    (void)what;
    bool quiet = http_api_busy(logic->api) == 0 && dispatch_queued(&logic->dispatch) == 0;
    if (quiet || clock_now_ms() >= logic->drain_until_ms)
        event_base_loopbreak(logic->base);
}

static enum status set_up_events(struct logic *logic)
{
    logic->signals[0] = evsignal_new(logic->base, SIGTERM, on_signal, logic);
    logic->signals[1] = evsignal_new(logic->base, SIGINT, on_signal, logic);
    logic->drain_check = event_new(logic->base, -1, EV_PERSIST, on_drain_check, logic);
    if (logic->signals[0] == NULL || logic->signals[1] == NULL || logic->drain_check == NULL ||
        event_add(logic->signals[0], NULL) || event_add(logic->signals[1], NULL))
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}

static enum status add_gateways(struct logic *logic, struct fault *fault)
{
    const struct conf_endpoints *list = &logic->conf->gateway_list;
    enum status status = STATUS_OK;

    if (list->count == 0 && logic->conf->discovery_mode == DISCOVERY_STATIC &&
        logic->conf->bus_mode != BUS_ONLY)
        log_event(LOG_WARN, "no gateway is known", LOG_S("remedy", "set gatewayList"));
    if (list->count > GATEWAY_SET_MAX)
        return fault_set(fault, STATUS_FULL, "gatewayList: at most %d gateways", GATEWAY_SET_MAX);
    for (size_t i = 0; status == STATUS_OK && i < list->count; i++)
        status = gateway_set_add(&logic->gateways, list->items[i].hostname, list->items[i].port);
    return status != STATUS_OK ? fault_set(fault, status, "gatewayList: %s", status_text(status)) : STATUS_OK;
}

static enum status start_discovery(struct logic *logic, struct fault *fault)
{
    const struct logic_conf *conf = logic->conf;

    if (conf->discovery_mode == DISCOVERY_DNS &&
        dns_source_new(logic->base, logic->env.dns, conf, &logic->gateways, &logic->dns_source) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the discovery");
    if (conf->discovery_mode == DISCOVERY_REDIS &&
        redis_source_new(logic->base, logic->env.dns, conf, &logic->gateways, &logic->redis_source) !=
            STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the discovery");
    return STATUS_OK;
}

static enum status start_bus(struct logic *logic, struct fault *fault)
{
    const struct logic_conf *conf = logic->conf;

    if (conf->bus_mode != BUS_OFF &&
        bus_publisher_new(logic->base, logic->env.dns, conf, logic->env.logic_id, &logic->bus) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory for the bus");
    logic->dispatch.bus = logic->bus;
    return STATUS_OK;
}

static void stop_bus(struct logic *logic)
{
    bus_publisher_free(logic->bus);
    logic->bus = logic->dispatch.bus = NULL;
}

/* Before the set ends: nobody must name a gateway afterwards. */
static void stop_discovery(struct logic *logic)
{
    dns_source_free(logic->dns_source);
    redis_source_free(logic->redis_source);
    logic->dns_source = NULL;
    logic->redis_source = NULL;
}

/* Redis is on no push's way but bus.mode only's; who asks learns of it all the same. */
static enum status print_state(struct buf *out, void *arg)
{
    const struct logic *logic = arg;
    const struct redis_client *const clients[] = {redis_source_redis(logic->redis_source),
                                                  redis_source_news(logic->redis_source),
                                                  bus_publisher_redis(logic->bus), store_redis(logic->store)};

    return redis_report_append(out, clients, sizeof clients / sizeof clients[0]);
}

static enum status start_api(struct logic *logic, const struct reload *settings, struct fault *fault)
{
    const struct store_conf store = {.base = logic->base,
                                     .dns = logic->env.dns,
                                     .conf = logic->conf,
                                     .bans = logic->env.bans,
                                     .bans_awaited = &logic->env.bans_awaited};
    enum status status =
        http_api_new(logic->base, logic->conf, &logic->dispatch, logic->env.logic_id, &logic->api, fault);

    if (status == STATUS_OK && store_new(&store, &logic->store) != STATUS_OK)
        status = fault_set(fault, STATUS_NO_MEMORY, "no memory for the store");
    if (status != STATUS_OK)
        return status;
    http_api_tell(logic->api, print_state, logic);
    http_api_remember(logic->api, store_repeats(logic->store));
    const struct logic_parts parts = {
        .env = &logic->env, .dispatch = &logic->dispatch, .store = logic->store, .api = logic->api};
    return logic_reload_new(settings, &parts, &logic->reload, fault);
}

static enum status set_up(struct logic *logic, const struct reload *settings, struct fault *fault)
{
    const struct logic_conf *conf = logic->conf;
    enum status status;

    if (ban_list_new(&logic->env.bans) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory");
    if (getrandom(logic->env.logic_id, LOGIC_ID_LEN, 0) != LOGIC_ID_LEN)
        return fault_set(fault, STATUS_IO, "the system gives no random bytes");
    logic->base = event_base_new();
    if (logic->base == NULL || set_up_events(logic) != STATUS_OK ||
        (logic->env.base = logic->base,
         resolver_new(logic->base, conf->discovery_nameserver, &logic->env.dns)) != STATUS_OK)
        return fault_set(fault, STATUS_NO_MEMORY, "the event loop cannot be made");
    dispatch_init(&logic->dispatch, logic->base, &logic->gateways, (int)conf->wait_timeout);
    logic->dispatch.logic_id = logic->env.logic_id;
    logic->dispatch.bans = logic->env.bans;
    status = start_api(logic, settings, fault);
    if (status == STATUS_OK)
        status = add_gateways(logic, fault);
    if (status == STATUS_OK)
        status = start_discovery(logic, fault);
    return status != STATUS_OK ? status : start_bus(logic, fault);
}

enum status logic_new(const struct reload *settings, struct logic **out, struct fault *fault)
{
    struct logic *logic = calloc(1, sizeof *logic);

    if (logic == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "no memory");
    logic->conf = settings->conf;
    logic->env.conf = settings->conf;
    gateway_set_init(&logic->gateways, &logic->env);
    signal(SIGPIPE, SIG_IGN);
    enum status status = set_up(logic, settings, fault);
    if (status != STATUS_OK) {
        logic_free(logic);
        return status;
    }
    *out = logic;
    return STATUS_OK;
}

/* Whoever still waits learns that its push is gone, if the answer can be sent in a moment. */
static void say_goodbye(struct logic *logic)
{
    size_t queued = dispatch_queued(&logic->dispatch);
    size_t busy = http_api_busy(logic->api);

    if (queued > 0)
        log_event(LOG_WARN, "pushes dropped at shutdown", LOG_I("pushes", queued));
    stop_discovery(logic);
    gateway_set_fini(&logic->gateways);
    stop_bus(logic);
    store_stop(logic->store); /* what was asked in Redis finds no gateway any more, and is refused */
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

void logic_free(struct logic *logic)
{
    if (logic == NULL)
        return;
    loop_event_free(logic->drain_check);
    loop_event_free(logic->signals[0]);
    loop_event_free(logic->signals[1]);
    stop_discovery(logic);
    gateway_set_fini(&logic->gateways);
    stop_bus(logic);
    store_stop(logic->store);
    logic_reload_free(logic->reload);
    http_api_free(logic->api);
    store_free(logic->store);
    resolver_free(logic->env.dns);
    ban_list_free(logic->env.bans);
    if (logic->base != NULL)
        event_base_free(logic->base);
    free(logic);
}
