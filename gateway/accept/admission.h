/* SPDX-License-Identifier: Apache-2.0 */
/* At which rate new clients are let in, and when the others should come back: so many a second,
 * with a tenth of a second's worth at once. Who is refused gets a place in a queue that is emptied at
 * the same rate, so that a herd that does as it is told comes back as a ramp. Pure: time is an
 * argument. One thread at a time. */
#ifndef FANFARE_GATEWAY_ACCEPT_ADMISSION_H
#define FANFARE_GATEWAY_ACCEPT_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/cell_rate.h"

enum { ADMISSION_RETRY_MAX = 120 }; /* seconds that anybody is told to wait, at most */

struct admission {
    struct cell_rate rate;
    int64_t due_us;     /* as cell_rate_admits has it */
    int64_t promise_us; /* when the last one that was refused was told to come back */
};

/* `per_second` 0 lets everybody in. All times are microseconds of one clock that never goes back. */
void admission_init(struct admission *admission, int64_t per_second, int64_t now_us);
/* Another rate from now on; promises that were made stand. */
void admission_set_rate(struct admission *admission, int64_t per_second);
/* Whether a client is let in now; if not, `*retry_s` is the number of seconds for its Retry-After
 * (RFC 9110, 10.2.3), 1 to ADMISSION_RETRY_MAX. */
bool admission_admit(struct admission *admission, int64_t now_us, int *retry_s);

/* Who was admitted was no client: the next one may have its place. */
void admission_give_back(struct admission *admission);

#endif
