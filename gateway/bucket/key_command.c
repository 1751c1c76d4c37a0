/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever drops a command last, a bucket that has carried it out or one that was gone before, releases what
 * was reserved for it. */
#include "gateway/bucket/key_command.h"

#include <stdlib.h>

static struct key_command *command_new(enum command_kind kind, struct slice user)
{
    struct key_command *command = calloc(1, sizeof *command + user.len);

    if (command == NULL)
        return NULL;
    command->kind = kind;
    if (user.len > 0)
        memcpy(command->bytes, user.data, user.len);
    command->user = slice_of(command->bytes, user.len);
    return command;
}

struct key_command *key_command_new_kick(const struct command *command)
{
    struct key_command *kick = command_new(COMMAND_KICK, slice_of(NULL, 0));
    char reason[COMMAND_REASON_MAX + 1];

    if (kick == NULL)
        return NULL;
    memcpy(reason, command->reason, command->reason_len);
    reason[command->reason_len] = '\0';
    kick->code = command->code;
    kick->close = frame_new_close(command->code, reason);
    if (kick->close != NULL)
        return kick;
    key_command_free(kick);
    return NULL;
}

struct key_command *key_command_new_member(enum command_kind kind, struct slice user)
{
    return command_new(kind, user);
}

enum status key_command_reserve(struct key_command *command, struct directory *directory, struct slice room,
                                uint64_t hash, const struct subscribers *who)
{
    command->directory = directory;
    command->who = *who;
    command->reserved = directory_reserve(directory, room, hash, who);
    return command->reserved != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void key_command_free(struct key_command *command)
{
    if (command == NULL)
        return;
    if (command->reserved != NULL)
        directory_release(command->directory, command->reserved, &command->who);
    frame_unref(command->close);
    free(command);
}
