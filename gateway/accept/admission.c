/* SPDX-License-Identifier: Apache-2.0 */
/* The generic cell rate algorithm: one number says when the next client is due. Pure. */
#include "gateway/accept/admission.h"

enum { SECOND_US = 1000000 };

void admission_set_rate(struct admission *admission, int64_t per_second)
{
    int64_t step_us = per_second > 0 ? SECOND_US / per_second : 0;

    admission->step_us = step_us;
    admission->burst_us = step_us > SECOND_US / 10 ? step_us : SECOND_US / 10;
}

void admission_init(struct admission *admission, int64_t per_second, int64_t now_us)
{
    *admission = (struct admission){.next_us = now_us, .promise_us = now_us};
    admission_set_rate(admission, per_second);
}

static int promise(struct admission *admission, int64_t now_us)
{
    int64_t latest_us = now_us + (int64_t)ADMISSION_RETRY_MAX * SECOND_US;

    if (admission->promise_us < now_us + SECOND_US)
        admission->promise_us = now_us + SECOND_US;
    else if (admission->promise_us + admission->step_us <= latest_us)
        admission->promise_us += admission->step_us;
    int64_t wait_us = admission->promise_us - now_us;
    return (int)((wait_us + SECOND_US - 1) / SECOND_US);
}

bool admission_admit(struct admission *admission, int64_t now_us, int *retry_s)
{
    if (admission->step_us == 0)
        return true;
    if (admission->next_us < now_us - admission->burst_us)
        admission->next_us = now_us - admission->burst_us;
    if (admission->next_us > now_us) {
        *retry_s = promise(admission, now_us);
        return false;
    }
    admission->next_us += admission->step_us;
    return true;
}

void admission_give_back(struct admission *admission)
{
    admission->next_us -= admission->step_us;
}
