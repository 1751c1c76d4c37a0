/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where a push enters and leaves a link: its queue, the accounting
 * (logic_metrics.h) and the word to the caller that waits. The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LINK_LEDGER_H
#define FANFARE_LOGIC_LINK_LINK_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "logic/link/batch_answer.h"
#include "logic/link/link_queue.h"
#include "logic/metrics/logic_metrics.h"

struct link_ledger {
    struct link_queue queue;
    const char *gateway;     /* "host:port", the link's own */
    const uint8_t *logic_id; /* likewise; LOGIC_ID_LEN bytes */
};

void link_ledger_init(struct link_ledger *ledger, const char *gateway, size_t max_count, size_t max_bytes);
/* Drops what is queued as LINK_DROP_SHUTDOWN and frees. */
void link_ledger_fini(struct link_ledger *ledger);
/* Accepts a push; link_queue_reserve must have succeeded. */
void link_ledger_add(struct link_ledger *ledger, struct encoded_push *push);
/* Accepts a push and drops it at once: it never enters a queue. */
void link_ledger_drop_at_once(const struct encoded_push *push, enum link_drop reason);
/* The gateway has answered for the `count` oldest pushes. `answer` says whom they reached; NULL
 * when the gateway does not (go-push's form). */
void link_ledger_ack(struct link_ledger *ledger, size_t count, struct batch_answer *answer);
/* The `count` oldest pushes will not be delivered to this gateway. */
void link_ledger_drop(struct link_ledger *ledger, size_t count, enum link_drop reason);

#endif
