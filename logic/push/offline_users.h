/* SPDX-License-Identifier: Apache-2.0 */
/* Which users of a push have no connection anywhere: each gateway says who has none there, and those whom all
 * of them name are left. Two bits a user while somebody waits, so bounded by maxRoomsPerPush and by who
 * waits. Pure; the loop's thread. */
#ifndef FANFARE_LOGIC_PUSH_OFFLINE_USERS_H
#define FANFARE_LOGIC_PUSH_OFFLINE_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

struct offline_users {
    size_t users;
    struct slice names; /* of a record, use push_next_room: the first `users` are they; not owned */
    bool unknown;       /* a gateway has not said */
    uint64_t *left;     /* a bit a user: nobody has seen him yet; owned, and `here` behind it */
    uint64_t *here;     /* likewise, of the gateway that is saying it */
};

/* All of `users` (1 or more) are away until a gateway says otherwise. STATUS_NO_MEMORY. */
enum status offline_users_init(struct offline_users *offline, size_t users, struct slice names);
void offline_users_fini(struct offline_users *offline);
/* A gateway says who is away there: begins, each of them by his place among the names, ends. An `index` that
 * no user has makes what it said unknown. */
void offline_users_begin(struct offline_users *offline);
void offline_users_add(struct offline_users *offline, uint64_t index);
void offline_users_end(struct offline_users *offline);
/* A gateway has applied the push and not said who is away there. */
void offline_users_not_said(struct offline_users *offline);
/* Whether the user at `index` is away everywhere. */
bool offline_users_has(const struct offline_users *offline, size_t index);
size_t offline_users_count(const struct offline_users *offline);

#endif
