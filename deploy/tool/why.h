/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of `fanfare why` and what they have found so far. The loop's thread. */
#ifndef FANFARE_DEPLOY_TOOL_WHY_H
#define FANFARE_DEPLOY_TOOL_WHY_H

#include "deploy/tool/sample.h"

/* What a step has to say: fine, worth knowing (may be normal), or a reason why a message is missed. */
enum finding { FINDING_OK, FINDING_NOTE, FINDING_BAD };

struct why {
    struct tool *tool;
    const char *room;
    struct daemons daemons;
    struct url *gateways; /* of --gateway */
    size_t bad;
    size_t notes;
    size_t answered; /* daemons that answered at all */
};

/* Prints one finding of one step, at once; `about` is the daemon's address, or "". */
void why_say(struct why *why, enum finding finding, const char *step, const char *about, const char *format,
             ...) __attribute__((format(printf, 5, 6)));

/* why_daemons.c: what logics and gateways say of themselves. STATUS_NO_MEMORY. */
enum status why_look_at_daemons(struct why *why);
/* why_redis.c: its connections to Redis, and whether its id is its own. */
void why_look_at_redis(struct why *why, const struct reading *reading);
/* why_path.c: a client of our own at each gateway, and a push that only it gets. */
void why_try_the_path(struct why *why);
/* why_probe.c: --probe, an item for the room itself. STATUS_NO_MEMORY. */
enum status why_probe_the_room(struct why *why);

/* POSTs {"room":…,"items":[item]} with or without wait; the caller ends the call. STATUS_NO_MEMORY
 * or STATUS_TOO_LARGE: nothing was begun. */
enum status why_push(struct why *why, const struct url *logic, const char *room, const char *item, bool wait,
                     struct http_call *call);
/* Why that push was not taken, for a person. */
void why_push_fault(const struct http_call *call, char *out, size_t cap);

#endif
