/* SPDX-License-Identifier: Apache-2.0 */
/* Judges a peer's silence. Pure; sends nothing, closes nothing. */
#include "logic/link/liveness.h"

void liveness_init(struct liveness *liveness, int64_t timeout_ms, int64_t idle_ms, int64_t now_ms)
{
    *liveness = (struct liveness){.timeout_ms = timeout_ms,
                                  .idle_ms = idle_ms,
                                  .patient_from = now_ms,
                                  .pinged_ms = now_ms - idle_ms - timeout_ms,
                                  .checked_ms = now_ms};
}

void liveness_owe(struct liveness *liveness, int64_t now_ms)
{
    liveness->owed = true;
    liveness->patient_from = now_ms;
}

void liveness_settle(struct liveness *liveness)
{
    liveness->owed = false;
}

static enum liveness_verdict judge(const struct liveness *liveness, int64_t silent_since, int64_t received_ms,
                                   int64_t now_ms)
{
    bool ping_open = liveness->pinged_ms > received_ms;
    int64_t silence = now_ms - silent_since;
    int64_t patience = liveness->owed ? liveness->timeout_ms / 3 : liveness->idle_ms;

    if (silence >= liveness->timeout_ms && (liveness->owed || ping_open))
        if (liveness->owed || now_ms - liveness->pinged_ms >= liveness->timeout_ms)
            return LIVENESS_DEAD;
    if (silence >= patience && now_ms - liveness->pinged_ms >= patience)
        return LIVENESS_PING;
    return LIVENESS_FINE;
}

enum liveness_verdict liveness_check(struct liveness *liveness, int64_t received_ms, int64_t now_ms)
{
    if (now_ms - liveness->checked_ms >= liveness->timeout_ms / 2)
        liveness->patient_from = now_ms;
    liveness->checked_ms = now_ms;
    int64_t silent_since = received_ms > liveness->patient_from ? received_ms : liveness->patient_from;
    enum liveness_verdict verdict = judge(liveness, silent_since, received_ms, now_ms);
    if (verdict == LIVENESS_PING)
        liveness->pinged_ms = now_ms;
    return verdict;
}
