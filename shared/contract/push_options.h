/* SPDX-License-Identifier: Apache-2.0 */
/* How a push is delivered, beside to whom and what (docs/protocol.md, "Options of a push"), and its wire form
 * in a record. Pure; any thread.
 *
 * Options, each: u8 kind | u16 length | bytes. Bit 0x80 of a kind: who does not know it must refuse the
 * record; other unknown kinds are passed over. 0x81 exclude a user (his name)      0x82 exclude a connection
 * (its id, connection_id.h) 0x83 key of conflation (a name)     0x04 urgent (no bytes) 0x85 time to live
 * (u32: ms that are left when the record is sent; 0: none) Exclusions come first and stand together, at most
 * PUSH_EXCLUSIONS_MAX; of the others each stands at most once; the time to live is the last one, so that it
 * can be written anew in a copy. */
#ifndef FANFARE_SHARED_CONTRACT_PUSH_OPTIONS_H
#define FANFARE_SHARED_CONTRACT_PUSH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/slice.h"

enum { PUSH_EXCLUSIONS_MAX = 100, PUSH_TTL_MAX_MS = 86400000 };
enum { PUSH_OPTION_HEAD_LEN = 3, PUSH_OPTION_TTL_LEN = 4 }; /* bytes */

/* All zero: a push without options. */
struct push_terms {
    struct slice exclusions; /* of the items; encoded, see push_exclusion_head and push_next_exclusion */
    struct slice key;        /* conflation; no bytes: none */
    uint32_t ttl_ms;         /* with has_ttl; at most PUSH_TTL_MAX_MS */
    bool has_ttl;
    bool urgent;
};

/* Whom the items do not reach: a connection by its id, or every connection of a user. */
struct push_exclusion {
    bool connection;
    struct slice name;
};

/* Whether a push has any. */
static inline bool push_terms_are_set(const struct push_terms *terms)
{
    return terms->exclusions.len > 0 || terms->key.len > 0 || terms->has_ttl || terms->urgent;
}

/* Walks exclusions that were checked or encoded here: `*rest` starts as terms.exclusions and shrinks; false
 * at the end. */
bool push_next_exclusion(struct slice *rest, struct push_exclusion *out);
/* Writes what stands in front of an excluded name of `len` bytes, which follows. */
void push_exclusion_head(bool connection, size_t len, uint8_t out[PUSH_OPTION_HEAD_LEN]);

/* Bytes of the options of `terms`; 0 when none is set. */
size_t push_options_size(const struct push_terms *terms);
/* Writes them, push_options_size bytes; returns what is behind them. */
uint8_t *push_options_encode(const struct push_terms *terms, uint8_t *out);
/* Where options are wrong, counted from their beginning in `*at`, and how; NULL: they are not. Names are held
 * to `max_name_len` bytes. */
const char *push_options_fault(struct slice options, size_t max_name_len, size_t *at);
/* Reads options that have no fault; what they say points into them. */
void push_options_decode(struct slice options, struct push_terms *out);

#endif
