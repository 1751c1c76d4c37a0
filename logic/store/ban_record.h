/* SPDX-License-Identifier: Apache-2.0 */
/* How a ban stands in Redis: in the hash <prefix>:bans, under the user's name. ASCII, so that people can read
 * it. Pure; any thread.
 *   "1 " until (s) " " ordered at (ms) " " kept until (s), all since 1970, decimal */
#ifndef FANFARE_LOGIC_STORE_BAN_RECORD_H
#define FANFARE_LOGIC_STORE_BAN_RECORD_H

#include "shared/contract/ban_list.h"

enum { BAN_RECORD_MAX = 64 }; /* bytes, its NUL included */

/* Writes the value of a ban without fault; returns its length. */
size_t ban_record_print(const struct ban *ban, char out[BAN_RECORD_MAX]);
/* Reads the field `user` with that value; `out` points into `user`. STATUS_INVALID: it is no ban, or of a
 * later version. */
enum status ban_record_parse(struct slice user, struct slice value, struct ban *out);

#endif
