/* SPDX-License-Identifier: Apache-2.0 */
/* {"f":"CCCCNNNNNNNNTTTTTTTTTTTTTTTT....."}: three hexadecimal fields, then filling. */
#include "tests/bench/item.h"

#include <string.h>

enum { CALLER_DIGITS = 4, NUMBER_DIGITS = 8, STAMP_DIGITS = 16 };

static const char OPENING[] = "{\"f\":\"";
static const char CLOSING[] = "\"}";

static char *put_hex(char *out, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 15];
    return out + digits;
}

static const uint8_t *take_hex(const uint8_t *in, int digits, uint64_t *value)
{
    uint64_t sum = 0;

    for (int i = 0; i < digits; i++) {
        unsigned c = in[i];
        unsigned digit = c <= '9' ? c - '0' : c - 'a' + 10;

        if (digit > 15)
            return NULL;
        sum = sum << 4 | digit;
    }
    *value = sum;
    return in + digits;
}

void item_encode(const struct item *item, char *out, size_t len)
{
    char *end = out + len - (sizeof CLOSING - 1);
    char *at = out;

    memcpy(at, OPENING, sizeof OPENING - 1);
    at = put_hex(at + sizeof OPENING - 1, item->caller, CALLER_DIGITS);
    at = put_hex(at, item->number, NUMBER_DIGITS);
    at = put_hex(at, item->stamp_us, STAMP_DIGITS);
    memset(at, '.', (size_t)(end - at));
    memcpy(end, CLOSING, sizeof CLOSING - 1);
}

bool item_decode(const uint8_t *text, size_t len, struct item *out)
{
    uint64_t caller = 0;
    uint64_t number = 0;
    uint64_t stamp = 0;

    if (len < ITEM_MIN_BYTES || memcmp(text, OPENING, sizeof OPENING - 1) != 0)
        return false;
    text = take_hex(text + sizeof OPENING - 1, CALLER_DIGITS, &caller);
    text = text != NULL ? take_hex(text, NUMBER_DIGITS, &number) : NULL;
    text = text != NULL ? take_hex(text, STAMP_DIGITS, &stamp) : NULL;
    *out = (struct item){.caller = (uint32_t)caller, .number = (uint32_t)number, .stamp_us = stamp};
    return text != NULL;
}
