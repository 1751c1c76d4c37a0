/* SPDX-License-Identifier: Apache-2.0 */
/* Walks over frame headers (RFC 9113, 4.1) and jumps over payloads, so a DATA frame of 16 KB costs as
 * little as an empty one. A DATA frame with padding earns nothing: its padding would pay for it. */
#include "shared/h2/h2_budget.h"

#include <string.h>

enum { TYPE_DATA = 0, TYPE_RST_STREAM = 3, FLAG_PADDED = 8 };

static const int64_t MOST = (int64_t)H2_BUDGET_FRAMES * H2_FRAME_COST;

static void earn(struct h2_budget *budget, int64_t units)
{
    budget->units = units < MOST - budget->units ? budget->units + units : MOST;
}

void h2_budget_init(struct h2_budget *budget, bool server, int64_t now_ms)
{
    *budget = (struct h2_budget){.units = MOST, .now_ms = now_ms, .skip = server ? H2_CLIENT_PREFACE_LEN : 0};
}

void h2_budget_earn(struct h2_budget *budget, size_t units)
{
    earn(budget, units < (size_t)MOST ? (int64_t)units : MOST);
}

bool h2_budget_spend(struct h2_budget *budget, size_t units)
{
    if (budget->units >= 0)
        budget->units -= units < (size_t)MOST ? (int64_t)units : MOST;
    return budget->units >= 0;
}

static bool count_frame(struct h2_budget *budget, const uint8_t *head)
{
    size_t length = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

    budget->skip = length;
    if (!h2_budget_spend(budget,
                         head[3] == TYPE_RST_STREAM ? H2_RESET_FRAMES * H2_FRAME_COST : H2_FRAME_COST))
        return false;
    if (head[3] == TYPE_DATA && !(head[4] & FLAG_PADDED))
        h2_budget_earn(budget, length);
    return true;
}

/* The next header, from the input itself or gathered over several. NULL: it has not come whole. */
static const uint8_t *next_header(struct h2_budget *budget, const uint8_t **data, size_t *len)
{
    const uint8_t *head = *data;
    size_t want = H2_FRAME_HEADER_LEN - budget->head_len;
    size_t take = want < *len ? want : *len;

    if (take < H2_FRAME_HEADER_LEN) {
        memcpy(budget->head + budget->head_len, *data, take);
        budget->head_len += take;
        head = budget->head;
    }
    *data += take;
    *len -= take;
    if (take < want)
        return NULL;
    budget->head_len = 0;
    return head;
}

bool h2_budget_receive(struct h2_budget *budget, const uint8_t *data, size_t len, int64_t now_ms)
{
    if (now_ms > budget->now_ms) {
        h2_budget_earn(budget, (size_t)(now_ms - budget->now_ms) * H2_BUDGET_PER_MS * H2_FRAME_COST);
        budget->now_ms = now_ms;
    }
    while (len > 0) {
        size_t skip = budget->skip < len ? budget->skip : len;
        const uint8_t *head;

        budget->skip -= skip;
        data += skip;
        len -= skip;
        head = len > 0 ? next_header(budget, &data, &len) : NULL;
        if (head != NULL && !count_frame(budget, head))
            return false;
    }
    return true;
}
