/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway set on a loop of the test's own, two gateways that it may link to (fake_gateway.h), a
 * dispatch, and the sources' part in short. For test_gateway_set*.c. */
#ifndef FANFARE_TESTS_GATEWAY_BENCH_H
#define FANFARE_TESTS_GATEWAY_BENCH_H

#include "logic/discovery/gateway_set.h"
#include "logic/dispatch/dispatch.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "tests/unit/fake_gateway.h"

enum { QUEUE_SECONDS = 10, NOBODY = 9 }; /* a port that nobody listens on */

struct bench {
    struct event_base *base;
    struct logic_conf conf;
    struct link_env env;
    struct gateway_set set;
    struct dispatch dispatch;
    struct certs certs;
    struct fake_gateway gateways[2];
    bool late;
    int told;
    struct push_outcome outcome; /* without its names */
    bool push_again;             /* when told */
};

static inline int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    static char nothing[] = "";
    const struct tls_files none = {"", "", ""};
    struct fault fault;

    assert_non_null(bench);
    logic_metrics_setup();
    certs_make(&bench->certs);
    bench->base = event_base_new();
    bench->conf = (struct logic_conf){.gateway_timeout = 3000,
                                      .gateway_max_pending_count = 100,
                                      .link_queue_bytes = 1 << 20,
                                      .link_queue_seconds = QUEUE_SECONDS,
                                      .rpc_batch_bytes = 1 << 20,
                                      .rpc_server_name = nothing,
                                      .rpc_ca = nothing};
    bench->env = (struct link_env){.base = bench->base, .conf = &bench->conf};
    assert_int_equal(resolver_new(bench->base, "", &bench->env.dns), STATUS_OK);
    assert_int_equal(tls_client_new(&none, &bench->env.tls, &fault), STATUS_OK);
    gateway_set_init(&bench->set, &bench->env);
    dispatch_init(&bench->dispatch, bench->base, &bench->set, 5000);
    for (size_t i = 0; i < 2; i++)
        fake_gateway_start(&bench->gateways[i], bench->base, &bench->certs, 0);
    *state = bench;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bench *bench = *state;

    gateway_set_fini(&bench->set);
    assert_int_equal(
        metrics_get(LM_LINKS_UP) + metrics_get(LM_LINKS_CONNECTING) + metrics_get(LM_LINKS_WAITING), 0);
    for (size_t i = 0; i < 2; i++)
        fake_gateway_stop(&bench->gateways[i]);
    SSL_CTX_free(bench->env.tls);
    event_base_loop(bench->base, EVLOOP_NONBLOCK);
    resolver_free(bench->env.dns);
    event_base_free(bench->base);
    certs_remove(&bench->certs);
    free(bench);
    return 0;
}

static inline void on_late(evutil_socket_t fd, short what, void *arg)
{
    struct bench *bench = arg;

    (void)fd;
    (void)what;
    bench->late = true;
}

#define await(bench, condition)                                                                              \
    do {                                                                                                     \
        struct timeval ten_seconds = {10, 0};                                                                \
        struct event *deadline = evtimer_new((bench)->base, on_late, (bench));                               \
        (bench)->late = false;                                                                               \
        evtimer_add(deadline, &ten_seconds);                                                                 \
        while (!(condition) && !(bench)->late)                                                               \
            event_base_loop((bench)->base, EVLOOP_ONCE);                                                     \
        event_free(deadline);                                                                                \
        if (!(condition))                                                                                    \
            fail_msg("in vain: %s", #condition);                                                             \
    } while (0)

static inline enum status offer_dns(struct bench *bench, const char *host, int port)
{
    const struct gateway_offer offer = {
        .source = GATEWAY_FROM_DNS, .id = "", .host = host, .port = port, .clients = -1, .version = ""};

    return gateway_set_offer(&bench->set, &offer);
}

static inline enum status offer_redis(struct bench *bench, const char *id, const char *host, int port)
{
    const struct gateway_offer offer = {
        .source = GATEWAY_FROM_REDIS, .id = id, .host = host, .port = port, .clients = 7, .version = "0.1.0"};

    return gateway_set_offer(&bench->set, &offer);
}

static inline void read_nothing(struct bench *bench, enum gateway_source source)
{
    gateway_set_begin(&bench->set, source);
    gateway_set_end(&bench->set, source);
}

static inline void sweep_after(struct bench *bench, int64_t ms)
{
    gateway_set_sweep(&bench->set, clock_now_ms() + ms);
}

static inline void on_told(const struct push_outcome *outcome, void *arg);

static inline void push_one(struct bench *bench, bool wait)
{
    const struct slice items[] = {slice_str("1")};
    const struct push push = {.target = AUDIENCE_EVERYONE, .items = items, .item_count = 1, .wait = wait};

    dispatch_push(&bench->dispatch, &push, on_told, bench);
}

static inline void on_told(const struct push_outcome *outcome, void *arg)
{
    struct bench *bench = arg;

    bench->told++;
    bench->outcome = *outcome;
    memset(bench->outcome.names, 0, sizeof bench->outcome.names);
    if (!bench->push_again)
        return;
    bench->push_again = false;
    push_one(bench, false);
}

static inline const char *name_at(const struct bench *bench, size_t index)
{
    assert_true(index < bench->set.count);
    return gateway_link_name(bench->set.entries[index].link);
}

#endif
