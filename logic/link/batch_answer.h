/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's answer to a batch (docs/protocol.md, section 3). Pure; any thread. */
#ifndef FANFARE_LOGIC_LINK_BATCH_ANSWER_H
#define FANFARE_LOGIC_LINK_BATCH_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "logic/push/offline_users.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/json/json_scan.h"

struct batch_answer {
    uint64_t applied;    /* the highest sequence of ours that the gateway has applied */
    uint64_t duplicates; /* records that it had applied before */
    struct json_iter reached;
    uint64_t sequence; /* the entry of `reached` that batch_answer_clients stands at */
    uint64_t clients;
    struct json_value offline; /* its third element; text.data NULL: it has none */
};

/* Reads the answer; unknown members are ignored, `applied` must be there. STATUS_INVALID. The
 * body must live as long as the answer is used. */
enum status batch_answer_parse(struct slice body, struct batch_answer *out);
/* How many clients the push `sequence` reached; 0 when the answer does not say. Ask in rising
 * order of sequences, as the gateway lists them. */
uint64_t batch_answer_clients(struct batch_answer *answer, uint64_t sequence);
/* Of the push that batch_answer_clients was last asked for, which is to users: notes who of them is away at
 * this gateway, or that it does not say. */
void batch_answer_offline(const struct batch_answer *answer, uint64_t sequence,
                          struct offline_users *offline);

#endif
