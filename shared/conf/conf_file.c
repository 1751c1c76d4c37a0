/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: strict JSON with comment keys, an object in an object for each dot of a key. At the
 * start and a reload, main thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/conf/conf_internal.h"

enum { FILE_MAX_BYTES = 1 << 20 };

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
        if (conf_is_secret(&table->options[i]) && is_in_group(&table->options[i], name))
            return true;
    return false;
}

/* {"auth": {"hook": {"url": ...}}} for auth.hook.url. */
static void spell_object(const char *key, char *out, size_t cap)
{
    size_t used = 0;
    size_t depth = 0;

    for (const char *at = key; *at && used < cap; at += strcspn(at, ".") + (at[strcspn(at, ".")] == '.')) {
        used += (size_t)snprintf(out + used, cap - used, "{\"%.*s\": ", (int)strcspn(at, "."), at);
        depth++;
    }
    if (used < cap)
        snprintf(out + used, cap - used, "...%.*s", (int)depth, "}}}}}}}}");
}

static enum status refuse_unknown(const struct loader *loader, const char *prefix, const cJSON *member)
{
    char shown[CONF_SHOWN_MAX];
    char whole[2 * CONF_NAME_MAX + 16];
    char nearest[CONF_NAME_MAX];

    snprintf(whole, sizeof whole, "%s%s%.*s", prefix, *prefix ? "." : "", CONF_NAME_MAX, member->string);
    conf_nearest(loader->table, CONF_SPELL_KEY, whole, nearest, sizeof nearest);
    if (strchr(member->string, '.') != NULL && strcasecmp(whole, nearest) == 0) {
        spell_object(nearest, whole, sizeof whole);
        return fault_set(loader->fault, STATUS_INVALID, "%s: %s: the dot stands for an object: %s",
                         loader->path, nearest, whole);
    }
    conf_show_text(whole, shown);
    return fault_set(loader->fault, STATUS_INVALID, "%s: %s: unknown key; the nearest known one is %s",
                     loader->path, shown, nearest);
}

static enum status load_object(const struct loader *loader, const cJSON *object, const char *prefix);

static enum status load_group(const struct loader *loader, const cJSON *member, const char *name)
{
    char shown[CONF_SHOWN_MAX];

    if (cJSON_IsObject(member))
        return load_object(loader, member, name);
    conf_show_json(member, shown);
    return fault_set(loader->fault, STATUS_INVALID, "%s: %s: %s is not allowed: an object", loader->path,
                     name, has_secrets(loader->table, name) ? "this value" : shown);
}

static enum status load_member(const struct loader *loader, const cJSON *member, const char *prefix)
{
    char name[CONF_NAME_MAX];
    char origin[CONF_ORIGIN_MAX];
    const struct conf_option *option = NULL;
    bool fits;
    int len = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", member->string);

    fits = len < (int)sizeof name && strchr(member->string, '.') == NULL;
    if (fits)
        option = conf_find(loader->table, CONF_SPELL_KEY, name);
    if (option != NULL) {
        snprintf(origin, sizeof origin, "%.*s: %s", CONF_ORIGIN_MAX - CONF_NAME_MAX - 3, loader->path,
                 option->key);
        return conf_option_from_json(option, loader->conf, member, origin, loader->fault);
    }
    if (fits && is_group(loader->table, name))
        return load_group(loader, member, name);
    return refuse_unknown(loader, prefix, member);
}

/* The first of them decides: a file with such a key is refused in any case. */
static enum status refuse_twin(const struct loader *loader, const cJSON *object)
{
    const struct conf_twin *twin = loader->table->twin;

    for (const char *const *key = twin != NULL ? twin->keys : NULL; key != NULL && *key != NULL; key++)
        if (cJSON_GetObjectItem(object, *key) != NULL)
            return fault_set(loader->fault, STATUS_INVALID,
                             "%s: %s: this looks like %s config: %s has that option, %s does not",
                             loader->path, *key, twin->whose, twin->program, loader->table->program);
    return STATUS_OK;
}

static enum status load_object(const struct loader *loader, const cJSON *object, const char *prefix)
{
    enum status status = STATUS_OK;
    const cJSON *member;

    for (member = object->child; member != NULL && status == STATUS_OK; member = member->next) {
        if (conf_key_is_comment(member->string))
            continue;
        status = load_member(loader, member, prefix);
        if (status == STATUS_OK && conf_key_is_twin(object, member))
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

static enum status load_text(const struct loader *loader, struct slice text)
{
    cJSON *tree = NULL;
    const char *reason = NULL;
    size_t at = 0;
    enum status status = conf_parse_json(text, &tree, &at, &reason);

    if (status == STATUS_INVALID)
        return refuse_json(loader, text, at, reason);
    if (status != STATUS_OK)
        return fault_set(loader->fault, STATUS_NO_MEMORY, "%s: out of memory", loader->path);
    if (!cJSON_IsObject(tree))
        status = refuse_json(loader, text, at, "the file must be a JSON object");
    if (status == STATUS_OK)
        status = refuse_twin(loader, tree);
    if (status == STATUS_OK)
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

    if (file == NULL)
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

    if (data == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "%s: %s", path, status_text(STATUS_NO_MEMORY));
    status = read_file(&loader, data, &len);
    if (status == STATUS_OK) {
        size_t mark = len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

        status = load_text(&loader, slice_of(data + mark, len - mark));
    }
    free(data);
    return status;
}
