/* SPDX-License-Identifier: Apache-2.0 */
/* What one batch by RPC did, and the answer that says so (docs/protocol.md, section 3). Pure; one
 * thread at a time. */
#ifndef FANFARE_GATEWAY_INTAKE_BATCH_TALLY_H
#define FANFARE_GATEWAY_INTAKE_BATCH_TALLY_H

#include "gateway/intake/ack_cache.h"
#include "shared/base/buf.h"
#include "shared/contract/push.h"

/* A logic reads answers of at most 1 MiB, and the rest of one takes 139 kB at most. */
enum { BATCH_TALLY_OFFLINE = 512 * 1024 };

struct batch_tally {
    uint64_t pushes;
    uint64_t duplicates;
    uint64_t items;
    struct reached *reached; /* room for every waiting push of the batch; owned. Here `offline` only says
                              * whether the push is to users */
    size_t reached_count;
};

/* For a batch with `waits` waiting pushes. After it nothing can fail: `answer` has the room that
 * batch_tally_print needs. STATUS_NO_MEMORY. */
enum status batch_tally_init(struct batch_tally *tally, size_t waits, struct buf *answer);
void batch_tally_fini(struct batch_tally *tally);
/* A push was applied and reached so many clients. Legal on NULL. */
void batch_tally_applied(struct batch_tally *tally, const struct push_record *record, uint32_t clients);
/* A push had been applied before; whom it reached then stands in `cache`. Legal on NULL. */
void batch_tally_again(struct batch_tally *tally, const struct push_record *record,
                       const struct ack_cache *cache);
/* Appends the answer. Of pushes to users it lists who was not there, as far as `cache` knows and the answer
 * stays below BATCH_TALLY_OFFLINE bytes of such lists. */
enum status batch_tally_print(const struct batch_tally *tally, uint64_t applied,
                              const struct ack_cache *cache, struct buf *answer);

#endif
