/* SPDX-License-Identifier: Apache-2.0 */
/* A timerfd in the loop's epoll set, edge-triggered: each expiry is one event, and nothing has to be read.
 * An event that was under way when the timer was set anew or cancelled is told apart by the clock. */
#include "shared/net/precise_timer.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

struct precise_timer {
    struct event *expiry;
    precise_timer_fire *on_fire;
    void *arg;
    int64_t deadline_us; /* 0: not set */
    int fd;
};

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
    struct precise_timer *timer = arg;

    (void)fd;
    (void)what;
    if (timer->deadline_us == 0 || clock_now_us() < timer->deadline_us)
        return;
    timer->deadline_us = 0;
    timer->on_fire(timer->arg);
}

enum status precise_timer_new(struct event_base *base, precise_timer_fire *on_fire, void *arg,
                              struct precise_timer **out)
{
    struct precise_timer *timer = calloc(1, sizeof *timer);

    if (timer == NULL)
        return STATUS_NO_MEMORY;
    timer->on_fire = on_fire;
    timer->arg = arg;
    timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer->fd >= 0)
        timer->expiry = event_new(base, timer->fd, EV_READ | EV_PERSIST | EV_ET, on_expiry, timer);
    if (timer->expiry == NULL || event_add(timer->expiry, NULL) != 0) {
        precise_timer_free(timer);
        return STATUS_NO_MEMORY;
    }
    *out = timer;
    return STATUS_OK;
}

void precise_timer_free(struct precise_timer *timer)
{
    if (timer == NULL)
        return;
    loop_event_free(timer->expiry);
    if (timer->fd >= 0)
        close(timer->fd);
    free(timer);
}

/* 0 stops it. What the kernel could refuse are times and descriptors that are not valid. */
static void set_kernel(const struct precise_timer *timer, int64_t deadline_us)
{
    const struct itimerspec spec = {
        .it_value = {.tv_sec = deadline_us / 1000000, .tv_nsec = deadline_us % 1000000 * 1000}};

    (void)timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void precise_timer_set(struct precise_timer *timer, int64_t deadline_us)
{
    timer->deadline_us = deadline_us > 0 ? deadline_us : 1;
    set_kernel(timer, timer->deadline_us);
}

void precise_timer_cancel(struct precise_timer *timer)
{
    if (timer->deadline_us == 0)
        return;
    timer->deadline_us = 0;
    set_kernel(timer, 0);
}

bool precise_timer_is_set(const struct precise_timer *timer)
{
    return timer->deadline_us != 0;
}
