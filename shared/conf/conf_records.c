/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of objects, each read into a struct by the rows of a table of its own, as strictly as the file
 * itself: an unknown or repeated key is refused, a key that is not ASCII is a comment, what is absent has its
 * default. Above conf_value.c, which knows the types of single values: so what reads an option of any type
 * comes here. At the start and a reload, main thread. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf/conf_internal.h"

static void free_record(const struct conf_table *record, void *at)
{
    for (size_t i = 0; i < record->count; i++)
        conf_value_free(&record->options[i], at);
}

static void free_records(const struct conf_option *option, struct conf_records *records)
{
    const struct conf_table *record = conf_record_table(option);

    for (size_t i = 0; i < records->count; i++)
        free_record(record, (char *)records->items + i * record->struct_size);
    free(records->items);
    *records = (struct conf_records){NULL, 0};
}

static enum status refuse_key(const struct conf_table *record, const cJSON *member, const char *origin,
                              struct fault *fault)
{
    char shown[CONF_SHOWN_MAX];
    char nearest[CONF_NAME_MAX];

    conf_nearest(record, CONF_SPELL_KEY, member->string, nearest, sizeof nearest);
    conf_show_text(member->string, shown);
    return fault_set(fault, STATUS_INVALID, "%s: %s: unknown key; the nearest known one is %s", origin, shown,
                     nearest);
}

/* `origin` names the record: "gateway.json: auth.issuers[1]". */
static enum status take_member(const struct conf_table *record, void *at, const cJSON *object,
                               const cJSON *member, const char *origin, struct fault *fault)
{
    const struct conf_option *option = conf_find(record, CONF_SPELL_KEY, member->string);
    char whole[CONF_ORIGIN_MAX + CONF_NAME_MAX];

    if (conf_key_is_comment(member->string))
        return STATUS_OK;
    if (option == NULL)
        return refuse_key(record, member, origin, fault);
    snprintf(whole, sizeof whole, "%s.%s", origin, option->key);
    if (conf_key_is_twin(object, member))
        return fault_set(fault, STATUS_INVALID, "%s: the key stands twice", whole);
    return conf_value_from_json(option, at, member, whole, fault);
}

/* What it has filled when it fails is the caller's to free. */
static enum status fill_record(const struct conf_option *option, void *at, const cJSON *json,
                               const char *origin, struct fault *fault)
{
    const struct conf_table *record = conf_record_table(option);
    enum status status = STATUS_OK;
    char shown[CONF_SHOWN_MAX];

    if (!cJSON_IsObject(json)) {
        conf_show_json(json, shown);
        return fault_set(fault, STATUS_INVALID, "%s: %s is not allowed: an object", origin,
                         conf_is_secret(option) ? "this value" : shown);
    }
    for (size_t i = 0; i < record->count && status == STATUS_OK; i++)
        status = conf_value_from_text(&record->options[i], at, record->options[i].initial, origin, fault);
    for (const cJSON *member = json->child; member != NULL && status == STATUS_OK; member = member->next)
        status = take_member(record, at, json, member, origin, fault);
    return status;
}

static enum status complain(const struct conf_option *option, const char *what, const char *origin,
                            struct fault *fault)
{
    char allowed[CONF_ALLOWED_MAX];

    conf_allowed(option, allowed);
    return fault_set(fault, STATUS_INVALID, "%s: %s not allowed: %s", origin, what, allowed);
}

/* Fills `fresh`; what stands there when it fails is the caller's to free. */
static enum status fill_records(const struct conf_option *option, struct conf_records *fresh,
                                const cJSON *json, const char *origin, struct fault *fault)
{
    size_t size = conf_record_table(option)->struct_size;
    size_t count = (size_t)cJSON_GetArraySize(json);
    enum status status = STATUS_OK;
    const cJSON *element = json->child;

    fresh->items = count > 0 ? calloc(count, size) : NULL;
    if (count > 0 && fresh->items == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "%s: %s", origin, status_text(STATUS_NO_MEMORY));
    for (; element != NULL && status == STATUS_OK; element = element->next) {
        char whole[CONF_ORIGIN_MAX];

        snprintf(whole, sizeof whole, "%.*s[%zu]", CONF_ORIGIN_MAX - 24, origin, fresh->count);
        status = fill_record(option, (char *)fresh->items + fresh->count++ * size, element, whole, fault);
    }
    return status;
}

enum status conf_option_from_json(const struct conf_option *option, void *conf, const cJSON *json,
                                  const char *origin, struct fault *fault)
{
    struct conf_records fresh = {NULL, 0};
    char what[CONF_SHOWN_MAX + 8];
    enum status status;

    if (option->type != CONF_RECORDS)
        return conf_value_from_json(option, conf, json, origin, fault);
    if (!cJSON_IsArray(json)) {
        char shown[CONF_SHOWN_MAX];

        conf_show_json(json, shown);
        snprintf(what, sizeof what, "%s is", conf_is_secret(option) ? "this value" : shown);
        return complain(option, what, origin, fault);
    }
    if (cJSON_GetArraySize(json) > option->max) {
        snprintf(what, sizeof what, "%d objects are", cJSON_GetArraySize(json));
        return complain(option, what, origin, fault);
    }
    status = fill_records(option, &fresh, json, origin, fault);
    free_records(option, status != STATUS_OK ? &fresh : conf_at(option, conf));
    if (status == STATUS_OK)
        *(struct conf_records *)conf_at(option, conf) = fresh;
    return status;
}

enum status conf_option_from_text(const struct conf_option *option, void *conf, const char *text,
                                  const char *origin, struct fault *fault)
{
    cJSON *tree = NULL;
    const char *reason = NULL;
    size_t at = 0;
    enum status status;

    if (option->type != CONF_RECORDS)
        return conf_value_from_text(option, conf, text, origin, fault);
    status = conf_parse_json(slice_str(text[0] != '\0' ? text : "[]"), &tree, &at, &reason);
    if (status == STATUS_INVALID)
        return fault_set(fault, STATUS_INVALID, "%s: column %zu: %s", origin, at + 1, reason);
    if (status != STATUS_OK)
        return fault_set(fault, status, "%s: %s", origin, status_text(status));
    status = conf_option_from_json(option, conf, tree, origin, fault);
    cJSON_Delete(tree);
    return status;
}

void conf_option_free(const struct conf_option *option, void *conf)
{
    if (option->type == CONF_RECORDS)
        free_records(option, conf_at(option, conf));
    else
        conf_value_free(option, conf);
}
