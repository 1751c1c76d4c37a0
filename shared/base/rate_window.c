/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of looks, one more than there are seconds, so that the oldest is a whole window old. */
#include "shared/base/rate_window.h"

enum { LOOKS = RATE_WINDOW_SECONDS + 1 };

void rate_window_note(struct rate_window *window, int64_t now_ms, uint64_t total)
{
    window->looks[window->next] = (struct rate_look){now_ms, total};
    window->next = (window->next + 1) % LOOKS;
    if (window->count < LOOKS)
        window->count++;
}

double rate_window_per_second(const struct rate_window *window, int64_t now_ms, uint64_t total)
{
    if (window->count == 0)
        return 0;
    const struct rate_look *oldest = &window->looks[(window->next + LOOKS - window->count) % LOOKS];
    if (now_ms <= oldest->at_ms || total < oldest->total)
        return 0;
    return (double)(total - oldest->total) * 1000 / (double)(now_ms - oldest->at_ms);
}
