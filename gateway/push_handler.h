/* SPDX-License-Identifier: Apache-2.0 */
/* Applies pushes to a sink, each exactly once, whichever way they come (RPC batch, form call,
 * bus). Pure: no socket, time is an argument. One thread at a time (the control thread).
 * Remembers 1024 logics, the least recently used goes first, and one idle for an hour goes. */
#ifndef FANFARE_GATEWAY_PUSH_HANDLER_H
#define FANFARE_GATEWAY_PUSH_HANDLER_H

#include <stdint.h>

#include "shared/push.h"

/* The most items a form call may have. */
enum { PUSH_MAX_FORM_ITEMS = 100000 };

struct push_handler;

/* Where applied pushes go: called once per room, or once for all (`room` is then empty).
 * `items` is walked with push_next_item and valid during the call. Returns how many clients are
 * subscribed now. */
struct push_sink {
    uint32_t (*deliver)(void *arg, enum push_target target, struct slice room, struct slice items,
                        uint32_t item_count);
    void *arg;
};

/* `max_items` bounds the items of a form call. */
enum status push_handler_new(const struct push_limits *limits, size_t max_items, struct push_sink sink,
                             struct push_handler **out);
void push_handler_free(struct push_handler *handler);
/* Checks a batch, applies the pushes that its logic has not had applied before, and appends the
 * answer of docs/protocol.md, section 3. STATUS_INVALID: nothing was applied and the fault says
 * why; STATUS_NO_MEMORY: nothing was applied. Counts M_RPC_BATCHES, M_RPC_DUPLICATES, M_PUSHES. */
enum status push_handler_batch(struct push_handler *handler, struct slice body, int64_t now_ms,
                               struct buf *answer, struct fault *fault);
/* Applies one form call, as go-push sends it: the fields `items` and, for PUSH_TO_ROOMS, `room`.
 * It carries no number, so that one sent again is applied again. On failure (as above) `*code`
 * is the error code of docs/protocol.md, section 1. */
enum status push_handler_form(struct push_handler *handler, enum push_target target, struct slice body,
                              struct fault *fault, const char **code);

#endif
