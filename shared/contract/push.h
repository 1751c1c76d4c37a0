/* SPDX-License-Identifier: Apache-2.0 */
/* A push (who gets which items) and its wire form between logic and gateway. Pure; any thread.
 *
 * Batch (application/vnd.fanfare.batch), integers big-endian:
 *   "FANB" | u8 version = 1 | u8 flags | u16 0 | u8[16] logic id | u64 sequence of the first push |
 *   u32 count >= 1 | count x ( u32 length | record of that length )
 *   flags: 1 = this batch comes by the bus only, no RPC will bring it; other bits 0
 * Record:
 *   u64 sequence | u8 flags (1 = somebody waits, 2 = traced, 4 = options, 8 = command; other bits 0) |
 *   u8 target (AUDIENCES: 0 all, 1 rooms, 2 users) | u16 count of names |
 *   that many x ( u16 length | bytes of a room or user ) |
 *   u32 item count >= 1 (of a command 1) | item count x ( u32 length | bytes ) |
 *   if it has options (a command has none): options (push_options.h) | u32 their length in all, which stands
 *     behind them so that the items' end is found at once |
 *   if traced: u8[16] trace id | u8[8] parent id | u8 trace flags (0, or 1 = sampled); no id all zero
 * Sequences rise strictly within a batch; the first equals the header's. A record ends exactly
 * where its length says, a batch where its count says. */
#ifndef FANFARE_SHARED_CONTRACT_PUSH_H
#define FANFARE_SHARED_CONTRACT_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/audience.h"
#include "shared/contract/push_options.h"
#include "shared/json/json_scan.h"
#include "shared/log/traceparent.h"

#define PUSH_BATCH_CONTENT_TYPE "application/vnd.fanfare.batch"

enum { LOGIC_ID_LEN = 16, PUSH_BATCH_VERSION = 1, PUSH_BATCH_HEADER_LEN = 36 };
/* The head of a record ends with the count of names; the length prefix is part of it. */
enum {
    PUSH_RECORD_PREFIX_LEN = 4,
    PUSH_RECORD_FLAGS_AT = 12,
    PUSH_RECORD_TARGET_AT = 13,
    PUSH_RECORD_HEAD_LEN = 16
};
enum { PUSH_OPTIONS_LEN_LEN = 4 }; /* of the length of all options of a record */
/* Of a record. */
enum { PUSH_FLAG_WAIT = 1, PUSH_FLAG_TRACED = 2, PUSH_FLAG_OPTIONS = 4, PUSH_FLAG_COMMAND = 8 };
enum { PUSH_BATCH_ONLY = 1 }; /* of a batch */

struct push {
    enum audience target;
    const struct slice *rooms; /* room_count names of rooms, or of users, in plain UTF-8; 0 for everyone */
    size_t room_count;
    const struct slice *items; /* item_count JSON values, byte for byte as the caller wrote them */
    size_t item_count;
    bool wait;
    bool command; /* the one item is an order and no news for clients; no terms */
    bool bans;    /* and it says who is kept out; in no record */
    struct push_terms terms;
    struct traceparent trace; /* costs no byte of the record unless it is set */
    const char *caller;       /* whose it is, for the log; in no record. NULL: nobody said */
};

/* The rules for the name of a room or user, the same at every door: 1 to `max_len` bytes (and never more than
 * AUDIENCE_NAME_MAX) of valid UTF-8 without control characters (U+0000..U+001F, U+007F..U+009F). Returns
 * NULL, or why not, in words about that kind. */
const char *push_name_fault(enum audience kind, struct slice name, size_t max_len);
/* The same for a room. */
const char *push_room_fault(struct slice room, size_t max_len);

/* Bytes of the record of `push`, its length prefix included. */
size_t push_record_size(const struct push *push);
/* Writes length prefix and record; `out` has push_record_size bytes. */
void push_record_encode(const struct push *push, uint64_t sequence, uint8_t *out);
/* The first PUSH_RECORD_HEAD_LEN bytes of a traced record as they are without its trace: what follows
 * them then ends TRACEPARENT_LEN bytes earlier. `record` begins with its length prefix. */
void push_record_untraced_head(const uint8_t *record, uint8_t out[PUSH_RECORD_HEAD_LEN]);
/* Where in the record of `push`, its length prefix included, the time to live stands; 0: it has none. */
size_t push_record_ttl_at(const struct push *push);
/* Writes a time to live as it stands there. */
void push_record_ttl_encode(uint32_t ttl_ms, uint8_t out[PUSH_OPTION_TTL_LEN]);
/* The trace of a record that was encoded here or checked, its length prefix included; false, and `out`
 * not set, when it has none. */
bool push_record_traceparent(struct slice record, struct traceparent *out);
/* Writes PUSH_BATCH_HEADER_LEN bytes; `flags` is 0 or PUSH_BATCH_ONLY. */
void push_batch_header_encode(const uint8_t logic_id[LOGIC_ID_LEN], uint64_t first_sequence, uint32_t count,
                              uint8_t flags, uint8_t *out);

/* What batch_decode accepts. */
struct push_limits {
    size_t max_room_len; /* of a room's name or a user's */
    size_t max_item_len;
    int max_depth; /* JSON nesting of an item */
    bool commands; /* whether commands are taken */
};

struct push_batch {
    uint8_t logic_id[LOGIC_ID_LEN];
    uint64_t first_sequence;
    uint32_t count;
    bool only;            /* PUSH_BATCH_ONLY */
    struct slice records; /* all records, checked */
};

/* Checks a whole batch: every length, every sequence, every room name, every item as strict
 * JSON. Nothing may be applied from a batch that fails; the fault says what and at which byte. */
enum status push_batch_decode(struct slice bytes, const struct push_limits *limits, struct push_batch *out,
                              struct fault *fault);

/* Walks the records of a checked batch. */
struct push_record {
    uint64_t sequence;
    bool wait;
    bool command;
    enum audience target;
    uint16_t room_count; /* names: of rooms, or of users */
    uint32_t item_count;
    struct slice rooms; /* use push_next_room */
    struct slice items; /* use push_next_item */
    struct push_terms terms;
    const uint8_t *trace; /* use traceparent_decode; NULL: not traced */
};

/* `*rest` starts as batch.records and shrinks; false at the end. */
bool push_next_record(struct slice *rest, struct push_record *out);
bool push_next_room(struct slice *rest, struct slice *room);
bool push_next_item(struct slice *rest, struct slice *item);

#endif
