/* SPDX-License-Identifier: Apache-2.0 */
/* A cell rate decides; who is refused is promised a time by a second number. Pure. */
#include "gateway/accept/admission.h"

enum { SECOND_US = 1000000 };

/* What may come at once begins with the rate, so that what was paid for stays paid for. */
void admission_set_rate(struct admission *admission, int64_t per_second)
{
    int64_t step_us = cell_rate_step_us(per_second);
    int64_t burst_us = step_us > SECOND_US / 10 ? step_us : SECOND_US / 10;

    admission->due_us += burst_us - admission->rate.burst_us;
    admission->rate = (struct cell_rate){.step_us = step_us, .burst_us = burst_us};
}

void admission_init(struct admission *admission, int64_t per_second, int64_t now_us)
{
    *admission = (struct admission){.due_us = now_us, .promise_us = now_us};
    admission_set_rate(admission, per_second);
}

static int promise(struct admission *admission, int64_t now_us)
{
    int64_t latest_us = now_us + (int64_t)ADMISSION_RETRY_MAX * SECOND_US;

    if (admission->promise_us < now_us + SECOND_US)
        admission->promise_us = now_us + SECOND_US;
    else if (admission->promise_us + admission->rate.step_us <= latest_us)
        admission->promise_us += admission->rate.step_us;
    int64_t wait_us = admission->promise_us - now_us;
    return (int)((wait_us + SECOND_US - 1) / SECOND_US);
}

bool admission_admit(struct admission *admission, int64_t now_us, int *retry_s)
{
    if (cell_rate_admits(&admission->rate, &admission->due_us, now_us))
        return true;
    *retry_s = promise(admission, now_us);
    return false;
}

void admission_give_back(struct admission *admission)
{
    admission->due_us -= admission->rate.step_us;
}
