/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the subscription and the timer of the gaps. The control thread only; what a message means
 * is push_handler's. */
#include "gateway/intake/bus_listener.h"

#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "shared/base/clock.h"
#include "shared/log/log.h"
#include "shared/net/loop_event.h"
#include "shared/redis/redis_client.h"

struct bus_listener {
    struct bus_listener_conf conf;
    struct redis_client *redis;
    struct event *turn;
    struct event *gap;
    int64_t gap_due; /* monotonic ms that `gap` is set to, or INT64_MAX */
};

static void note_applied(struct bus_listener *listener)
{
    event_active(listener->turn, EV_TIMEOUT, 0);
}

/* An RPC batch may have closed the gap meanwhile: then the timer comes too early, and is set anew. */
static void set_gap_timer(struct bus_listener *listener, int64_t now_ms)
{
    int64_t due = push_handler_due(listener->conf.handler);

    if (due == listener->gap_due)
        return;
    listener->gap_due = due;
    if (due == INT64_MAX) {
        (void)evtimer_del(listener->gap);
        return;
    }
    (void)loop_event_after_ms(listener->gap, due - now_ms);
}

static void on_gap(evutil_socket_t fd, short what, void *arg)
{
    struct bus_listener *listener = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    listener->gap_due = INT64_MAX;
    if (push_handler_tick(listener->conf.handler, now_ms))
        note_applied(listener);
    set_gap_timer(listener, now_ms);
}

static void refuse(const char *reason, size_t bytes)
{
    log_event(LOG_WARN, "message on the bus refused", LOG_S("reason", reason), LOG_I("bytes", bytes));
}

static void on_message(struct slice payload, void *arg)
{
    struct bus_listener *listener = arg;
    int64_t now_ms = clock_now_ms();
    struct fault fault = {""};

    if (payload.len > (size_t)listener->conf.conf->max_rpc_bytes) {
        metrics_add(M_BUS_REFUSED_LARGE, 1);
        refuse("longer than maxRpcBytes", payload.len);
        return;
    }
    enum status status =
        push_handler_batch(listener->conf.handler, PUSH_BY_BUS, payload, now_ms, NULL, &fault);
    if (status == STATUS_OK)
        note_applied(listener);
    else
        refuse(fault.text, payload.len);
    set_gap_timer(listener, now_ms);
}

static void on_up(void *arg)
{
    const struct bus_listener *listener = arg;

    push_handler_set_bus(listener->conf.handler, true);
}

static void on_down(void *arg)
{
    const struct bus_listener *listener = arg;

    push_handler_set_bus(listener->conf.handler, false);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    const struct bus_listener *listener = arg;

    (void)fd;
    (void)what;
    listener->conf.on_turn(listener->conf.arg);
}

static enum status set_up(struct bus_listener *listener)
{
    static const struct redis_events events = {.on_up = on_up, .on_down = on_down, .on_message = on_message};
    const struct redis_client_conf redis = {
        .base = listener->conf.base,
        .dns = listener->conf.dns,
        .options = &listener->conf.conf->redis,
        .what = "bus",
        .channel = listener->conf.conf->bus_channel,
        .message_max = &listener->conf.conf->max_rpc_bytes,
        .events = &events,
        .arg = listener,
        .reconnects_row = M_REDIS_RECONNECTS_BUS,
        .up_row = M_REDIS_UP_BUS,
    };

    listener->turn = event_new(listener->conf.base, -1, 0, on_turn, listener);
    listener->gap = evtimer_new(listener->conf.base, on_gap, listener);
    if (listener->turn == NULL || listener->gap == NULL)
        return STATUS_NO_MEMORY;
    return redis_client_new(&redis, &listener->redis);
}

enum status bus_listener_new(const struct bus_listener_conf *conf, struct bus_listener **out)
{
    struct bus_listener *listener = calloc(1, sizeof *listener);

    if (listener == NULL)
        return STATUS_NO_MEMORY;
    listener->conf = *conf;
    listener->gap_due = INT64_MAX;
    if (set_up(listener) != STATUS_OK) {
        bus_listener_free(listener);
        return STATUS_NO_MEMORY;
    }
    *out = listener;
    return STATUS_OK;
}

void bus_listener_free(struct bus_listener *listener)
{
    if (listener == NULL)
        return;
    redis_client_free(listener->redis);
    loop_event_free(listener->turn);
    loop_event_free(listener->gap);
    free(listener);
}

const struct redis_client *bus_listener_redis(const struct bus_listener *listener)
{
    return listener != NULL ? listener->redis : NULL;
}

void bus_listener_look(struct bus_listener *listener)
{
    if (listener != NULL)
        set_gap_timer(listener, clock_now_ms());
}

void bus_listener_hold(struct bus_listener *listener, bool hold)
{
    if (listener == NULL)
        return;
    push_handler_hold(listener->conf.handler, hold, clock_now_ms());
    redis_client_pause(listener->redis, hold);
    set_gap_timer(listener, clock_now_ms());
}
