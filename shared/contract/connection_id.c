/* SPDX-License-Identifier: Apache-2.0 */
/* Three hex numbers with a dash between them, in their shortest form but for the first, which has all of its
 * digits: so a text and its id are one. */
#include "shared/contract/connection_id.h"

#include <inttypes.h>
#include <stdio.h>

enum { PLACE_DIGITS = 6, SERIAL_DIGITS = 16 };

/* -1 for what is no lower-case hex digit. */
static int digit_of(uint8_t character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* Takes the digits in front of `text` off, at most `most` of them, and returns how many there were. */
static size_t take_number(struct slice *text, size_t most, uint64_t *out)
{
    size_t len = 0;

    *out = 0;
    for (; len < most && len < text->len && digit_of(text->data[len]) >= 0; len++)
        *out = *out << 4 | (unsigned)digit_of(text->data[len]);
    text->data += len;
    text->len -= len;
    return len;
}

/* The same of a number in its shortest form. */
static bool take_shortest(struct slice *text, size_t most, uint64_t *out)
{
    bool leads_with_zero = text->len > 0 && text->data[0] == '0';
    size_t len = take_number(text, most, out);

    return len > 0 && (len == 1 || !leads_with_zero);
}

static bool take_dash(struct slice *text)
{
    if (text->len == 0 || text->data[0] != '-')
        return false;
    text->data++;
    text->len--;
    return true;
}

uint64_t connection_id_instance(const char *hello_instance)
{
    struct slice text = slice_str(hello_instance);
    uint64_t instance;

    (void)take_number(&text, CONNECTION_ID_INSTANCE_LEN, &instance);
    return instance;
}

size_t connection_id_print(const struct connection_id *id, char out[CONNECTION_ID_MAX + 1])
{
    return (size_t)snprintf(out, CONNECTION_ID_MAX + 1, "%016" PRIx64 "-%" PRIx32 "-%" PRIx64, id->instance,
                            id->place, id->serial);
}

enum status connection_id_parse(struct slice text, struct connection_id *out)
{
    uint64_t place;

    if (take_number(&text, CONNECTION_ID_INSTANCE_LEN, &out->instance) != CONNECTION_ID_INSTANCE_LEN ||
        !take_dash(&text) || !take_shortest(&text, PLACE_DIGITS, &place) || !take_dash(&text) ||
        !take_shortest(&text, SERIAL_DIGITS, &out->serial) || text.len > 0)
        return STATUS_INVALID;
    out->place = (uint32_t)place;
    return out->serial > 0 && place < CONNECTION_ID_PLACES ? STATUS_OK : STATUS_INVALID;
}
