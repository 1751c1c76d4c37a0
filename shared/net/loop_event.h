/* SPDX-License-Identifier: Apache-2.0 */
/* What libevent's events lack: a delay in milliseconds or microseconds, and a free that takes NULL. For
 * delays that must be exact see precise_timer.h. The loop's thread only; keeps nothing. */
#ifndef FANFARE_SHARED_NET_LOOP_EVENT_H
#define FANFARE_SHARED_NET_LOOP_EVENT_H

#include <event2/event.h>
#include <stdint.h>

#include "shared/base/status.h"

/* Sets the timeout of `event` to `delay` from now, in place of what was set before; 0 or less: with the
 * loop's next turn. With EV_PERSIST it is the period; with a descriptor, how long to wait for that at most.
 * STATUS_NO_MEMORY: nothing is set. */
enum status loop_event_after_ms(struct event *event, int64_t delay);
enum status loop_event_after_us(struct event *event, int64_t delay);
/* Removes it from the loop and frees it. Legal on NULL. */
void loop_event_free(struct event *event);

#endif
