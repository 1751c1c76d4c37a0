/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds, and walks through it. */
#include "shared/contract/audience.h"

#include <string.h>

struct audience_row {
    const char *name;
    int16_t target;
    uint8_t mark;
    const char *noun;
};

#define AUDIENCE_ROW(kind, name, target, mark, noun) [AUDIENCE_##kind] = {name, target, mark, noun},
static const struct audience_row rows[AUDIENCE_KINDS] = {AUDIENCES(AUDIENCE_ROW)};

const char *audience_name(enum audience kind)
{
    return rows[kind].name;
}

const char *audience_noun(enum audience kind)
{
    return rows[kind].noun;
}

bool audience_has_names(enum audience kind)
{
    return rows[kind].noun != NULL;
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

struct slice audience_key_of(enum audience kind, struct slice name, uint8_t out[AUDIENCE_KEY_MAX])
{
    if (rows[kind].mark == 0)
        return name;
    out[0] = rows[kind].mark;
    memcpy(out + 1, name.data, name.len);
    return slice_of(out, name.len + 1);
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

struct slice audience_key_name(struct slice key)
{
    size_t mark = rows[audience_of(key)].mark != 0;

    return slice_of(key.data + mark, key.len - mark);
}
