/* SPDX-License-Identifier: Apache-2.0 */
/* A one-shot timer on the libevent loop that is exact to some ten microseconds. libevent's own timers are
 * rounded up to whole milliseconds by epoll, and counted from a clock that ticks every 4 ms; made
 * precise for a whole loop they cost a system call in each of its turns. This one costs a
 * descriptor (timerfd) and a system call each time that it is set. The loop's thread only. */
#ifndef FANFARE_SHARED_NET_PRECISE_TIMER_H
#define FANFARE_SHARED_NET_PRECISE_TIMER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/status.h"

struct precise_timer;

typedef void precise_timer_fire(void *arg);

/* STATUS_NO_MEMORY: out of memory or descriptors. */
enum status precise_timer_new(struct event_base *base, precise_timer_fire *on_fire, void *arg,
                              struct precise_timer **out);
void precise_timer_free(struct precise_timer *timer);
/* Fires once, from the loop, at the monotonic `deadline_us` (clock.h) or soon after it, never before; at once
 * when that has passed. Replaces what was set before. Legal inside on_fire. */
void precise_timer_set(struct precise_timer *timer, int64_t deadline_us);
void precise_timer_cancel(struct precise_timer *timer);
/* Whether it is set and has not fired. */
bool precise_timer_is_set(const struct precise_timer *timer);

#endif
