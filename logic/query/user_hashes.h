/* SPDX-License-Identifier: Apache-2.0 */
/* The users of a room at one gateway, as hashes of their names: what it says of how many they are, so that
 * those of several gateways can be counted together (shared/base/distinct.h). Pure; any thread. */
#ifndef FANFARE_LOGIC_QUERY_USER_HASHES_H
#define FANFARE_LOGIC_QUERY_USER_HASHES_H

#include <stdbool.h>

#include "shared/base/distinct.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

/* Whether `text` is base64url of at most DISTINCT_MAX big-endian hashes, ascending and each once. */
bool user_hashes_valid(struct slice text);
/* Adds those of such a text. STATUS_NO_MEMORY: not all were. */
enum status user_hashes_add(struct distinct *users, struct slice text);

#endif
