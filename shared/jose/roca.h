/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys that a faulty chip made (CVE-2017-15361, "ROCA"): whoever has the public key can compute the
 * private one. Pure; any thread. */
#ifndef FANFARE_SHARED_JOSE_ROCA_H
#define FANFARE_SHARED_JOSE_ROCA_H

#include <stdbool.h>

#include "shared/base/slice.h"

/* Whether the modulus (big-endian bytes) has the mark of such a key: modulo each of the small primes it is a
 * power of 65537. One good key in about 2^28 has it by chance. */
bool roca_marks(struct slice modulus);

#endif
