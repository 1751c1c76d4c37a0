/* SPDX-License-Identifier: Apache-2.0 */
/* Seconds to words. */
#include "deploy/tool/token_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const struct {
    int64_t seconds;
    const char *name;
} units[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};

/* The largest unit of which there are two, or the smallest. */
static size_t choose_unit(int64_t seconds)
{
    size_t i = 0;

    while (i + 1 < sizeof units / sizeof units[0] && seconds < 2 * units[i].seconds) {
        i++;
    }
    return i;
}

const char *token_text_distance(int64_t at, int64_t now_s, char *out, size_t cap)
{
    int64_t seconds = at > now_s ? at - now_s : now_s - at;
    size_t unit = choose_unit(seconds);

    if (seconds == 0) {
        snprintf(out, cap, "now");
    } else {
        snprintf(out, cap, "%s%" PRId64 " %s%s", at > now_s ? "in " : "", seconds / units[unit].seconds,
                 units[unit].name, at > now_s ? "" : " ago");
    }
    return out;
}

const char *token_text_date(int64_t at, int64_t now_s, char *out, size_t cap)
{
    time_t seconds = (time_t)at;
    struct tm parts;
    char date[48];
    char distance[48];

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        snprintf(date, sizeof date, "no date of the calendar");
    }
    snprintf(out, cap, "%s, %s", date, token_text_distance(at, now_s, distance, sizeof distance));
    return out;
}
