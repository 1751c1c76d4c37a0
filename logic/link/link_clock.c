/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to a link: pauses end, silence is noticed, what was kept too long is given up. One tick does
 * it all, six times in gatewayTimeout and at least twice a second. The loop's thread only. */
#include "logic/link/link_internal.h"
#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    struct gateway_link *link = arg;

    (void)fd;
    (void)what;
    if (link->state == LINK_WAITING)
        link_connect(link);
    else
        link_talk_send(link);
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    link_talk_send(arg);
}

static void check_alive(struct gateway_link *link, int64_t now_ms)
{
    switch (liveness_check(&link->liveness, h2_conn_last_received(link->conn), now_ms)) {
    case LIVENESS_PING:
        h2_conn_ping(link->conn);
        break;
    case LIVENESS_DEAD:
        link_down_break(link, "the gateway is silent");
        break;
    case LIVENESS_FINE:
        break;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct gateway_link *link = arg;
    int64_t now_ms = clock_now_ms();

    (void)fd;
    (void)what;
    link_talk_tick_hello(link);
    link_probe_tick(&link->probe, clock_now_us());
    link_canary_tick(&link->canary, clock_now_us());
    if (link->state == LINK_UP)
        check_alive(link, now_ms);
    else if (link->state == LINK_CONNECTING && now_ms - link->since_ms >= link->env->conf->gateway_timeout)
        link_down_break(link, link->hello.owed ? "the gateway has not answered the hello in time"
                                               : "the connection was not made in time");
    if (link->state != LINK_UP && link_down_is_given_up(link, now_ms))
        link_down_expire(link);
}

static int64_t tick_period_ms(const struct gateway_link *link)
{
    int64_t tick_ms = link->env->conf->gateway_timeout / 6;

    return tick_ms > 500 ? 500 : tick_ms;
}

enum status link_clock_start(struct gateway_link *link)
{
    link->again = evtimer_new(link->env->base, on_again, link);
    link->tick = event_new(link->env->base, -1, EV_PERSIST, on_tick, link);
    link->kick = event_new(link->env->base, -1, 0, on_kick, link);
    if (link->again == NULL || link->tick == NULL || link->kick == NULL ||
        loop_event_after_ms(link->tick, tick_period_ms(link)) != STATUS_OK)
        return STATUS_NO_MEMORY;
    event_active(link->again, EV_TIMEOUT, 0);
    return STATUS_OK;
}

void link_clock_stop(struct gateway_link *link)
{
    loop_event_free(link->again);
    loop_event_free(link->tick);
    loop_event_free(link->kick);
}

void link_clock_apply(struct gateway_link *link)
{
    (void)loop_event_after_ms(link->tick, tick_period_ms(link));
}
