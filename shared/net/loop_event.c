/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where a delay becomes a timeval. */
#include "shared/net/loop_event.h"

enum { US_PER_MS = 1000, US_PER_SECOND = 1000000 };

enum status loop_event_after_us(struct event *event, int64_t delay)
{
    int64_t us = delay > 0 ? delay : 0;
    const struct timeval timeout = {us / US_PER_SECOND, us % US_PER_SECOND};

    return event_add(event, &timeout) == 0 ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status loop_event_after_ms(struct event *event, int64_t delay)
{
    return loop_event_after_us(event, delay * US_PER_MS);
}

void loop_event_free(struct event *event)
{
    if (event != NULL)
        event_free(event);
}
