/* SPDX-License-Identifier: Apache-2.0 */
/* What keys and values of the configuration look like as text: how a fault shows a value, which texts and
 * keys are fit; and JSON texts, which json_scan judges (cJSON would take 01 and raw control characters) and
 * cJSON holds. Pure. At the start and a reload, main thread. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shared/base/utf8.h"
#include "shared/conf/conf_internal.h"
#include "shared/json/json_scan.h"

/* Above 2^53 a double no longer tells neighbouring integers apart (IEEE 754 binary64). */
static const double exact_max = 9007199254740992.0;

bool conf_text_is_plain(const char *text, int64_t max)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return (max == 0 || len <= (size_t)max) && utf8_valid(slice_of(text, len), NULL);
}

bool conf_key_is_comment(const char *key)
{
    for (; *key; key++)
        if ((unsigned char)*key >= 0x80)
            return true;
    return false;
}

bool conf_key_is_twin(const cJSON *object, const cJSON *member)
{
    const cJSON *other = object->child;

    while (other != member && strcasecmp(other->string, member->string) != 0)
        other = other->next;
    return other != member;
}

enum status conf_parse_json(struct slice text, cJSON **out, size_t *at, const char **reason)
{
    struct json_value value;
    struct json_error error = {0, NULL, 0};
    const char *nul;

    if (json_scan(text, CONF_JSON_MAX_DEPTH, &value, &error) != STATUS_OK) {
        *at = error.offset;
        *reason = error.reason;
        return STATUS_INVALID;
    }
    nul = memmem(text.data, text.len, "\\u0000", 6);
    if (nul != NULL) {
        *at = (size_t)(nul - (const char *)text.data);
        *reason = "\\u0000 is not allowed";
        return STATUS_INVALID;
    }
    *at = value.offset;
    *out = cJSON_ParseWithLength((const char *)text.data, text.len);
    return *out != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

bool conf_is_exact(double value)
{
    return floor(value) >= value && fabs(value) <= exact_max;
}

/* cJSON prints 15 digits of a number, which is not enough for every integer below 2^53. */
void conf_show_json(const cJSON *json, char *out)
{
    bool exact = cJSON_IsNumber(json) && conf_is_exact(json->valuedouble);
    char *text = exact ? NULL : cJSON_PrintUnformatted(json);
    size_t len = text != NULL ? strlen(text) : 0;
    size_t shown = CONF_SHOWN_MAX - 4;

    if (exact) {
        snprintf(out, CONF_SHOWN_MAX, "%.0f", json->valuedouble);
    } else if (len < CONF_SHOWN_MAX) {
        snprintf(out, CONF_SHOWN_MAX, "%s", text != NULL ? text : "?");
    } else {
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
            shown--;
        snprintf(out, CONF_SHOWN_MAX, "%.*s...", (int)shown, text);
    }
    cJSON_free(text);
}

void conf_show_text(const char *text, char *out)
{
    cJSON *json = cJSON_CreateStringReference(text);

    conf_show_json(json, out);
    cJSON_Delete(json);
}
