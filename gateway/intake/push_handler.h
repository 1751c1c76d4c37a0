/* SPDX-License-Identifier: Apache-2.0 */
/* Applies pushes to a sink, each exactly once and each logic's in the order of their numbers,
 * whichever way they come first: RPC batch, the bus, form call (which has no number). What one way
 * lacks is waited for on the other (docs/protocol.md, "The bus"). Pure: no socket, time is an
 * argument. One thread at a time (the control thread).
 * Remembers 1024 logics, the least recently used goes first, and one idle for an hour goes; what
 * still waits of it is dropped (M_BUS_DROPPED). What waits is bounded by gap_bytes of all logics
 * together and one message more: past it the oldest gap is passed over (M_BUS_GAP_PUSHES). */
#ifndef FANFARE_GATEWAY_INTAKE_PUSH_HANDLER_H
#define FANFARE_GATEWAY_INTAKE_PUSH_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/fanout/push_sink.h"
#include "shared/contract/push.h"

/* The most items a form call may have. */
enum { PUSH_MAX_FORM_ITEMS = 100000 };

/* In the order of the rows M_APPLIED_RPC and M_DUPLICATES_RPC. */
enum push_path { PUSH_BY_RPC, PUSH_BY_BUS, PUSH_BY_FORM };

struct push_handler;

struct push_handler_conf {
    struct push_limits limits;
    size_t max_items; /* of a form call */
    struct push_sink sink;
    int64_t gap_wait_ms; /* >= 0 */
    size_t gap_bytes;
};

enum status push_handler_new(const struct push_handler_conf *conf, struct push_handler **out);
/* What waits is dropped. Legal on NULL. */
void push_handler_free(struct push_handler *handler);
/* Other limits for the batches and forms that come from now on. */
void push_handler_set_limits(struct push_handler *handler, const struct push_limits *limits);
/* Whether the bus is listened to and its connection is up; false at first. Only while it is does a
 * gap in what RPC brings wait for the bus. */
void push_handler_set_bus(struct push_handler *handler, bool up);
/* While held (the buckets are behind, so that RPC's answers and the bus wait) no gap is given up for
 * having waited; afterwards each waits anew. Harmless when nothing changes. `now_ms`: monotonic. */
void push_handler_hold(struct push_handler *handler, bool hold, int64_t now_ms);
/* Checks a batch that came by RPC or by the bus, applies the pushes that its logic has not had
 * applied before (or keeps a copy of those that came too early by the bus), and for RPC appends the
 * answer of docs/protocol.md, section 3 (`answer` is NULL for the bus). `now_ms`: monotonic.
 * STATUS_INVALID: nothing was applied and the fault says why. STATUS_NO_MEMORY: nothing was applied.
 * STATUS_NOT_FOUND (RPC only): pushes are missing that the bus may still bring; those before them
 * were applied, and the same batch must come again. Counts M_RPC_BATCHES, M_DUPLICATES_*, M_PUSHES,
 * M_APPLIED_*, the gaps, and for the bus M_BUS_REFUSED_*. */
enum status push_handler_batch(struct push_handler *handler, enum push_path path, struct slice body,
                               int64_t now_ms, struct buf *answer, struct fault *fault);
/* When push_handler_tick must be called next (monotonic ms), or INT64_MAX. Changes with each call of
 * the functions above. */
int64_t push_handler_due(const struct push_handler *handler);
/* Passes over the gaps that have waited long enough and applies what waited behind them; returns
 * whether anything was applied. */
bool push_handler_tick(struct push_handler *handler, int64_t now_ms);
/* Applies one form call, as go-push sends it: the fields `items` and, for AUDIENCE_ROOM, `room`.
 * It carries no number, so that one sent again is applied again. On failure (as above) `*code`
 * is the error code of docs/protocol.md, section 1. */
enum status push_handler_form(struct push_handler *handler, enum audience target, struct slice body,
                              struct fault *fault, const char **code);

#endif
