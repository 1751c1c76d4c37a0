/* SPDX-License-Identifier: Apache-2.0 */
/* Redis is believed no further than needed: whatever stands there goes into an answer of ours, so its JSON is
 * checked. */
#include "logic/store/repeat_record.h"

#include <inttypes.h>
#include <string.h>

#include "shared/json/json_scan.h"

enum {
    VERSION_LEN = 2, /* "1 " */
    DIGEST_LEN = 16,
    CLAIMED_LEN = VERSION_LEN + DIGEST_LEN,
    STATUS_LEN = 3,
    STATUS_AT = CLAIMED_LEN + 1,
    JSON_AT = STATUS_AT + STATUS_LEN + 1,
    MAX_DEPTH = 8, /* our answers have 4 */
};

enum status repeat_record_append(struct buf *out, const struct repeat_record *record)
{
    size_t before = out->len;
    enum status status = buf_printf(out, "1 %016" PRIx64, record->digest);

    if (status == STATUS_OK && record->status != 0)
        status = buf_printf(out, " %03d ", record->status);
    if (status == STATUS_OK && record->status != 0)
        status = buf_append(out, record->json.data, record->json.len);
    if (status != STATUS_OK)
        out->len = before;
    return status;
}

/* Lower case only, as they are written. */
static bool read_digest(const uint8_t *at, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";

    *out = 0;
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        const char *digit = at[i] != '\0' ? strchr(digits, at[i]) : NULL;
        if (digit == NULL)
            return false;
        *out = *out << 4 | (uint64_t)(digit - digits);
    }
    return true;
}

static bool read_status(const uint8_t *at, int *out)
{
    *out = 0;
    for (size_t i = 0; i < STATUS_LEN; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *out = *out * 10 + (at[i] - '0');
    }
    return *out >= 200 && *out <= 599;
}

/* One with members, and without space around it: members can be added at its end. */
static bool is_object(struct slice json)
{
    struct json_value value;
    struct json_error error;

    return json.len > 4 && memcmp(json.data, "{\"", 2) == 0 && json.data[json.len - 1] == '}' &&
           json_scan(json, MAX_DEPTH, &value, &error) == STATUS_OK;
}

enum status repeat_record_parse(struct slice text, struct repeat_record *out)
{
    *out = (struct repeat_record){0};
    if (text.len < CLAIMED_LEN || memcmp(text.data, "1 ", VERSION_LEN) != 0 ||
        !read_digest(text.data + VERSION_LEN, &out->digest))
        return STATUS_INVALID;
    if (text.len == CLAIMED_LEN)
        return STATUS_OK;
    if (text.len <= JSON_AT || text.data[CLAIMED_LEN] != ' ' || text.data[JSON_AT - 1] != ' ' ||
        !read_status(text.data + STATUS_AT, &out->status))
        return STATUS_INVALID;
    out->json = slice_of(text.data + JSON_AT, text.len - JSON_AT);
    return is_object(out->json) ? STATUS_OK : STATUS_INVALID;
}
