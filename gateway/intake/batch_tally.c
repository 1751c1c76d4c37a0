/* SPDX-License-Identifier: Apache-2.0 */
/* Counts, and JSON made by hand: an answer to 4096 waiting pushes is long. Pure. */
#include "gateway/intake/batch_tally.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    ANSWER_FRAME_LEN = 192, /* the answer without its pairs, at most */
    ANSWER_PAIR_LEN = 34,   /* [18446744073709551615,4294967295], */
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
    tally->items += record->item_count;
    if (record->wait)
        tally->reached[tally->reached_count++] = (struct reached){record->sequence, clients};
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

enum status batch_tally_print(const struct batch_tally *tally, uint64_t applied, struct buf *answer)
{
    enum status status = buf_printf(answer,
                                    "{\"applied\":%" PRIu64 ",\"pushes\":%" PRIu64 ",\"duplicates\":%" PRIu64
                                    ",\"items\":%" PRIu64 ",\"reached\":[",
                                    applied, tally->pushes, tally->duplicates, tally->items);

    for (size_t i = 0; i < tally->reached_count && status == STATUS_OK; i++)
        status = buf_printf(answer, "%s[%" PRIu64 ",%" PRIu32 "]", i ? "," : "", tally->reached[i].sequence,
                            tally->reached[i].clients);
    return status != STATUS_OK ? status : buf_append_str(answer, "]}");
}
