/* SPDX-License-Identifier: Apache-2.0 */
/* Nemec, Sys, Svenda, Klinec, Matyas: "The Return of Coppersmith's Attack" (ACM CCS 2017), section 3.2: such
 * primes are k * M + 65537^a mod M, M being the product of the first primes. */
#include "shared/jose/roca.h"

#include <stddef.h>

static const uint8_t primes[] = {3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,
                                 47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103,
                                 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

static unsigned modulo(struct slice number, unsigned prime)
{
    unsigned rest = 0;

    for (size_t i = 0; i < number.len; i++) {
        rest = (rest << 8 | number.data[i]) % prime;
    }
    return rest;
}

static bool is_power(unsigned rest, unsigned prime)
{
    unsigned power = 1;

    do {
        if (power == rest) {
            return true;
        }
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

bool roca_marks(struct slice modulus)
{
    for (size_t i = 0; i < sizeof primes; i++) {
        if (!is_power(modulo(modulus, primes[i]), primes[i])) {
            return false;
        }
    }
    return true;
}
