/* SPDX-License-Identifier: Apache-2.0 */
/* How long, in milliseconds, to wait before the next attempt: exponential with full jitter, anything from 0
 * to a ceiling that doubles from 50 ms to 2 s. Any thread; owns nothing. */
#ifndef FANFARE_LOGIC_LINK_LINK_BACKOFF_H
#define FANFARE_LOGIC_LINK_LINK_BACKOFF_H

#include <stdint.h>

/* `failures`: how many attempts in a row have failed before. */
uint32_t link_backoff_ms(unsigned failures);

#endif
