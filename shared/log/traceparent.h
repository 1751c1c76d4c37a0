/* SPDX-License-Identifier: Apache-2.0 */
/* The `traceparent` of W3C Trace Context (level 1, section 3.2): which trace of the caller's a push
 * belongs to. Pure; any thread. */
#ifndef FANFARE_SHARED_LOG_TRACEPARENT_H
#define FANFARE_SHARED_LOG_TRACEPARENT_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/slice.h"

enum {
    TRACE_ID_LEN = 16,
    TRACE_PARENT_ID_LEN = 8,
    TRACEPARENT_LEN = TRACE_ID_LEN + TRACE_PARENT_ID_LEN + 1, /* encoded: trace id, parent id, flags */
    TRACEPARENT_TEXT_LEN = 55,                                /* version 00, without a NUL */
};

struct traceparent {
    bool set;     /* false: there is none, and the rest says nothing */
    bool sampled; /* bit 0 of the flags; the other bits are set to zero, as 3.2.2.5.2 asks */
    uint8_t trace_id[TRACE_ID_LEN];
    uint8_t parent_id[TRACE_PARENT_ID_LEN];
};

/* Reads `00-<32 hex>-<16 hex>-<2 hex>`, lower case, neither id all zero. Of a version above 00 what
 * 00 knows is read, whatever follows behind a dash (section 4.3); version ff is none. False, and
 * `out` not set, for everything else. */
bool traceparent_parse(struct slice text, struct traceparent *out);
/* Writes it as version 00 with a NUL; it is set. */
void traceparent_print(const struct traceparent *trace, char out[TRACEPARENT_TEXT_LEN + 1]);
/* To bytes, when it is set, and back. Back: false, and `out` not set, for an id that is all zero and
 * for flags other than 0 and 1. */
void traceparent_encode(const struct traceparent *trace, uint8_t out[TRACEPARENT_LEN]);
bool traceparent_decode(const uint8_t bytes[TRACEPARENT_LEN], struct traceparent *out);

#endif
