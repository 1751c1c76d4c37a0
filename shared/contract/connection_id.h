/* SPDX-License-Identifier: Apache-2.0 */
/* The id of one client's connection: which gateway has it, at which place, and which of those that stood at
 * that place one after the other it is. As text, which is what clients and callers see:
 *   9f86d081884c7d65-1f-2c0
 * the first 16 hex digits of the gateway's `instance` (hello.h), the place and the serial in lower-case hex
 * without leading zeros. Not a secret: who knows it can do nothing with it alone. A serial never comes twice
 * in the life of a process, so an id means one connection for ever. Pure; any thread. */
#ifndef FANFARE_SHARED_CONTRACT_CONNECTION_ID_H
#define FANFARE_SHARED_CONTRACT_CONNECTION_ID_H

#include <stdint.h>

#include "shared/base/slice.h"
#include "shared/base/status.h"

enum {
    CONNECTION_ID_INSTANCE_LEN = 16,    /* characters */
    CONNECTION_ID_PLACES = 0xffffff,    /* places are below it */
    CONNECTION_ID_MAX = 16 + 7 + 1 + 16 /* bytes of a text, without the NUL */
};

struct connection_id {
    uint64_t instance; /* its text is those 16 digits */
    uint64_t serial;   /* from 1 */
    uint32_t place;
};

/* The number whose text the first CONNECTION_ID_INSTANCE_LEN characters of a hello's instance are. */
uint64_t connection_id_instance(const char *hello_instance);
/* Writes the text with its NUL; returns its length. */
size_t connection_id_print(const struct connection_id *id, char out[CONNECTION_ID_MAX + 1]);
/* Reads a text that connection_id_print could have written, and no other: one connection has one text.
 * STATUS_INVALID: `out` is undefined. */
enum status connection_id_parse(struct slice text, struct connection_id *out);

#endif
