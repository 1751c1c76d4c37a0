/* SPDX-License-Identifier: Apache-2.0 */
/* One query at a time, and what its answer does to the set. The loop's thread only. Not through a host
 * look-up: that one hides why a question failed, and reads /etc/hosts. */
#include "logic/discovery/dns_source.h"

#include <stdlib.h>
#include <string.h>

#include "logic/discovery/dns_endpoints.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/address_list.h"
#include "shared/net/dns_query.h"
#include "shared/net/loop_event.h"
#include "shared/net/service_name.h"

enum {
    LOOKUP_MS = 6000, /* past it a query counts as not answered, whatever is still tried */
    RETRY_S = 5,      /* after a failure, unless the next look-up is due sooner */
    LOG_GAP_MS = 10000,
};

struct dns_source {
    struct resolver *dns;
    const struct logic_conf *conf;
    struct gateway_set *gateways;
    bool service;            /* the name is one of SRV records */
    int family;              /* that is taken, AF_…; 0: none yet */
    struct dns_query *query; /* under way, or NULL */
    struct event *refresh;
    struct event *deadline;
    int64_t failed_since; /* ms; 0: the last look-up was well */
    int64_t logged_ms;
};

static const char *reason_of(const struct dns_source *source, enum dns_result result)
{
    if (result == DNS_NO_DATA)
        return source->service ? "the name has no SRV record" : "the name has no address";
    return dns_result_text(result);
}

static const char *remedy_of(enum dns_result result)
{
    return result == DNS_NO_NAME ? "check discovery.name; end it with a dot when it is complete"
                                 : "check discovery.name and the name server";
}

static void note_failure(struct dns_source *source, enum dns_result result)
{
    int64_t now_ms = clock_now_ms();
    bool first = !source->failed_since;

    metrics_add(LM_DNS_LOOKUPS_FAILED, 1);
    if (first)
        source->failed_since = now_ms;
    if (!first && now_ms - source->logged_ms < LOG_GAP_MS)
        return;
    source->logged_ms = now_ms;
    log_event(LOG_WARN, "looking the gateways up failed, the last answer stays",
              LOG_S("name", source->conf->discovery_name), LOG_S("reason", reason_of(source, result)),
              LOG_S("remedy", remedy_of(result)), LOG_I("seconds", (now_ms - source->failed_since) / 1000));
}

static void note_success(struct dns_source *source)
{
    metrics_add(LM_DNS_LOOKUPS_OK, 1);
    if (source->failed_since)
        log_event(LOG_INFO, "the gateways are looked up again", LOG_S("name", source->conf->discovery_name),
                  LOG_I("seconds", (clock_now_ms() - source->failed_since) / 1000));
    source->failed_since = 0;
}

/* One more than the set takes, so that the set counts and says that there are too many. */
static void offer_all(struct dns_source *source, const struct dns_endpoints *endpoints)
{
    struct gateway_offer offer = {.source = GATEWAY_FROM_DNS, .id = "", .clients = -1, .version = ""};

    gateway_set_begin(source->gateways, GATEWAY_FROM_DNS);
    for (size_t i = 0; i < endpoints->count && i <= GATEWAY_SET_MAX; i++) {
        offer.host = endpoints->items[i].host;
        offer.port = endpoints->items[i].port;
        (void)gateway_set_offer(source->gateways, &offer);
    }
    gateway_set_end(source->gateways, GATEWAY_FROM_DNS);
}

static void schedule(struct dns_source *source, int64_t seconds)
{
    (void)loop_event_after_ms(source->refresh, seconds * 1000);
}

static void fail(struct dns_source *source, enum dns_result result)
{
    int64_t refresh = source->conf->discovery_refresh_seconds;

    note_failure(source, result);
    schedule(source, refresh < RETRY_S ? refresh : RETRY_S);
}

static void take(struct dns_source *source, const struct dns_answer *answer, int family)
{
    struct dns_endpoints endpoints;
    enum status status =
        source->service
            ? dns_endpoints_of_services(answer, &endpoints)
            : dns_endpoints_of_hosts(answer, family, (int)source->conf->discovery_port, &endpoints);

    if (status != STATUS_OK) {
        fail(source, DNS_MEMORY);
        return;
    }
    source->family = family;
    offer_all(source, &endpoints);
    dns_endpoints_fini(&endpoints);
    note_success(source);
    schedule(source, dns_refresh_after(answer->ttl, source->conf->discovery_refresh_seconds));
}

/* What both answers come to when neither is taken: a fault, or that there is nothing. */
static enum dns_result judge(enum dns_result one, enum dns_result other)
{
    if (dns_is_fault(one) || dns_is_fault(other))
        return dns_is_fault(one) ? one : other;
    return one == DNS_NO_NAME ? other : one;
}

static void on_replies(const struct dns_reply replies[2], void *arg)
{
    struct dns_source *source = arg;
    bool routed[2] = {false, false};

    evtimer_del(source->deadline);
    for (size_t i = 0; i < 2 && !source->service; i++)
        routed[i] = replies[i].result == DNS_FOUND &&
                    address_has_route(i == 0 ? AF_INET : AF_INET6, replies[i].answer.records[0].address);
    int family = source->service ? 0 : dns_family_choose(source->family, replies, routed);
    if (source->service ? replies[0].result == DNS_FOUND : family != 0)
        take(source, &replies[family == AF_INET6].answer, family);
    else
        fail(source, source->service ? replies[0].result : judge(replies[0].result, replies[1].result));
}

static void begin_lookup(struct dns_source *source)
{
    enum status status =
        dns_query_start(source->dns, source->conf->discovery_name, source->service ? DNS_SERVICE : DNS_HOST,
                        on_replies, source, &source->query);

    if (status != STATUS_OK)
        fail(source, status == STATUS_INVALID ? DNS_BAD_NAME : DNS_MEMORY);
    else
        (void)loop_event_after_ms(source->deadline, LOOKUP_MS);
}

static void on_refresh(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    begin_lookup(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct dns_source *source = arg;

    (void)fd;
    (void)what;
    dns_query_cancel(&source->query);
    fail(source, DNS_SILENCE);
}

static void warn_of_addresses(const struct dns_source *source)
{
    if (source->conf->rpc_ca[0] && !source->conf->rpc_server_name[0] && !source->service)
        log_event(LOG_WARN, "gateways found in DNS must have their addresses in their certificates",
                  LOG_S("remedy", "set rpc.serverName to a name that stands in all of them"));
}

enum status dns_source_new(struct event_base *base, struct resolver *dns, const struct logic_conf *conf,
                           struct gateway_set *gateways, struct dns_source **out)
{
    struct dns_source *source = calloc(1, sizeof *source);

    if (source == NULL)
        return STATUS_NO_MEMORY;
    source->dns = dns;
    source->conf = conf;
    source->gateways = gateways;
    source->service = service_name_is(conf->discovery_name);
    source->refresh = evtimer_new(base, on_refresh, source);
    source->deadline = evtimer_new(base, on_deadline, source);
    if (source->refresh == NULL || source->deadline == NULL) {
        dns_source_free(source);
        return STATUS_NO_MEMORY;
    }
    warn_of_addresses(source);
    *out = source;
    begin_lookup(source);
    return STATUS_OK;
}

void dns_source_free(struct dns_source *source)
{
    if (source == NULL)
        return;
    dns_query_cancel(&source->query);
    loop_event_free(source->refresh);
    loop_event_free(source->deadline);
    free(source);
}
