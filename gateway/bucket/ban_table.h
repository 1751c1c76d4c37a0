/* SPDX-License-Identifier: Apache-2.0 */
/* Who is kept out of this gateway (shared/contract/ban_list.h). The control thread learns of bans, from
 * commands and from logics; a bucket asks whenever it is about to give a client a user. A mutex guards the
 * list; while nobody is banned nobody takes it. A ban that was added before a message was posted to a bucket
 * is seen there when the message is. Counts what it has no room for in fanfare_gateway_bans_dropped_total. */
#ifndef FANFARE_GATEWAY_BUCKET_BAN_TABLE_H
#define FANFARE_GATEWAY_BUCKET_BAN_TABLE_H

#include "shared/base/buf.h"
#include "shared/contract/ban_list.h"

struct ban_table;

/* STATUS_NO_MEMORY. */
enum status ban_table_new(struct ban_table **out);
/* Nobody may ask any more. Legal on NULL. */
void ban_table_free(struct ban_table *table);
/* Whether the user is kept out; `now_s` is since 1970. Any thread. `table` NULL: nobody is. */
bool ban_table_holds(struct ban_table *table, struct slice user, int64_t now_s);

/* Learns of a ban without fault; the control thread, as all that follows. True: its user is kept out now and
 * was not before. */
bool ban_table_add(struct ban_table *table, const struct ban *ban, int64_t now_s);
/* Appends the part of the list that begins at `from` (ban_part_print). */
enum status ban_table_print(struct ban_table *table, size_t from, struct buf *out);
/* Of what is known at that time: ban_list_digest. */
uint64_t ban_table_digest(struct ban_table *table, int64_t now_s);
/* How many users are kept out. */
size_t ban_table_in_force(struct ban_table *table, int64_t now_s);

#endif
