/* SPDX-License-Identifier: Apache-2.0 */
/* Tells two pushes apart without keeping them: 64 bits of whom a push is for, its names, items and terms,
 * each byte for byte and in their order; not of whether it waits, nor of its trace. The same in every process
 * and on every machine. Who looks for two pushes with one digest can find them, and deceives nobody but
 * himself: keys are their caller's own. Pure; any thread. */
#ifndef FANFARE_LOGIC_STORE_PUSH_DIGEST_H
#define FANFARE_LOGIC_STORE_PUSH_DIGEST_H

#include <stdint.h>

#include "shared/contract/push.h"

uint64_t push_digest(const struct push *push);

#endif
