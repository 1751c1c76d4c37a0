/* SPDX-License-Identifier: Apache-2.0 */
/* A caller that waits until the gateways have applied its push, for at most waitTimeout.
 * Owned by its encoded_push, so it outlives its own answer until the last link has settled.
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_PUSH_PUSH_WAIT_H
#define FANFARE_LOGIC_PUSH_PUSH_WAIT_H

#include <event2/event.h>
#include <stdint.h>

#include "logic/push/offline_users.h"
#include "logic/push/push_answer.h"
#include "shared/base/status.h"

struct push_wait;

/* Tells the caller what became of its push; `outcome` is valid during the call. */
typedef void push_done(const struct push_outcome *outcome, void *arg);

/* `done` is called exactly once after push_wait_start: when every link has settled, or after
 * `timeout_ms`. */
enum status push_wait_new(struct event_base *base, int timeout_ms, push_done *done, void *arg,
                          struct push_wait **out);
/* Before the start, for a push to users: their names as push_next_room reads them, which must live as long as
 * this. STATUS_NO_MEMORY. */
enum status push_wait_for_users(struct push_wait *wait, size_t users, struct slice names);
/* Where a link notes who of them is away at its gateway, before push_wait_acked; NULL: not to users. */
struct offline_users *push_wait_offline(struct push_wait *wait);
/* Waits for outcome->queued links (at least one). Takes over the names in `outcome`, whose
 * names are empty afterwards. */
void push_wait_start(struct push_wait *wait, struct push_outcome *outcome);
/* A link has settled: the gateway applied the push with `clients` reached, refused it, or will not get it. */
void push_wait_acked(struct push_wait *wait, const char *gateway, uint64_t clients);
void push_wait_refused(struct push_wait *wait, const char *gateway);
void push_wait_dropped(struct push_wait *wait, const char *gateway);
/* Legal on NULL, and before the start; after it only when every link has settled. */
void push_wait_free(struct push_wait *wait);

#endif
