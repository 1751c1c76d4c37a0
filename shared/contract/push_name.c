/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for the name of a room or user, in one place for every door. Pure. */
#include "shared/base/utf8.h"
#include "shared/contract/push.h"

static bool is_control(const uint8_t *at, const uint8_t *end)
{
    return *at < 0x20 || *at == 0x7F || (*at == 0xC2 && at + 1 < end && at[1] < 0xA0);
}

static bool has_control(struct slice name)
{
    const uint8_t *end = name.data + name.len;

    for (const uint8_t *at = name.data; at < end; at++) {
        if (is_control(at, end)) {
            return true;
        }
    }
    return false;
}

const char *push_name_fault(enum audience kind, struct slice name, size_t max_len)
{
    bool user = kind == AUDIENCE_USER;

    if (name.len == 0) {
        return user ? "the user name is empty" : "the room name is empty";
    }
    if (name.len > max_len || name.len > AUDIENCE_NAME_MAX) {
        return user ? "the user name is too long" : "the room name is too long";
    }
    if (!utf8_valid(name, NULL)) {
        return user ? "the user name is not valid UTF-8" : "the room name is not valid UTF-8";
    }
    if (has_control(name)) {
        return user ? "the user name has a control character" : "the room name has a control character";
    }
    return NULL;
}

const char *push_room_fault(struct slice room, size_t max_len)
{
    return push_name_fault(AUDIENCE_ROOM, room, max_len);
}
