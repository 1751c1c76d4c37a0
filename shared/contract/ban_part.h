/* SPDX-License-Identifier: Apache-2.0 */
/* Bans as text: one, and a part of a list, the same in both directions of POST /rpc/bans (docs/protocol.md,
 * section 3, "Bans"):
 *   {"user":"u1","until":1796083200,"at":1796079600123,"keep":1796083200}
 *   {"from":0,"last":true,"bans":[…]}
 * A list of 10,000 goes in parts, each of which is worked on in a turn of its own. Strict about what it
 * knows: exact names, no duplicates, every member there, each ban without fault (ban_list.h). Unknown members
 * are passed over. Pure; any thread. */
#ifndef FANFARE_SHARED_CONTRACT_BAN_PART_H
#define FANFARE_SHARED_CONTRACT_BAN_PART_H

#include "shared/base/buf.h"
#include "shared/contract/ban_list.h"
#include "shared/json/json_scan.h"

enum {
    BAN_PART_MAX = 65536, /* bytes of a part */
    BAN_TEXT_MAX = 2304,  /* of one ban */
    BAN_USER_MAX = 1024,  /* of its user's name */
};

/* A part that was read. */
struct ban_part {
    size_t from; /* of a logic: where in the gateway's list the answer shall begin; of a gateway: where it
                    goes on */
    bool last;   /* the sender has no more */
    struct json_iter bans; /* use ban_part_next */
};

/* Appends one ban. STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status ban_print(const struct ban *ban, struct buf *out);
/* Reads one; its user stands in `name`. STATUS_INVALID: `fault` says what is wrong. */
enum status ban_parse(struct slice text, char name[BAN_USER_MAX], struct ban *out, struct fault *fault);

/* Which part of a list is told. */
struct ban_range {
    size_t at;  /* its first; moved behind those that were told */
    size_t end; /* behind its last, if the list is as long */
    size_t max; /* bytes of the part */
};

/* Appends a part with as many bans of the range as have room. `from` is told; NULL: where the range goes on.
 * STATUS_TOO_LARGE: not even one has room, or as `out` has it; STATUS_NO_MEMORY. */
enum status ban_part_print(const struct ban_list *list, struct ban_range *range, const size_t *from,
                           struct buf *out);
/* Reads a part of at most BAN_PART_MAX bytes and checks all of it. STATUS_INVALID: `fault` says what is
 * wrong. */
enum status ban_part_parse(struct slice text, struct ban_part *out, struct fault *fault);
/* The next ban, whose user stands in `name`; false behind the last. */
bool ban_part_next(struct ban_part *part, char name[BAN_USER_MAX], struct ban *out);

#endif
