/* SPDX-License-Identifier: Apache-2.0 */
/* The item of a command: what is taken is printed again, and that is taken for the same. */
#include "shared/contract/command.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_ROOM = 64 };

static size_t rooms_of(const struct command *command, char (*bytes)[AUDIENCE_NAME_MAX], struct slice *rooms)
{
    struct slice rest = command->rooms;
    size_t count = 0;

    while (count < COMMAND_ROOMS_MAX && command_next_room(&rest, bytes[count], &rooms[count])) {
        fuzz_check(rooms[count].len > 0 && rooms[count].len <= MAX_ROOM);
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[COMMAND_ROOMS_MAX][AUDIENCE_NAME_MAX], again[COMMAND_ROOMS_MAX][AUDIENCE_NAME_MAX];
    struct slice rooms[COMMAND_ROOMS_MAX], others[COMMAND_ROOMS_MAX];
    struct command command, other;
    struct fault fault = {""};
    struct buf text;

    if (size == 0)
        return 0;
    if (command_parse(slice_of(data, size), MAX_ROOM, &command, &fault) != STATUS_OK) {
        fuzz_check(fault.text[0] != '\0');
        return 0;
    }
    buf_init(&text, SIZE_MAX);
    if (command.kind == COMMAND_KICK)
        fuzz_check(command_code_is_allowed(command.code));
    else
        fuzz_check(rooms_of(&command, bytes, rooms) == command.room_count);
    fuzz_check(command_print(&command, rooms, &text) == STATUS_OK);
    fuzz_check(command_parse(slice_of(text.data, text.len), MAX_ROOM, &other, &fault) == STATUS_OK);
    fuzz_check(other.kind == command.kind && other.code == command.code && other.seconds == command.seconds);
    fuzz_check(
        slice_equal(slice_of(other.reason, other.reason_len), slice_of(command.reason, command.reason_len)));
    if (command.kind != COMMAND_KICK) {
        fuzz_check(rooms_of(&other, again, others) == command.room_count);
        for (size_t i = 0; i < command.room_count; i++)
            fuzz_check(slice_equal(rooms[i], others[i]));
    }
    buf_fini(&text);
    return 0;
}
