/* SPDX-License-Identifier: Apache-2.0 */
/* Clients are closed over the first nine tenths of the time; the rest is for their goodbyes. Then
 * the RPC says its own (GOAWAY), and when the logics have gone the registry is told and the loop ends. */
#include "gateway/drain.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"

enum { LOOK_MS = 10, GOODBYE_MS = 1000, LEAVE_MS = 500 };

struct drain {
    struct event_base *base;
    struct drain_conf conf;
    struct event *term;
    struct event *interrupt;
    struct event *look;
    int64_t deadline; /* monotonic ms; 0: not begun */
    bool rpc_drained;
    bool left_registry;
};

static void look_again(struct drain *drain)
{
    (void)loop_event_after_ms(drain->look, LOOK_MS);
}

/* The deadline that is left now is for the logics to go. */
static void end_rpc(struct drain *drain, int64_t now)
{
    drain->rpc_drained = true;
    rpc_server_drain(drain->conf.rpc);
    if (now + GOODBYE_MS < drain->deadline)
        drain->deadline = now + GOODBYE_MS;
}

/* Last of all, so that logic hears of it when its link is gone and forgets the gateway at once. */
static void leave_registry(struct drain *drain, int64_t now)
{
    if (drain->left_registry)
        return;
    drain->left_registry = true;
    drain->deadline = now + LEAVE_MS;
    registrar_leave(drain->conf.registrar);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct drain *drain = arg;

    (void)fd;
    (void)what;
    int64_t now = clock_now_ms();
    bool clients = acceptor_live(drain->conf.acceptor) > 0 && now < drain->deadline;
    if (!clients && !drain->rpc_drained)
        end_rpc(drain, now);
    bool logics = rpc_server_connections(drain->conf.rpc) > 0 && now < drain->deadline;
    if (!clients && !logics)
        leave_registry(drain, now);
    if (clients || logics || (!registrar_has_left(drain->conf.registrar) && now < drain->deadline))
        look_again(drain);
    else
        (void)event_base_loopexit(drain->base, NULL);
}

/* Other gateways admit newcomers at the same rate: the clients are told to come back no faster. */
static int64_t return_ramp_ms(const struct drain *drain, int64_t clients, int64_t closing_ms)
{
    int64_t rate = drain->conf.accept_per_second;
    int64_t needed_ms = rate > 0 ? clients * 1000 / rate : 0;

    return needed_ms > closing_ms ? needed_ms : closing_ms;
}

static void begin(struct drain *drain)
{
    readiness_set(drain->conf.readiness, UNREADY_DRAINING, true);
    int64_t total_ms = drain->conf.seconds * 1000;
    int64_t closing_ms = total_ms * 9 / 10;
    int64_t clients = (int64_t)acceptor_clients(drain->conf.acceptor);
    int64_t ramp_ms = return_ramp_ms(drain, clients, closing_ms);

    log_event(LOG_INFO, "draining", LOG_I("clients", clients), LOG_I("seconds", drain->conf.seconds));
    metrics_set(M_DRAINING, 1);
    drain->deadline = clock_now_ms() + total_ms;
    acceptor_drain(drain->conf.acceptor);
    canary_stop(drain->conf.canary);
    registrar_drain(drain->conf.registrar);
    fanout_flush(drain->conf.fanout);
    for (unsigned i = 0; i < drain->conf.bucket_count; i++)
        (void)bucket_post_drain(drain->conf.buckets[i], closing_ms, ramp_ms);
    look_again(drain);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct drain *drain = arg;

    (void)what;
    if (drain->deadline != 0) {
        log_end();
        _exit(128 + (int)number);
    }
    begin(drain);
}

enum status drain_new(struct event_base *base, const struct drain_conf *conf, struct drain **out)
{
    struct drain *drain = calloc(1, sizeof *drain);

    if (drain == NULL)
        return STATUS_NO_MEMORY;
    drain->base = base;
    drain->conf = *conf;
    drain->term = evsignal_new(base, SIGTERM, on_signal, drain);
    drain->interrupt = evsignal_new(base, SIGINT, on_signal, drain);
    drain->look = evtimer_new(base, on_look, drain);
    if (drain->term == NULL || drain->interrupt == NULL || drain->look == NULL ||
        evsignal_add(drain->term, NULL) != 0 || evsignal_add(drain->interrupt, NULL) != 0) {
        drain_free(drain);
        return STATUS_NO_MEMORY;
    }
    *out = drain;
    return STATUS_OK;
}

void drain_free(struct drain *drain)
{
    if (drain == NULL)
        return;
    loop_event_free(drain->term);
    loop_event_free(drain->interrupt);
    loop_event_free(drain->look);
    free(drain);
}

void drain_set_pace(struct drain *drain, int64_t seconds, int64_t accept_per_second)
{
    drain->conf.seconds = seconds;
    drain->conf.accept_per_second = accept_per_second;
}
