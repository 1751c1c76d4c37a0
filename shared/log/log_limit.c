/* SPDX-License-Identifier: Apache-2.0 */
/* A small table of the messages of the last second, under one lock that is held for a few
 * comparisons. Any thread. Never writes a line, never allocates. */
#include "shared/log/log_limit.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

enum { PLACES = 64, MSG_BYTES = 64, WINDOW_MS = 1000 };

struct place {
    char msg[MSG_BYTES]; /* "" while free */
    enum log_level level;
    int64_t since; /* start of the window, ms */
    uint32_t passed;
    uint64_t held;
};

static struct place places[PLACES];
static size_t holding; /* places with held > 0: nothing to look for while it is 0 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* FNV-1a (Fowler, Noll, Vo), 32 bits. */
static struct place *place_of(const char *msg)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < MSG_BYTES - 1 && msg[i]; i++)
        hash = (hash ^ (uint8_t)msg[i]) * 16777619U;
    return &places[hash % PLACES];
}

static void begin(struct place *place, enum log_level level, const char *msg, int64_t now_ms)
{
    size_t len = strnlen(msg, MSG_BYTES - 1);

    memcpy(place->msg, msg, len);
    place->msg[len] = '\0';
    place->level = level;
    place->since = now_ms;
    place->passed = 0;
}

/* Moves one place that is due into `out`; false when there is none. */
static bool take_due(int64_t now_ms, bool all, struct place *out)
{
    bool found = false;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; holding > 0 && i < PLACES && !found; i++)
        if (places[i].held > 0 && (all || now_ms - places[i].since >= WINDOW_MS)) {
            *out = places[i];
            places[i].held = 0;
            holding--;
            found = true;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

static void report_due(int64_t now_ms, bool all, log_limit_report *report)
{
    struct place due;

    while (take_due(now_ms, all, &due))
        report(due.level, due.msg, due.held);
}

/* A place that still holds something keeps its message: the newcomer then passes uncounted. */
static bool count(struct place *place, enum log_level level, const char *msg, int64_t now_ms)
{
    bool same = strncmp(place->msg, msg, MSG_BYTES - 1) == 0;

    if (!same && place->held > 0)
        return true;
    if (!same || now_ms - place->since >= WINDOW_MS)
        begin(place, level, msg, now_ms);
    if (place->passed < LOG_LIMIT_PER_SECOND) {
        place->passed++;
        return true;
    }
    if (place->held++ == 0)
        holding++;
    return false;
}

bool log_limit_pass(enum log_level level, const char *msg, int64_t now_ms, log_limit_report *report)
{
    bool pass;

    report_due(now_ms, false, report);
    pthread_mutex_lock(&lock);
    pass = count(place_of(msg), level, msg, now_ms);
    pthread_mutex_unlock(&lock);
    return pass;
}

void log_limit_flush(log_limit_report *report)
{
    report_due(0, true, report);
}
