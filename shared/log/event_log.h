/* SPDX-License-Identifier: Apache-2.0 */
/* What libevent has to say goes through the log, so that every line on stderr is
 * one of ours. */
#ifndef FANFARE_SHARED_LOG_EVENT_LOG_H
#define FANFARE_SHARED_LOG_EVENT_LOG_H

/* For the process, from then on: also what libevent says before it ends the process. Call before anything
 * of libevent. */
void event_log_setup(void);

#endif
