/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's answer to a batch (docs/protocol.md, section 3). Pure; any thread. */
#ifndef FANFARE_LOGIC_LINK_BATCH_ANSWER_H
#define FANFARE_LOGIC_LINK_BATCH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/json/json_scan.h"

struct batch_answer {
    uint64_t applied;    /* the highest sequence of ours that the gateway has applied */
    uint64_t duplicates; /* records that it had applied before */
    struct json_iter reached;
    uint64_t sequence; /* the pair of `reached` that batch_answer_clients stands at */
    uint64_t clients;
};

/* Reads the answer; unknown members are ignored, `applied` must be there. STATUS_INVALID. The
 * body must live as long as the answer is used. */
enum status batch_answer_parse(struct slice body, struct batch_answer *out);
/* How many clients the push `sequence` reached; 0 when the answer does not say. Ask in rising
 * order of sequences, as the gateway lists them. */
uint64_t batch_answer_clients(struct batch_answer *answer, uint64_t sequence);

#endif
