/* SPDX-License-Identifier: Apache-2.0 */
/* libevent's severities as ours. Any thread that uses libevent; keeps nothing. Its resolver has no
 * callback of its own set, and so speaks through this one, without its internals. */
#include "shared/event_log.h"

#include <event2/event.h>

#include "shared/log.h"

/* What a message means for us, whoever called libevent says; a warning is about the system. */
static void on_message(int severity, const char *text)
{
    enum log_level level = LOG_DEBUG;

    if (severity >= EVENT_LOG_WARN)
        level = severity == EVENT_LOG_WARN ? LOG_WARN : LOG_ERROR;
    log_event(level, "libevent", LOG_S("text", text));
}

void event_log_setup(void)
{
    event_set_log_callback(on_message);
}
