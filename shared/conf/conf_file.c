/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: strict JSON with comment keys. json_scan says what is valid (cJSON
 * would take 01 and raw control characters), cJSON holds the tree. At the start and a reload, main thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/conf/conf_internal.h"
#include "shared/json/json_scan.h"

enum { FILE_MAX_BYTES = 1 << 20, FILE_MAX_DEPTH = 32 };

struct loader {
    const struct conf_table *table;
    void *conf;
    const char *path;
    struct fault *fault;
};

static bool is_in_group(const struct conf_option *option, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(option->key, name, len) == 0 && option->key[len] == '.';
}

/* Whether options like `name`.something exist. */
static bool is_group(const struct conf_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (is_in_group(&table->options[i], name))
            return true;
    return false;
}

static bool has_secrets(const struct conf_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->options[i].type == CONF_SECRET && is_in_group(&table->options[i], name))
            return true;
    return false;
}

static enum status refuse_unknown(const struct loader *loader, const char *prefix, const cJSON *member)
{
    char shown[CONF_SHOWN_MAX];
    char whole[2 * CONF_NAME_MAX];
    char nearest[CONF_NAME_MAX];

    snprintf(whole, sizeof whole, "%s%s%.*s", prefix, *prefix ? "." : "", CONF_NAME_MAX, member->string);
    conf_nearest(loader->table, CONF_SPELL_KEY, whole, nearest, sizeof nearest);
    if (strchr(member->string, '.') && strcasecmp(whole, nearest) == 0)
        return fault_set(loader->fault, STATUS_INVALID,
                         "%s: %s: the dot stands for an object: {\"%.*s\": {\"%s\": ...}}", loader->path,
                         nearest, (int)strcspn(nearest, "."), nearest, strchr(nearest, '.') + 1);
    conf_show_text(whole, shown);
    return fault_set(loader->fault, STATUS_INVALID, "%s: %s: unknown key; the nearest known one is %s",
                     loader->path, shown, nearest);
}

static enum status load_object(const struct loader *loader, const cJSON *object, const char *prefix);

static enum status load_group(const struct loader *loader, const cJSON *member)
{
    char shown[CONF_SHOWN_MAX];

    if (cJSON_IsObject(member))
        return load_object(loader, member, member->string);
    conf_show_json(member, shown);
    return fault_set(loader->fault, STATUS_INVALID, "%s: %s: %s is not allowed: an object", loader->path,
                     member->string, has_secrets(loader->table, member->string) ? "this value" : shown);
}

static enum status load_member(const struct loader *loader, const cJSON *member, const char *prefix)
{
    char name[CONF_NAME_MAX];
    char origin[CONF_ORIGIN_MAX];
    const struct conf_option *option = NULL;
    int len = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", member->string);

    if (len < (int)sizeof name && !strchr(member->string, '.'))
        option = conf_find(loader->table, CONF_SPELL_KEY, name);
    if (option) {
        snprintf(origin, sizeof origin, "%.*s: %s", CONF_ORIGIN_MAX - CONF_NAME_MAX - 3, loader->path,
                 option->key);
        return conf_value_from_json(option, loader->conf, member, origin, loader->fault);
    }
    if (!*prefix && is_group(loader->table, member->string))
        return load_group(loader, member);
    return refuse_unknown(loader, prefix, member);
}

/* The first of them decides: a file with such a key is refused in any case. */
static enum status refuse_twin(const struct loader *loader, const cJSON *object)
{
    const struct conf_twin *twin = loader->table->twin;

    for (const char *const *key = twin ? twin->keys : NULL; key && *key; key++)
        if (cJSON_GetObjectItem(object, *key))
            return fault_set(loader->fault, STATUS_INVALID,
                             "%s: %s: this looks like %s config: %s has that option, %s does not",
                             loader->path, *key, twin->whose, twin->program, loader->table->program);
    return STATUS_OK;
}

static enum status load_object(const struct loader *loader, const cJSON *object, const char *prefix)
{
    enum status status = STATUS_OK;
    const cJSON *member;

    for (member = object->child; member && !status; member = member->next) {
        if (conf_key_is_comment(member->string))
            continue;
        status = load_member(loader, member, prefix);
        if (!status && conf_key_is_twin(object, member))
            status = fault_set(loader->fault, STATUS_INVALID, "%s: %s%s%s: the key stands twice",
                               loader->path, prefix, *prefix ? "." : "", member->string);
    }
    return status;
}

static enum status refuse_json(const struct loader *loader, struct slice text, size_t offset,
                               const char *reason)
{
    unsigned line = 1;
    unsigned column = 1;

    for (size_t i = 0; i < offset && i < text.len; i++) {
        column = text.data[i] == '\n' ? 1 : column + 1;
        line += text.data[i] == '\n';
    }
    return fault_set(loader->fault, STATUS_INVALID, "%s: line %u, column %u: %s", loader->path, line, column,
                     reason);
}

/* cJSON's strings end at their first NUL, so the rest of such a value would be lost in silence. */
static const char *find_nul_escape(struct slice text)
{
    return memmem(text.data, text.len, "\\u0000", 6);
}

static enum status load_text(const struct loader *loader, struct slice text)
{
    struct json_value value;
    struct json_error error = {0, NULL, 0};
    const char *nul;
    enum status status;
    cJSON *tree;

    if (json_scan(text, FILE_MAX_DEPTH, &value, &error))
        return refuse_json(loader, text, error.offset, error.reason);
    nul = find_nul_escape(text);
    if (nul)
        return refuse_json(loader, text, (size_t)(nul - (const char *)text.data), "\\u0000 is not allowed");
    if (value.type != JSON_OBJECT)
        return refuse_json(loader, text, value.offset, "the file must be a JSON object");
    tree = cJSON_ParseWithLength((const char *)text.data, text.len);
    if (!tree)
        return fault_set(loader->fault, STATUS_NO_MEMORY, "%s: out of memory", loader->path);
    status = refuse_twin(loader, tree);
    if (!status)
        status = load_object(loader, tree, "");
    cJSON_Delete(tree);
    return status;
}

static enum status refuse_file(const struct loader *loader)
{
    return fault_set(loader->fault, errno == EISDIR ? STATUS_INVALID : STATUS_IO, "%s: cannot be read: %s",
                     loader->path, strerror(errno));
}

/* Works for pipes too (`-config <(...)`), so the size is known only at the end. */
static enum status read_file(const struct loader *loader, char *data, size_t *len)
{
    FILE *file = fopen(loader->path, "re");
    enum status status = STATUS_OK;

    if (!file)
        return refuse_file(loader);
    errno = 0;
    *len = fread(data, 1, FILE_MAX_BYTES + 1, file);
    if (ferror(file))
        status = refuse_file(loader);
    else if (*len > FILE_MAX_BYTES)
        status = fault_set(loader->fault, STATUS_TOO_LARGE, "%s: larger than %d bytes", loader->path,
                           FILE_MAX_BYTES);
    fclose(file);
    return status;
}

enum status conf_load_file(const struct conf_table *table, void *conf, const char *path, struct fault *fault)
{
    struct loader loader = {table, conf, path, fault};
    char *data = malloc(FILE_MAX_BYTES + 1);
    size_t len = 0;
    enum status status;

    if (!data)
        return fault_set(fault, STATUS_NO_MEMORY, "%s: %s", path, status_text(STATUS_NO_MEMORY));
    status = read_file(&loader, data, &len);
    if (!status) {
        size_t mark = len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

        status = load_text(&loader, slice_of(data + mark, len - mark));
    }
    free(data);
    return status;
}
