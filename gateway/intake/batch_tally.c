/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, and JSON made by hand: an answer to 4096 waiting pushes is long. Pure. */
#include "gateway/intake/batch_tally.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    ANSWER_FRAME_LEN = 192, /* the answer without its pairs, at most */
    ANSWER_PAIR_LEN = 34,   /* [18446744073709551615,4294967295], */
    INDEX_LEN = 6,          /* 65534, */
    LIST_LEN = 4,           /* ,[] and one to spare */
};

enum status batch_tally_init(struct batch_tally *tally, size_t waits, struct buf *answer)
{
    *tally = (struct batch_tally){.reached = waits ? calloc(waits, sizeof *tally->reached) : NULL};
    if ((!waits || tally->reached != NULL) &&
        buf_reserve(answer, ANSWER_FRAME_LEN + waits * ANSWER_PAIR_LEN) == STATUS_OK)
        return STATUS_OK;
    batch_tally_fini(tally);
    return STATUS_NO_MEMORY;
}

void batch_tally_fini(struct batch_tally *tally)
{
    free(tally->reached);
    tally->reached = NULL;
}

void batch_tally_applied(struct batch_tally *tally, const struct push_record *record, uint32_t clients)
{
    if (tally == NULL)
        return;
    tally->pushes++;
    tally->items += record->command ? 0 : record->item_count;
    if (record->wait)
        tally->reached[tally->reached_count++] =
            (struct reached){record->sequence, clients, record->target == AUDIENCE_USER};
}

void batch_tally_again(struct batch_tally *tally, const struct push_record *record,
                       const struct ack_cache *cache)
{
    const struct reached *before;

    if (tally == NULL)
        return;
    tally->duplicates++;
    before = record->wait ? ack_cache_find(cache, record->sequence) : NULL;
    if (before != NULL)
        tally->reached[tally->reached_count++] = *before;
}

static size_t count_offline(const uint8_t *bits, uint16_t users)
{
    size_t count = 0;

    for (size_t i = 0; i < users; i++)
        count += offline_set_has(bits, i);
    return count;
}

static void append_index(struct buf *answer, size_t index)
{
    char digits[INDEX_LEN];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    (void)buf_append(answer, digits + at, sizeof digits - at);
}

/* `,[0,3,7]`, unless that would take more than `most` bytes, or the `rest` of the answer its room. Returns
 * how many it took. */
static size_t append_offline(struct buf *answer, const uint8_t *bits, uint16_t users, size_t most,
                             size_t rest)
{
    size_t len = LIST_LEN + count_offline(bits, users) * INDEX_LEN;
    size_t before = answer->len;
    bool first = true;

    if (len > most || buf_reserve(answer, len + rest) != STATUS_OK)
        return 0;
    (void)buf_append_str(answer, ",[");
    for (size_t i = 0; i < users; i++) {
        if (!offline_set_has(bits, i))
            continue;
        if (!first)
            (void)buf_append(answer, ",", 1);
        append_index(answer, i);
        first = false;
    }
    (void)buf_append(answer, "]", 1);
    return answer->len - before;
}

static enum status print_reached(const struct batch_tally *tally, const struct ack_cache *cache,
                                 struct buf *answer)
{
    enum status status = STATUS_OK;
    size_t offline = 0;

    for (size_t i = 0; i < tally->reached_count && status == STATUS_OK; i++) {
        const struct reached *reached = &tally->reached[i];
        size_t rest = ANSWER_FRAME_LEN + (tally->reached_count - i) * ANSWER_PAIR_LEN;
        const uint8_t *bits;
        uint16_t users;

        status =
            buf_printf(answer, "%s[%" PRIu64 ",%" PRIu32, i ? "," : "", reached->sequence, reached->clients);
        bits = reached->offline ? ack_cache_offline(cache, reached->sequence, &users) : NULL;
        if (bits != NULL && status == STATUS_OK)
            offline += append_offline(answer, bits, users, BATCH_TALLY_OFFLINE - offline, rest);
        if (status == STATUS_OK)
            status = buf_append(answer, "]", 1);
    }
    return status;
}

enum status batch_tally_print(const struct batch_tally *tally, uint64_t applied,
                              const struct ack_cache *cache, struct buf *answer)
{
    enum status status = buf_printf(answer,
                                    "{\"applied\":%" PRIu64 ",\"pushes\":%" PRIu64 ",\"duplicates\":%" PRIu64
                                    ",\"items\":%" PRIu64 ",\"reached\":[",
                                    applied, tally->pushes, tally->duplicates, tally->items);

    if (status == STATUS_OK)
        status = print_reached(tally, cache, answer);
    return status != STATUS_OK ? status : buf_append_str(answer, "]}");
}
