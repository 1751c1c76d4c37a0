/* SPDX-License-Identifier: Apache-2.0 */
/* One option's value: from text or JSON into the daemon's struct, checked against the option's
 * bounds. At the start and a reload, main thread. Never reads a file. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/conf/conf_internal.h"

/* What a setter returns and complains about: `why` refines the fault, NULL leaves it at "not allowed". */
struct outcome {
    enum status status;
    const char *why;
};

static const struct outcome accepted = {STATUS_OK, NULL};
static const struct outcome refused = {STATUS_INVALID, NULL};
static const struct outcome no_memory = {STATUS_NO_MEMORY, NULL};

void *conf_at(const struct conf_option *option, void *conf)
{
    return (char *)conf + option->offset;
}

const void *conf_at_const(const struct conf_option *option, const void *conf)
{
    return (const char *)conf + option->offset;
}

const struct conf_table *conf_record_table(const struct conf_option *option)
{
    return option->choices;
}

const void *conf_record_at(const struct conf_option *option, const void *conf, size_t index)
{
    const struct conf_records *records = conf_at_const(option, conf);

    return (const char *)records->items + index * conf_record_table(option)->struct_size;
}

bool conf_is_secret(const struct conf_option *option)
{
    const struct conf_table *record = option->type == CONF_RECORDS ? conf_record_table(option) : NULL;
    bool secret = option->type == CONF_SECRET;

    for (size_t i = 0; record != NULL && i < record->count; i++)
        secret |= record->options[i].type == CONF_SECRET;
    return secret;
}

const char *conf_choice(const char *choices, int index, size_t *len)
{
    for (; index > 0 && choices != NULL; index--) {
        choices = strchr(choices, '|');
        choices = choices != NULL ? choices + 1 : NULL;
    }
    *len = choices != NULL ? strcspn(choices, "|") : 0;
    return choices;
}

static void allowed_choices(const char *choices, char *out)
{
    size_t used = 0;
    size_t len;
    const char *choice;

    out[0] = '\0';
    for (int i = 0; (choice = conf_choice(choices, i, &len)) != NULL && used + 1 < CONF_ALLOWED_MAX; i++)
        used +=
            (size_t)snprintf(out + used, CONF_ALLOWED_MAX - used, "%s%.*s", i ? ", " : "", (int)len, choice);
}

static void allowed_records(const struct conf_option *option, char *out)
{
    const struct conf_table *record = conf_record_table(option);
    size_t used = (size_t)snprintf(out, CONF_ALLOWED_MAX, "a JSON list of at most %" PRId64 " objects with ",
                                   option->max);

    for (size_t i = 0; i < record->count && used + 1 < CONF_ALLOWED_MAX; i++)
        used += (size_t)snprintf(out + used, CONF_ALLOWED_MAX - used, "%s%s", i > 0 ? ", " : "",
                                 record->options[i].key);
}

void conf_allowed(const struct conf_option *option, char *out)
{
    switch (option->type) {
    case CONF_INT:
        snprintf(out, CONF_ALLOWED_MAX, "%" PRId64 " to %" PRId64 "%s%s", option->min, option->max,
                 option->unit[0] ? " " : "", option->unit);
        break;
    case CONF_BOOL:
        snprintf(out, CONF_ALLOWED_MAX, "true or false");
        break;
    case CONF_ENUM:
        allowed_choices(option->choices, out);
        break;
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_PATH:
        snprintf(out, CONF_ALLOWED_MAX, "a %s of at most %" PRId64 " bytes",
                 option->type == CONF_PATH ? "path" : "text", option->max);
        break;
    case CONF_LIST:
        snprintf(out, CONF_ALLOWED_MAX, "a list of texts, each 1 to %" PRId64 " bytes", option->max);
        break;
    case CONF_ENDPOINTS:
        snprintf(out, CONF_ALLOWED_MAX, "a list of hostname and port, 1 to 65535");
        break;
    case CONF_RECORDS:
        allowed_records(option, out);
        break;
    case CONF_IGNORED:
        snprintf(out, CONF_ALLOWED_MAX, "anything");
        break;
    }
}

static bool is_integer(const char *text)
{
    const char *digits = text + (*text == '-');

    return *digits && digits[strspn(digits, "0123456789")] == '\0';
}

static struct outcome set_integer(const struct conf_option *option, int64_t *at, int64_t value)
{
    if (value < option->min || value > option->max)
        return refused;
    *at = value;
    return accepted;
}

static struct outcome integer_from_text(const struct conf_option *option, int64_t *at, const char *text)
{
    if (!is_integer(text))
        return (struct outcome){STATUS_INVALID, "an integer"};
    errno = 0;
    int64_t value = strtoll(text, NULL, 10);
    return errno ? refused : set_integer(option, at, value);
}

static struct outcome integer_from_json(const struct conf_option *option, int64_t *at, const cJSON *json)
{
    double value = json->valuedouble;

    if (!cJSON_IsNumber(json) || !(floor(value) >= value))
        return (struct outcome){STATUS_INVALID, "an integer"};
    if (!conf_is_exact(value))
        return refused;
    return set_integer(option, at, (int64_t)value);
}

static struct outcome bool_from_text(bool *at, const char *text)
{
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (int value = 0; value < 2; value++)
            if (strcasecmp(text, words[i][value]) == 0) {
                *at = value;
                return accepted;
            }
    return refused;
}

static struct outcome bool_from_json(bool *at, const cJSON *json)
{
    if (!cJSON_IsBool(json))
        return refused;
    *at = cJSON_IsTrue(json);
    return accepted;
}

static struct outcome string_from_text(const struct conf_option *option, char **at, const char *text)
{
    char *copy;

    if (text == NULL || !conf_text_is_plain(text, option->max))
        return (struct outcome){STATUS_INVALID, text != NULL ? "UTF-8 without control characters" : NULL};
    copy = strdup(text);
    if (copy == NULL)
        return no_memory;
    free(*at);
    *at = copy;
    return accepted;
}

static struct outcome enum_from_text(const struct conf_option *option, int *at, const char *text)
{
    const char *choice;
    size_t len;

    for (int i = 0; text != NULL && (choice = conf_choice(option->choices, i, &len)) != NULL; i++)
        if (strlen(text) == len && memcmp(choice, text, len) == 0) {
            *at = i;
            return accepted;
        }
    return refused;
}

static struct outcome list_from(const struct conf_option *option, struct conf_list *at, const char *text,
                                const cJSON *json)
{
    struct conf_list fresh = {NULL, 0};
    enum status status = json != NULL ? conf_list_from_json(&fresh, option->max, json)
                                      : conf_list_from_text(&fresh, option->max, text);

    conf_list_free(status != STATUS_OK ? &fresh : at);
    if (status == STATUS_OK)
        *at = fresh;
    return (struct outcome){status, NULL};
}

static struct outcome endpoints_from(struct conf_endpoints *at, const char *text, const cJSON *json)
{
    struct conf_endpoints fresh = {NULL, 0};
    const char *why = NULL;
    enum status status = json != NULL ? conf_endpoints_from_json(&fresh, json, &why)
                                      : conf_endpoints_from_text(&fresh, text, &why);

    conf_endpoints_free(status != STATUS_OK ? &fresh : at);
    if (status == STATUS_OK)
        *at = fresh;
    return (struct outcome){status, why};
}

static struct outcome set_from_text(const struct conf_option *option, void *at, const char *text)
{
    switch (option->type) {
    case CONF_INT:
        return integer_from_text(option, at, text);
    case CONF_BOOL:
        return bool_from_text(at, text);
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_PATH:
        return string_from_text(option, at, text);
    case CONF_ENUM:
        return enum_from_text(option, at, text);
    case CONF_LIST:
        return list_from(option, at, text, NULL);
    case CONF_ENDPOINTS:
        return endpoints_from(at, text, NULL);
    case CONF_RECORDS:
        return refused;
    case CONF_IGNORED:
        *(bool *)at = true;
        return accepted;
    }
    return refused;
}

static struct outcome set_from_json(const struct conf_option *option, void *at, const cJSON *json)
{
    switch (option->type) {
    case CONF_INT:
        return integer_from_json(option, at, json);
    case CONF_BOOL:
        return bool_from_json(at, json);
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_PATH:
        return string_from_text(option, at, cJSON_GetStringValue(json));
    case CONF_ENUM:
        return enum_from_text(option, at, cJSON_GetStringValue(json));
    case CONF_LIST:
        return list_from(option, at, NULL, json);
    case CONF_ENDPOINTS:
        return endpoints_from(at, NULL, json);
    case CONF_RECORDS:
        return refused;
    case CONF_IGNORED:
        *(bool *)at = true;
        return accepted;
    }
    return refused;
}

static enum status complain(const struct conf_option *option, struct outcome outcome, const char *shown,
                            const char *origin, struct fault *fault)
{
    char allowed[CONF_ALLOWED_MAX];

    if (outcome.status == STATUS_NO_MEMORY)
        return fault_set(fault, STATUS_NO_MEMORY, "%s: %s", origin, status_text(STATUS_NO_MEMORY));
    conf_allowed(option, allowed);
    if (conf_is_secret(option))
        shown = "this value";
    return fault_set(fault, outcome.status, "%s: %s is not allowed: %s%s%s", origin, shown,
                     outcome.why != NULL ? outcome.why : "", outcome.why != NULL ? ", " : "", allowed);
}

enum status conf_value_from_text(const struct conf_option *option, void *conf, const char *text,
                                 const char *origin, struct fault *fault)
{
    struct outcome outcome = set_from_text(option, conf_at(option, conf), text);
    char shown[CONF_SHOWN_MAX];

    if (outcome.status == STATUS_OK)
        return STATUS_OK;
    if (is_integer(text) && strlen(text) < sizeof shown)
        snprintf(shown, sizeof shown, "%s", text);
    else
        conf_show_text(text, shown);
    return complain(option, outcome, shown, origin, fault);
}

enum status conf_value_from_json(const struct conf_option *option, void *conf, const cJSON *json,
                                 const char *origin, struct fault *fault)
{
    struct outcome outcome = set_from_json(option, conf_at(option, conf), json);
    char shown[CONF_SHOWN_MAX];

    if (outcome.status == STATUS_OK)
        return STATUS_OK;
    conf_show_json(json, shown);
    return complain(option, outcome, shown, origin, fault);
}

void conf_value_free(const struct conf_option *option, void *conf)
{
    void *at = conf_at(option, conf);

    if (option->type == CONF_STRING || option->type == CONF_SECRET || option->type == CONF_PATH) {
        free(*(char **)at);
        *(char **)at = NULL;
    } else if (option->type == CONF_LIST) {
        conf_list_free(at);
    } else if (option->type == CONF_ENDPOINTS) {
        conf_endpoints_free(at);
    }
}
