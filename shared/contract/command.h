/* SPDX-License-Identifier: Apache-2.0 */
/* A command: a record of a logic that is an order to gateways and no news for clients (push.h, flag 8). Whom
 * it is about stands in the record's target: a room, users, or one connection. Its one item, and the text
 * here, is JSON with exactly one of
 *   {"kick":{"code":4003,"reason":"kicked"}}          target rooms, users or connections
 *   {"join":{"rooms":["r","s"],"seconds":60}}         target users
 *   {"leave":{"rooms":["r"],"seconds":0}}             target users
 *   {"ban":{"code":4003,"reason":"kicked","until":1796083200,"at":1796079600123}}   target users: a kick that
 *                                                     keeps them out from then on (ban_list.h)
 *   {"unban":{"at":1796079600123,"keep":1796083200}}  target users: lifts what was ordered before
 * Strict: exact names, each member there and no other, none twice. Pure; any thread. */
#ifndef FANFARE_SHARED_CONTRACT_COMMAND_H
#define FANFARE_SHARED_CONTRACT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"
#include "shared/contract/audience.h"
#include "shared/contract/ban_list.h"
#include "shared/json/json_scan.h"

enum command_kind { COMMAND_KICK, COMMAND_JOIN, COMMAND_LEAVE, COMMAND_BAN, COMMAND_UNBAN, COMMAND_KINDS };

enum {
    COMMAND_MAX_BYTES = 65536,
    COMMAND_REASON_MAX = 100, /* bytes of UTF-8, without control characters; may be empty */
    COMMAND_ROOMS_MAX = 100,
    COMMAND_PAIRS_MAX = 1000, /* users times rooms */
    COMMAND_SECONDS_MAX = 86400
};

struct command {
    enum command_kind kind;
    uint16_t code; /* kick, ban: see command_code_is_allowed */
    uint16_t reason_len;
    char reason[COMMAND_REASON_MAX]; /* kick, ban */
    int64_t until_s;                 /* ban: its end; this and the next two as in struct ban */
    int64_t at_ms;                   /* ban, unban */
    int64_t keep_s;                  /* unban */
    uint32_t seconds;                /* join, leave: also those of the user who come within that time */
    uint32_t room_count;             /* join, leave: 1 to COMMAND_ROOMS_MAX */
    struct slice rooms;              /* of a command that was parsed: for command_next_room, in its text */
};

/* The close codes that a kick may have: 4003, and those that are free for callers, 4050 to 4099 (the client
 * should not come back), 4150 to 4199 (after a pause) and 4250 to 4299 (at once). */
bool command_code_is_allowed(int64_t code);
#define COMMAND_CODES_ALLOWED "4003, 4050 to 4099, 4150 to 4199 or 4250 to 4299"
/* Why the text cannot be a kick's reason, or NULL. Static. */
const char *command_reason_fault(struct slice reason);
/* The member that the kind is: "kick". Static. */
const char *command_name(enum command_kind kind);
/* What a ban or unban makes of one of its users, whose name the ban points to. */
struct ban command_ban(const struct command *command, struct slice user);
/* Whether commands of that kind may be about that audience. */
bool command_fits(enum command_kind kind, enum audience target);

/* Appends the text. `rooms` are the command's room_count names, NULL for a kick. STATUS_NO_MEMORY,
 * STATUS_TOO_LARGE as `out` has it. */
enum status command_print(const struct command *command, const struct slice *rooms, struct buf *out);
/* Reads a text; `out` keeps pointing into it. `max_room_len` as in push_name_fault. STATUS_INVALID: the fault
 * says why, `out` is undefined. */
enum status command_parse(struct slice text, size_t max_room_len, struct command *out, struct fault *fault);
/* Walks the rooms of a command that was parsed; `*rest` begins as command->rooms. The name is written to
 * `bytes`. False at the end. */
bool command_next_room(struct slice *rest, char bytes[AUDIENCE_NAME_MAX], struct slice *room);

#endif
