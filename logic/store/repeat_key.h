/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of an idempotency key, the same in a header and in a member. Pure; any thread. */
#ifndef FANFARE_LOGIC_STORE_REPEAT_KEY_H
#define FANFARE_LOGIC_STORE_REPEAT_KEY_H

#include "shared/base/slice.h"

enum { REPEAT_KEY_MAX = 128 }; /* bytes */

/* NULL when it is 1 to REPEAT_KEY_MAX bytes of UTF-8 without control characters; else why not, static. */
const char *repeat_key_fault(struct slice key);

#endif
