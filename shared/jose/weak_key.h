/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys of the right form with which anybody can sign. Pure; any thread. */
#ifndef FANFARE_SHARED_JOSE_WEAK_KEY_H
#define FANFARE_SHARED_JOSE_WEAK_KEY_H

#include <stdbool.h>

#include "shared/base/slice.h"

/* Whether an RSA modulus (big-endian bytes) has the mark of keys that a faulty chip made (CVE-2017-15361,
 * "ROCA"), of which the private half can be computed: modulo each of the small primes it is a power of 65537.
 * One good key in about 2^28 has it by chance. */
bool weak_key_is_roca(struct slice modulus);
/* Whether 32 bytes encode a point of Ed25519 whose order divides 8, in canonical form or not (RFC 8032,
 * sections 5.1.3 and 8.9): for some signatures of such a key, any message is the right one. */
bool weak_key_is_small_order(const uint8_t point[32]);

#endif
