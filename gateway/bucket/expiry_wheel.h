/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines of many things, most of which are removed before they are due: a timing wheel of one-second
 * slots. Adding and removing is O(1); an entry that ends later than the wheel goes round is passed by once a
 * round. The caller bounds the work of each call. Pure: the time, in seconds since 1970, is an argument; it
 * may jump. One thread.
 *
 * Not bounded by itself: an entry is part of what it ends, which is (a client). */
#ifndef FANFARE_GATEWAY_BUCKET_EXPIRY_WHEEL_H
#define FANFARE_GATEWAY_BUCKET_EXPIRY_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/list.h"
#include "shared/base/status.h"

enum { EXPIRY_SLOTS = 1024 };

struct expiry {
    struct list link;
    int64_t due_s;
};

struct expiry_wheel {
    struct list slots[EXPIRY_SLOTS];
    struct list passing; /* of the slot that is being looked through: what was not looked at yet */
    int64_t at_s;        /* the second whose slot that is */
};

void expiry_wheel_init(struct expiry_wheel *wheel, int64_t now_s);
/* Before the first add. */
void expiry_init(struct expiry *expiry);
/* Ends at `due_s`, whatever was said before; INT64_MAX: never. */
void expiry_wheel_add(struct expiry_wheel *wheel, struct expiry *expiry, int64_t due_s);
/* Legal when it is in no wheel. */
void expiry_remove(struct expiry *expiry);
/* Takes out and returns an entry whose time has come, or NULL: there is none, or `*looks` are used up. Each
 * entry and each slot that is looked at takes one off; call again later. A clock that is set back by more
 * than the wheel's round may delay entries that were due meanwhile by one round. */
struct expiry *expiry_wheel_next(struct expiry_wheel *wheel, int64_t now_s, size_t *looks);

#endif
