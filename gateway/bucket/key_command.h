/* SPDX-License-Identifier: Apache-2.0 */
/* A command (shared/contract/command.h) about the members of one key, as the buckets carry it out: made by
 * the control thread, immutable, owned by the delivery that brings it. The key of a kick is that of the room,
 * the user or the connection; that of a join or leave is the room's, and the user's stands in here. */
#ifndef FANFARE_GATEWAY_BUCKET_KEY_COMMAND_H
#define FANFARE_GATEWAY_BUCKET_KEY_COMMAND_H

#include "gateway/bucket/directory.h"
#include "gateway/websocket/frame.h"
#include "shared/contract/command.h"
#include "shared/contract/connection_id.h"

struct key_command {
    enum command_kind kind;
    uint16_t code;                    /* kick */
    struct connection_id connection;  /* kick of one connection, and its key (audience.h) says that it is */
    struct frame *close;              /* kick: the close frame of all whom it meets; a reference */
    struct slice user;                /* join, leave: the user's key, in `bytes` */
    struct directory *directory;      /* join: where `reserved` stands */
    struct directory_entry *reserved; /* join: the room's, released with this */
    struct subscribers who;           /* join: who is reserved for */
    uint8_t bytes[];
};

/* A kick with that code and reason; NULL for want of memory. */
struct key_command *key_command_new_kick(const struct command *command);
/* A join or leave of the user with this key. NULL for want of memory. */
struct key_command *key_command_new_member(enum command_kind kind, struct slice user);
/* Announces those whom a join is about in its room, until it is freed. STATUS_NO_MEMORY. */
enum status key_command_reserve(struct key_command *command, struct directory *directory, struct slice room,
                                uint64_t hash, const struct subscribers *who);
/* Legal on NULL. Any thread. */
void key_command_free(struct key_command *command);

#endif
