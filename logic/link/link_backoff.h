/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt: exponential with full jitter, anything from 0 to a
 * ceiling that doubles from 50 ms to 2 s. Any thread; owns nothing. */
#ifndef FANFARE_LOGIC_LINK_LINK_BACKOFF_H
#define FANFARE_LOGIC_LINK_LINK_BACKOFF_H

#include <sys/time.h>

/* `failures`: how many attempts in a row have failed before. */
struct timeval link_backoff(unsigned failures);

#endif
