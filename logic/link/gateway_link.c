/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of a link: a place for a push, its state, another address, its end. How its connection is
 * made, used and ended stands in the files that link_internal.h lists. The loop's thread only. */
#include "logic/link/gateway_link.h"

#include <stdlib.h>

#include "logic/link/link_internal.h"

enum status gateway_link_new(const struct link_env *env, const char *hostname, int port,
                             struct gateway_link **out)
{
    const struct logic_conf *conf = env->conf;
    struct gateway_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return STATUS_NO_MEMORY;
    link->env = env;
    link_down_begin(link);
    link_ledger_init(&link->ledger, "", (size_t)conf->gateway_max_pending_count,
                     (size_t)conf->link_queue_bytes);
    link->ledger.logic_id = env->logic_id;
    link_hello_init(&link->hello);
    link_bans_init(&link->bans, env->bans, &env->bans_awaited);
    link_probe_init(&link->probe);
    link_canary_init(&link->canary, conf->canary_interval * 1000000);
    link_queries_init(&link->queries);
    link_sender_init(&link->sender, &link->ledger, env->logic_id, (size_t)conf->rpc_batch_bytes);
    if (link_connect_to(link, hostname, port) != STATUS_OK || link_clock_start(link) != STATUS_OK) {
        gateway_link_free(link);
        return STATUS_NO_MEMORY;
    }
    *out = link;
    return STATUS_OK;
}

void gateway_link_free(struct gateway_link *link)
{
    if (link == NULL)
        return;
    lookup_cancel(&link->lookup);
    link_queries_stop(&link->queries);
    h2_conn_free(link->conn);
    link_hello_fini(&link->hello);
    link_bans_fini(&link->bans);
    link_sender_fini(&link->sender);
    link_ledger_fini(&link->ledger);
    link_clock_stop(link);
    link_down_end(link);
    link_address_fini(&link->address);
    free(link->remembered);
    free(link);
}

void gateway_link_give_up(struct gateway_link *link)
{
    size_t count = link->ledger.queue.count;

    if (count > 0)
        link_log_dropped(link->address.name, "gateway gone, pushes dropped", count);
    link_ledger_drop(&link->ledger, count, LINK_DROP_GONE);
}

void gateway_link_apply(struct gateway_link *link)
{
    const struct logic_conf *conf = link->env->conf;

    link_queue_bound(&link->ledger.queue, (size_t)conf->gateway_max_pending_count,
                     (size_t)conf->link_queue_bytes);
    link_talk_compare_limits(link);
    link->liveness.timeout_ms = conf->gateway_timeout;
    link_clock_apply(link);
}

void gateway_link_retry(struct gateway_link *link)
{
    if (link->state != LINK_WAITING)
        return;
    link->failures = 0;
    event_active(link->again, EV_TIMEOUT, 0);
}

enum status gateway_link_move(struct gateway_link *link, const char *hostname, int port)
{
    if (link_connect_to(link, hostname, port) != STATUS_OK)
        return STATUS_NO_MEMORY;
    link_down_drop_connection(link);
    if (link_down_is_given_up(link, link->since_ms)) {
        link_down_expire(link);
        link->down_since_ms = link->since_ms;
    }
    gateway_link_retry(link);
    return STATUS_OK;
}

const char *gateway_link_name(const struct gateway_link *link)
{
    return link->address.name;
}

bool gateway_link_is_at(const struct gateway_link *link, const char *hostname, int port)
{
    return link_address_is(&link->address, hostname, port);
}

bool gateway_link_is_up(const struct gateway_link *link)
{
    return link->state == LINK_UP;
}

int64_t gateway_link_down_ms(const struct gateway_link *link, int64_t now_ms)
{
    return link->state == LINK_UP ? 0 : now_ms - link->down_since_ms;
}

size_t gateway_link_queued(const struct gateway_link *link)
{
    return link->ledger.queue.count;
}

/* Of one that is not up nothing is known yet: link_sender looks again when it is. */
capability_set gateway_link_lacks(const struct gateway_link *link, const struct push_measure *measure)
{
    return gateway_link_is_up(link) ? measure->needs & ~link->sender.can : 0;
}

enum hello_limit gateway_link_passed(const struct gateway_link *link, struct push_measure *measure,
                                     int64_t *allowed)
{
    enum hello_limit limit = link_limits_passed(link->hello.peer.limits, link->below, measure);

    *allowed = limit < HELLO_LIMIT_COUNT ? link->hello.peer.limits[limit] : 0;
    return limit;
}

static bool refuses(const struct gateway_link *link, struct push_measure *measure)
{
    if (gateway_link_lacks(link, measure) != 0)
        return true;
    return link->hello.known &&
           link_limits_passed(link->hello.peer.limits, link->below, measure) != HELLO_LIMIT_COUNT;
}

enum link_offer gateway_link_offer(struct gateway_link *link, struct push_measure *measure, int64_t now_ms)
{
    if (!gateway_link_is_up(link) && link_down_is_given_up(link, now_ms))
        return LINK_DROPS;
    if (refuses(link, measure))
        return LINK_REFUSES;
    if (!link_queue_has_room(&link->ledger.queue, measure->bytes))
        return gateway_link_is_up(link) ? LINK_FULL : LINK_DROPS;
    return link_queue_reserve(&link->ledger.queue) != STATUS_OK ? LINK_NO_MEMORY : LINK_TAKES;
}

void gateway_link_add(struct gateway_link *link, struct encoded_push *push)
{
    link_ledger_add(&link->ledger, push);
    if (link->state == LINK_UP && !link->sender.owed)
        event_active(link->kick, EV_TIMEOUT, 0);
}

void gateway_link_describe(const struct gateway_link *link, int64_t now_ms, struct link_details *out)
{
    *out = (struct link_details){.up = gateway_link_is_up(link),
                                 .given_up = !gateway_link_is_up(link) && link_down_is_given_up(link, now_ms),
                                 .pushes = link->ledger.queue.count,
                                 .bytes = link->ledger.queue.bytes,
                                 .rtt_us = link->probe.rtt_us,
                                 .clients = link->probe.clients,
                                 .canary_us = link->canary.us,
                                 .canary_failing = link_canary_is_failing(&link->canary),
                                 .hello = link->hello.known ? &link->hello.peer : NULL,
                                 .below = link->below,
                                 .error = link->log.fault[0] ? link->log.fault : NULL,
                                 .error_age_ms = now_ms - link->log.fault_ms};
}

const struct hello *gateway_link_hello(const struct gateway_link *link)
{
    return link->hello.known ? &link->hello.peer : NULL;
}

bool gateway_link_knows_queries(const struct gateway_link *link)
{
    return gateway_link_is_up(link) && hello_can(gateway_link_hello(link), HELLO_QUERIES);
}

enum status gateway_link_ask(struct gateway_link *link, struct slice text, link_query_done *done, void *arg,
                             struct link_query **out)
{
    return link_queries_ask(&link->queries, text, done, arg, out);
}
