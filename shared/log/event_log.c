/* SPDX-License-Identifier: Apache-2.0 */
/* libevent's severities as ours. Any thread that uses libevent; keeps nothing. */
#include "shared/log/event_log.h"

#include <event2/event.h>
#include <stdlib.h>

#include "shared/log/log.h"

/* libevent's own number (log-internal.h) for an error of the program, not of the system. */
enum { EVENT_ERR_ABORT = (int)0xdeaddead };

/* What a message means for us, whoever called libevent says; a warning is about the system. */
static void on_message(int severity, const char *text)
{
    enum log_level level = LOG_DEBUG;

    if (severity >= EVENT_LOG_WARN)
        level = severity == EVENT_LOG_WARN ? LOG_WARN : LOG_ERROR;
    log_event(level, "libevent", LOG_S("text", text));
}

/* As libevent does without it, but for the lines that still wait: the reason is among them. */
static void on_fatal(int fault)
{
    log_end();
    if (fault == EVENT_ERR_ABORT)
        abort();
    exit(fault);
}

void event_log_setup(void)
{
    event_set_fatal_callback(on_fatal);
    event_set_log_callback(on_message);
}
