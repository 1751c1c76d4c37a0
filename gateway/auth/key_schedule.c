/* SPDX-License-Identifier: Apache-2.0 */
/* Fetched after 80 to 90 per cent of the keys' life: before it is over even if that fetch fails a few times,
 * and spread, so that the gateways of a cluster do not ask together. */
#include "gateway/auth/key_schedule.h"

#include "shared/base/backoff.h"

static const struct backoff pauses = {KEY_PAUSE_FIRST_MS, KEY_PAUSE_MOST_MS, 2};

void key_schedule_init(struct key_schedule *schedule, int64_t now_ms)
{
    *schedule = (struct key_schedule){.next_ms = now_ms, .begun_ms = now_ms - KEY_WANT_MS};
}

int64_t key_schedule_wait_ms(const struct key_schedule *schedule, int64_t now_ms)
{
    return schedule->next_ms > now_ms ? schedule->next_ms - now_ms : 0;
}

void key_schedule_begin(struct key_schedule *schedule, int64_t now_ms)
{
    schedule->begun_ms = now_ms;
}

static int64_t life_s(int64_t max_age_s)
{
    if (max_age_s < 0)
        return KEY_LIFE_S;
    if (max_age_s < KEY_LIFE_LEAST_S)
        return KEY_LIFE_LEAST_S;
    return max_age_s < KEY_LIFE_MOST_S ? max_age_s : KEY_LIFE_MOST_S;
}

void key_schedule_succeed(struct key_schedule *schedule, int64_t now_ms, int64_t max_age_s, uint32_t chance)
{
    schedule->failures = 0;
    schedule->next_ms = now_ms + life_s(max_age_s) * (800 + chance % 101);
}

void key_schedule_fail(struct key_schedule *schedule, int64_t now_ms, uint32_t chance)
{
    schedule->next_ms = now_ms + backoff_ms(&pauses, schedule->failures, chance);
    if (schedule->failures < 64)
        schedule->failures++;
}

void key_schedule_want(struct key_schedule *schedule, int64_t now_ms)
{
    int64_t earliest = schedule->begun_ms + KEY_WANT_MS > now_ms ? schedule->begun_ms + KEY_WANT_MS : now_ms;

    if (earliest < schedule->next_ms)
        schedule->next_ms = earliest;
}
