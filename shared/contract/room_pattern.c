/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern is cut at its stars into literal pieces: the first must begin the name, the last must end it, and
 * those between are found one behind the other, each at the first place that has it. Taking the first is
 * never wrong, since a star behind it takes what is left; so nothing is ever tried again. */
#include "shared/contract/room_pattern.h"

#include <stdlib.h>
#include <string.h>

#include "shared/contract/push.h"

enum { NAME_MAX_BYTES = 1024 }; /* the longest room name that a configuration may allow */
enum { EXCLUSION = '!' };

static const char sub_mark[] = "{sub}";

enum { SUB_MARK_LEN = sizeof sub_mark - 1 };

/* One literal piece with {sub} written out. */
struct piece {
    char text[NAME_MAX_BYTES];
    size_t len;
};

const char *room_pattern_fault(struct slice pattern)
{
    if (push_room_fault(pattern, ROOM_PATTERN_MAX) != NULL)
        return "a pattern has 1 to 256 bytes of UTF-8 without control characters";
    return pattern.len == 1 && pattern.data[0] == EXCLUSION ? "behind the ! a pattern must follow" : NULL;
}

static bool piece_add(struct piece *piece, const void *text, size_t len)
{
    if (len > sizeof piece->text - piece->len)
        return false;
    memcpy(piece->text + piece->len, text, len);
    piece->len += len;
    return true;
}

/* Takes the piece up to the next star, or the end, off `pattern`. False: no name has such a piece. */
static bool take_piece(struct slice *pattern, struct slice user, struct piece *piece)
{
    bool good = true;

    piece->len = 0;
    while (pattern->len > 0 && pattern->data[0] != '*' && good) {
        bool is_sub = pattern->len >= SUB_MARK_LEN && memcmp(pattern->data, sub_mark, SUB_MARK_LEN) == 0;
        size_t taken = is_sub ? SUB_MARK_LEN : 1;

        if (is_sub)
            good = user.data != NULL && piece_add(piece, user.data, user.len);
        else
            good = piece_add(piece, pattern->data, 1);
        *pattern = slice_of(pattern->data + taken, pattern->len - taken);
    }
    return good;
}

static bool begins_with(struct slice room, const struct piece *piece)
{
    return room.len >= piece->len && memcmp(room.data, piece->text, piece->len) == 0;
}

static bool ends_with(struct slice room, const struct piece *piece)
{
    return room.len >= piece->len && memcmp(room.data + room.len - piece->len, piece->text, piece->len) == 0;
}

bool room_pattern_matches(struct slice pattern, struct slice user, struct slice room)
{
    struct piece piece;

    if (room.len == 0 || !take_piece(&pattern, user, &piece) || !begins_with(room, &piece))
        return false;
    if (pattern.len == 0)
        return room.len == piece.len;
    room = slice_of(room.data + piece.len, room.len - piece.len);
    for (;;) {
        pattern = slice_of(pattern.data + 1, pattern.len - 1); /* the star */
        if (!take_piece(&pattern, user, &piece))
            return false;
        if (pattern.len == 0)
            return ends_with(room, &piece);
        const uint8_t *found = memmem(room.data, room.len, piece.text, piece.len);
        if (found == NULL)
            return false;
        size_t passed = (size_t)(found - room.data) + piece.len;
        room = slice_of(room.data + passed, room.len - passed);
    }
}

enum status room_patterns_add(struct room_patterns *patterns, struct slice pattern)
{
    char *grown;

    if (room_pattern_fault(pattern) != NULL)
        return STATUS_INVALID;
    if (patterns->count >= ROOM_PATTERNS_MAX)
        return STATUS_FULL;
    grown = realloc(patterns->texts, patterns->bytes + pattern.len + 1);
    if (grown == NULL)
        return STATUS_NO_MEMORY;
    memcpy(grown + patterns->bytes, pattern.data, pattern.len);
    grown[patterns->bytes + pattern.len] = '\0';
    patterns->texts = grown;
    patterns->bytes += (uint32_t)(pattern.len + 1);
    patterns->count++;
    return STATUS_OK;
}

bool room_patterns_match(const struct room_patterns *patterns, struct slice user, struct slice room)
{
    const char *at = patterns->texts;
    bool found = false;

    for (uint32_t i = 0; i < patterns->count; i++, at += strlen(at) + 1) {
        bool excludes = at[0] == EXCLUSION;

        if ((excludes || !found) && room_pattern_matches(slice_str(at + excludes), user, room)) {
            if (excludes)
                return false;
            found = true;
        }
    }
    return found;
}

void room_patterns_fini(struct room_patterns *patterns)
{
    free(patterns->texts);
    *patterns = (struct room_patterns){NULL, 0, 0};
}
