/* SPDX-License-Identifier: Apache-2.0 */
/* Who is kept out, and until when: state that logics and gateways exchange (ban_part.h) until all have the
 * same. Two lists that have seen the same bans, in whatever order and however often, are equal: of two bans
 * of one user the one that was ordered later counts (`at_ms`; at the same time: the longer one), and what is
 * known of a user stays for as long as any ban of him would have lasted, so that none comes back from
 * somebody who was away. To lift a ban is to order one until the year 1970.
 * Bounds: BAN_LIST_MAX users, BAN_LIST_NAME_BYTES bytes of names; past either: STATUS_FULL, and the list is
 * as before. Pure: time is an argument, seconds or milliseconds since 1970. One thread at a time. */
#ifndef FANFARE_SHARED_CONTRACT_BAN_LIST_H
#define FANFARE_SHARED_CONTRACT_BAN_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

enum {
    BAN_LIST_MAX = 10000,
    BAN_LIST_NAME_BYTES = 1 << 20,
    BAN_MAX_S = 30 * 86400, /* the longest ban */
    BAN_LIFTED_S = 3600,    /* for so long, at least, is known that one was lifted */
    BAN_AHEAD_S = 86400,    /* so far may another clock be ahead */
};

struct ban {
    struct slice user;
    int64_t until_s; /* he is kept out before that moment; past: he is not, or not any more */
    int64_t at_ms;   /* when it was ordered */
    int64_t keep_s;  /* before neither of the two: when it may be forgotten */
};

struct ban_list;

/* `ban` is known now, or, with `gone`, forgotten; valid during the call, which must not touch the list. */
typedef void ban_list_changed(void *arg, const struct ban *ban, bool gone);

/* NULL, or why this is no ban: the user's name, or times that do not fit each other. Static. */
const char *ban_fault(const struct ban *ban);
/* Whether it keeps its user out. */
bool ban_holds(const struct ban *ban, int64_t now_s);

/* STATUS_NO_MEMORY. */
enum status ban_list_new(struct ban_list **out);
/* Legal on NULL. */
void ban_list_free(struct ban_list *list);
/* Is told of every change from now on; NULL: nobody is. */
void ban_list_tell(struct ban_list *list, ban_list_changed *changed, void *arg);

/* Learns of a ban, which has no fault. STATUS_OK also when it was known, when a later one is, or when it may
 * be forgotten already. STATUS_INVALID: it was ordered more than BAN_AHEAD_S from now, so that somebody's
 * clock is wrong, and nobody could lift it. STATUS_FULL, STATUS_NO_MEMORY. */
enum status ban_list_merge(struct ban_list *list, const struct ban *ban, int64_t now_s);
/* Forgets what may be. Looks once a second, however often it is called. */
void ban_list_expire(struct ban_list *list, int64_t now_s);

/* What is known of a user, valid until the list changes; false: nothing. */
bool ban_list_find(const struct ban_list *list, struct slice user, struct ban *out);
/* Whether all of these users could be banned, each counted as often as it stands there. Expires first. */
bool ban_list_has_room(struct ban_list *list, const struct slice *users, size_t count, int64_t now_s);
/* The moment of an order about these users that is given now: later than all that is known of them, whichever
 * clock it came from. */
int64_t ban_list_moment(const struct ban_list *list, const struct slice *users, size_t count, int64_t now_ms);

/* Users of whom something is known. */
size_t ban_list_count(const struct ban_list *list);
/* The one at `index`, below ban_list_count, in no order, valid until the list changes. */
struct ban ban_list_get(const struct ban_list *list, size_t index);
/* How many are kept out. Walks the list. */
size_t ban_list_in_force(const struct ban_list *list, int64_t now_s);
/* Equal for equal lists, and for others as good as never; 0 for an empty one. */
uint64_t ban_list_digest(const struct ban_list *list);

#endif
