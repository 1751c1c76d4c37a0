/* SPDX-License-Identifier: Apache-2.0 */
/* Asks for A and AAAA side by side and keeps the last answer of each. The loop's thread only. Asks
 * evdns itself and not through a host look-up: that one hides why a question failed, drops one
 * family when only the other is answered, and leaves out families this host has no route for. */
#include "logic/dns_source.h"

#include <event2/util.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "logic/logic_metrics.h"
#include "shared/clock.h"
#include "shared/log.h"

enum {
    ADDRESSES_MAX = 32, /* that evdns gives at most; as many may mean more */
    LOOKUP_MS = 6000,   /* past it a question counts as not answered, whatever evdns still tries */
    RETRY_S = 5,        /* after a failure, unless the next look-up is due sooner */
    LOG_GAP_MS = 10000,
    NAME_MAX_LEN = 255,
};

struct question;

struct family {
    int af;
    struct question *question; /* under way, or NULL */
    int result;                /* DNS_ERR_…, of the last one that ended */
    size_t count;              /* the last answer */
    char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN];
};

/* Lives until evdns has let go of it, which may be after its source is gone. */
struct question {
    struct dns_source *source; /* NULL: nobody waits for it any more */
    struct family *family;
    struct evdns_request *request;
};

struct dns_source {
    struct evdns_base *dns;
    const struct logic_conf *conf;
    struct gateway_set *gateways;
    char name[NAME_MAX_LEN + 1];
    int flags; /* of the questions */
    struct event *refresh;
    struct event *deadline;
    struct family families[2];
    bool due;             /* the next look-up, while one is under way */
    int64_t failed_since; /* ms; 0: the last look-up was well */
    int64_t logged_ms;
};

static const char *reason_of(int result)
{
    switch (result) {
    case DNS_ERR_NOTEXIST:
        return "there is no such name";
    case DNS_ERR_NODATA:
        return "the name has no address";
    case DNS_ERR_TRUNCATED:
        return "the answer was cut: it has more than 512 bytes, about 29 A or 17 AAAA records";
    case DNS_ERR_TIMEOUT:
    case DNS_ERR_CANCEL:
        return "the name server does not answer, or answers SERVFAIL";
    default:
        return evdns_err_to_string(result);
    }
}

static const char *remedy_of(int result)
{
    if (result == DNS_ERR_TRUNCATED)
        return "set discovery.mode redis";
    return result == DNS_ERR_NOTEXIST ? "check discovery.name; end it with a dot when it is complete"
                                      : "check discovery.name and the name server";
}

static void note_failure(struct dns_source *source, int result)
{
    int64_t now_ms = clock_now_ms();
    metrics_add(LM_DNS_LOOKUPS_FAILED, 1);
    bool first = !source->failed_since;
    if (first)
        source->failed_since = now_ms;
    if (!first && now_ms - source->logged_ms < LOG_GAP_MS)
        return;
    source->logged_ms = now_ms;
    log_event(LOG_WARN, "looking the gateways up failed, the last answer stays", LOG_S("name", source->name),
              LOG_S("reason", reason_of(result)), LOG_S("remedy", remedy_of(result)),
              LOG_I("seconds", (now_ms - source->failed_since) / 1000));
}

static void note_success(struct dns_source *source)
{
    metrics_add(LM_DNS_LOOKUPS_OK, 1);
    if (source->failed_since)
        log_event(LOG_INFO, "the gateways are looked up again", LOG_S("name", source->name),
                  LOG_I("seconds", (clock_now_ms() - source->failed_since) / 1000));
    source->failed_since = 0;
}

static void offer_all(struct dns_source *source)
{
    struct gateway_offer offer = {.source = GATEWAY_FROM_DNS,
                                  .id = "",
                                  .port = (int)source->conf->discovery_port,
                                  .clients = -1,
                                  .version = ""};
    gateway_set_begin(source->gateways, GATEWAY_FROM_DNS);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < source->families[i].count; j++) {
            offer.host = source->families[i].addresses[j];
            (void)gateway_set_offer(source->gateways, &offer);
        }
    gateway_set_end(source->gateways, GATEWAY_FROM_DNS);
}

static bool says_none(int result)
{
    return result == DNS_ERR_NODATA || result == DNS_ERR_NOTEXIST;
}

static bool is_fault(int result)
{
    return result && !says_none(result);
}

/* What both answers come to. One family may have no address; when neither has any, somebody's DNS
 * is broken more likely than every gateway gone. */
static int judge(int one, int other)
{
    if (is_fault(one) || is_fault(other))
        return other == DNS_ERR_TRUNCATED || !is_fault(one) ? other : one;
    if (!one || !other)
        return DNS_ERR_NONE;
    return one == DNS_ERR_NODATA ? one : other;
}

static void begin_lookup(struct dns_source *source);

static void take_answers(struct dns_source *source)
{
    if (source->families[0].result && source->families[1].result)
        return;
    for (size_t i = 0; i < 2; i++)
        if (says_none(source->families[i].result))
            source->families[i].count = 0;
    offer_all(source);
}

static void end_lookup(struct dns_source *source)
{
    const struct timeval retry = {RETRY_S, 0};
    int result = judge(source->families[0].result, source->families[1].result);
    evtimer_del(source->deadline);
    take_answers(source);
    if (result)
        note_failure(source, result);
    else
        note_success(source);
    if (source->due)
        begin_lookup(source);
    else if (result && source->conf->discovery_refresh_seconds > RETRY_S)
        (void)evtimer_add(source->refresh, &retry);
}

/* An answer that may have been cut short is none. */
static void keep(struct family *family, int count, const void *addresses)
{
    size_t size = family->af == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
    const uint8_t *at = addresses;
    if (!family->result && count >= ADDRESSES_MAX)
        family->result = DNS_ERR_TRUNCATED;
    else if (!family->result && count <= 0)
        family->result = DNS_ERR_NODATA;
    if (family->result)
        return;
    family->count = (size_t)count;
    for (size_t i = 0; i < family->count; i++)
        evutil_inet_ntop(family->af, at + i * size, family->addresses[i], INET6_ADDRSTRLEN);
}

static bool is_under_way(const struct dns_source *source)
{
    return source->families[0].question || source->families[1].question;
}

static void on_answer(int result, char type, int count, int ttl, void *addresses, void *arg)
{
    struct question *question = arg;
    struct dns_source *source = question->source;
    struct family *family = question->family;
    (void)type;
    (void)ttl;
    free(question);
    if (!source)
        return;
    family->question = NULL;
    family->result = result;
    keep(family, count, addresses);
    if (!is_under_way(source))
        end_lookup(source);
    else if (!family->result)
        offer_all(source);
}

/* What evdns still says of it will be heard by nobody. */
static void abandon(struct dns_source *source, struct family *family)
{
    struct question *question = family->question;
    if (!question)
        return;
    family->question = NULL;
    family->result = DNS_ERR_CANCEL;
    question->source = NULL;
    evdns_cancel_request(source->dns, question->request);
}

static struct evdns_request *resolve(struct dns_source *source, struct question *question)
{
    return question->family->af == AF_INET
               ? evdns_base_resolve_ipv4(source->dns, source->name, source->flags, on_answer, question)
               : evdns_base_resolve_ipv6(source->dns, source->name, source->flags, on_answer, question);
}

static void ask(struct dns_source *source, struct family *family)
{
    struct question *question = calloc(1, sizeof *question);
    family->result = DNS_ERR_UNKNOWN;
    if (!question)
        return;
    *question = (struct question){.source = source, .family = family};
    question->request = resolve(source, question);
    if (question->request)
        family->question = question;
    else
        free(question);
}

static void begin_lookup(struct dns_source *source)
{
    const struct timeval refresh = {source->conf->discovery_refresh_seconds, 0};
    const struct timeval deadline = {LOOKUP_MS / 1000, LOOKUP_MS % 1000 * 1000};
    source->due = false;
    (void)evtimer_add(source->refresh, &refresh);
    (void)evtimer_add(source->deadline, &deadline);
    ask(source, &source->families[0]);
    ask(source, &source->families[1]);
    if (!is_under_way(source))
        end_lookup(source);
}

static void on_refresh(evutil_socket_t fd, short what, void *arg)
{
    struct dns_source *source = arg;
    (void)fd;
    (void)what;
    if (is_under_way(source))
        source->due = true;
    else
        begin_lookup(source);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct dns_source *source = arg;
    (void)fd;
    (void)what;
    abandon(source, &source->families[0]);
    abandon(source, &source->families[1]);
    end_lookup(source);
}

static void set_name(struct dns_source *source, const char *name)
{
    size_t len = strnlen(name, NAME_MAX_LEN);
    if (len > 1 && name[len - 1] == '.') {
        source->flags = DNS_QUERY_NO_SEARCH;
        len--;
    }
    memcpy(source->name, name, len);
}

enum status dns_source_new(struct event_base *base, struct evdns_base *dns, const struct logic_conf *conf,
                           struct gateway_set *gateways, struct dns_source **out)
{
    struct dns_source *source = calloc(1, sizeof *source);
    if (!source)
        return STATUS_NO_MEMORY;
    source->dns = dns;
    source->conf = conf;
    source->gateways = gateways;
    source->families[0].af = AF_INET;
    source->families[1].af = AF_INET6;
    set_name(source, conf->discovery_name);
    source->refresh = evtimer_new(base, on_refresh, source);
    source->deadline = evtimer_new(base, on_deadline, source);
    if (!source->refresh || !source->deadline) {
        dns_source_free(source);
        return STATUS_NO_MEMORY;
    }
    if (conf->rpc_ca[0] && !conf->rpc_server_name[0])
        log_event(LOG_WARN, "gateways found in DNS must have their addresses in their certificates",
                  LOG_S("remedy", "set rpc.serverName to a name that stands in all of them"));
    *out = source;
    begin_lookup(source);
    return STATUS_OK;
}

void dns_source_free(struct dns_source *source)
{
    if (!source)
        return;
    abandon(source, &source->families[0]);
    abandon(source, &source->families[1]);
    if (source->refresh)
        event_free(source->refresh);
    if (source->deadline)
        event_free(source->deadline);
    free(source);
}
