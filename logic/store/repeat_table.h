/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys were claimed, and the answers of those whose push was accepted. Pure: time is an argument, who
 * waits is told through a callback. One thread at a time.
 *
 * An entry is pending from its claim until it is settled; whoever repeats it meanwhile waits in its list. An
 * answer is kept for REPEAT_KEPT_MS. Bounds: entries, and bytes (keys, answers and the entries' own structs):
 * past one the oldest answer goes, and is counted (`evicted`); what is pending never goes, and when nothing
 * else is left the next claim is refused (REPEAT_FULL). */
#ifndef FANFARE_LOGIC_STORE_REPEAT_TABLE_H
#define FANFARE_LOGIC_STORE_REPEAT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/hashmap.h"
#include "shared/base/list.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { REPEAT_KEPT_MS = 300000 };

struct repeat_answer {
    int status;        /* of HTTP */
    struct slice json; /* an object; empty: there was no memory for it */
    bool accepted;     /* the push was, else the answer says why not */
};

/* Embedded by whoever may have to wait; the table's from a claim that says REPEAT_WAITS until it is told. */
struct repeat_waiter {
    struct list node;
    /* How the first one ended; valid during the call, which may claim and settle others. */
    void (*told)(struct repeat_waiter *waiter, const struct repeat_answer *answer);
};

struct repeat_bounds {
    size_t entries;
    size_t bytes;
};

struct repeat_table {
    struct hashmap map;
    struct list answered; /* in the order in which they were settled */
    struct repeat_bounds bounds;
    size_t bytes;
    uint64_t evicted; /* answers that went before their time */
};

struct repeat_entry; /* one key */

enum repeat_verdict {
    REPEAT_FIRST,    /* `*entry` is the claimer's, who must settle it */
    REPEAT_ANSWERED, /* `*answer` is the first one's, valid until the table changes */
    REPEAT_WAITS,    /* `waiter` will be told */
    REPEAT_CONFLICT, /* the key stands for another push */
    REPEAT_FULL,
    REPEAT_NO_MEMORY
};

/* STATUS_NO_MEMORY. */
enum status repeat_table_init(struct repeat_table *table, const struct repeat_bounds *bounds);
/* Nobody may wait any more. Legal on all zeros. */
void repeat_table_fini(struct repeat_table *table);
/* Other bounds, at once. */
void repeat_table_bound(struct repeat_table *table, const struct repeat_bounds *bounds);
size_t repeat_table_count(const struct repeat_table *table);

/* Claims `key` (copied) for a push of that digest. `now_ms` is of a clock that never goes back. */
enum repeat_verdict repeat_table_claim(struct repeat_table *table, struct slice key, uint64_t digest,
                                       int64_t now_ms, struct repeat_waiter *waiter,
                                       struct repeat_entry **entry, struct repeat_answer *answer);
/* Ends what is pending: keeps the answer to an accepted push (copied; not when there is no memory for it or
 * no room), or forgets the key, then tells who waits. The entry is the table's afterwards. */
void repeat_table_settle(struct repeat_table *table, struct repeat_entry *entry,
                         const struct repeat_answer *answer, int64_t now_ms);
/* The same for an answer that another one keeps: forgets the key in any case. */
void repeat_table_pass_on(struct repeat_table *table, struct repeat_entry *entry,
                          const struct repeat_answer *answer);
/* The key of an entry that is pending; the table's bytes. */
struct slice repeat_entry_key(const struct repeat_entry *entry);
uint64_t repeat_entry_digest(const struct repeat_entry *entry);
/* Drops answers that are older than REPEAT_KEPT_MS; a claim does so by itself. */
void repeat_table_expire(struct repeat_table *table, int64_t now_ms);

#endif
