/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds, and walks through it. */
#include "shared/contract/audience.h"

struct audience_row {
    const char *name;
    int16_t target;
    uint8_t mark;
};

#define AUDIENCE_ROW(kind, name, target, mark) [AUDIENCE_##kind] = {name, target, mark},
static const struct audience_row rows[AUDIENCE_KINDS] = {AUDIENCES(AUDIENCE_ROW)};

const char *audience_name(enum audience kind)
{
    return rows[kind].name;
}

uint8_t audience_target(enum audience kind)
{
    return (uint8_t)rows[kind].target;
}

bool audience_of_target(uint8_t target, enum audience *out)
{
    for (unsigned kind = 0; kind < AUDIENCE_KINDS; kind++) {
        if (rows[kind].target == target) {
            *out = (enum audience)kind;
            return true;
        }
    }
    return false;
}

struct slice audience_key(enum audience kind)
{
    return slice_of(&rows[kind].mark, rows[kind].mark != 0);
}

enum audience audience_of(struct slice key)
{
    if (key.len == 0)
        return AUDIENCE_EVERYONE;
    for (unsigned kind = 0; kind < AUDIENCE_KINDS; kind++)
        if (rows[kind].mark != 0 && rows[kind].mark == key.data[0])
            return (enum audience)kind;
    return AUDIENCE_ROOM;
}
