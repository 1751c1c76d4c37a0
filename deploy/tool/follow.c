/* SPDX-License-Identifier: Apache-2.0 */
/* When to come back, and where. Pure. */
#include "deploy/tool/follow.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/backoff.h"
#include "shared/contract/close_codes.h"

enum { LONG_ENOUGH_MS = 5000, RETRY_MS_MAX = 3600000 };

/* Between half of the ceiling and all of it. */
static int64_t pause_ms(unsigned failures, uint32_t chance)
{
    static const struct backoff backoff = {.first_ms = 500, .last_ms = 30000, .divisor = 2};

    return backoff_ms(&backoff, failures - 1, chance);
}

/* "going_away retry_ms=2350"; -1 without it. */
static int64_t asked_retry_ms(const char *reason)
{
    const char *at = strstr(reason, "retry_ms=");
    long long ms = at != NULL ? strtoll(at + strlen("retry_ms="), NULL, 10) : -1;

    return ms >= 0 && ms <= RETRY_MS_MAX ? ms : -1;
}

static struct follow_plan stop(void)
{
    return (struct follow_plan){.step = FOLLOW_STOP};
}

static struct follow_plan after_refusal(const struct follow *follow, const struct ws_ending *ending,
                                        uint32_t chance)
{
    int64_t wait = ending->retry_after * INT64_C(1000);

    if (ending->http_status != 429 && ending->http_status < 500)
        return stop();
    if (wait == 0)
        wait = pause_ms(follow->failures, chance);
    return (struct follow_plan){.step = FOLLOW_AGAIN, .wait_ms = wait, .other = true};
}

static struct follow_plan after_close(const struct follow *follow, const struct ws_ending *ending,
                                      uint32_t chance)
{
    struct follow_plan plan = {.step = FOLLOW_AGAIN, .wait_ms = pause_ms(follow->failures, chance)};
    int64_t asked = asked_retry_ms(ending->text);

    plan.other =
        ending->code == CLOSE_going_away || ending->code == CLOSE_lost || ending->code == CLOSE_internal;
    if (asked >= 0)
        plan.wait_ms = asked;
    else if (close_code_advice(ending->code) == CLOSE_THEN_NOW && follow->failures <= 1)
        plan.wait_ms = 0;
    return plan;
}

struct follow_plan follow_after(struct follow *follow, const struct ws_ending *ending, int64_t open_ms,
                                uint32_t chance)
{
    follow->failures = open_ms >= LONG_ENOUGH_MS ? 1 : follow->failures + 1;
    follow->ever_open = follow->ever_open || open_ms > 0;
    if (ending->http_status)
        return ending->protocol ? stop() : after_refusal(follow, ending, chance);
    if (ending->protocol || close_code_advice(ending->code) == CLOSE_THEN_NEVER)
        return stop();
    if (!follow->ever_open)
        return stop();
    return after_close(follow, ending, chance);
}
