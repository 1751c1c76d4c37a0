/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two sets of settings, and which of it moves without a restart. The main
 * thread. Knows names only: never prints a value. */
#include <stdio.h>
#include <string.h>

#include "shared/conf/conf_internal.h"

static bool lists_equal(const struct conf_list *a, const struct conf_list *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; i < a->count && equal; i++)
        equal = strcmp(a->items[i], b->items[i]) == 0;
    return equal;
}

static bool endpoints_equal(const struct conf_endpoints *a, const struct conf_endpoints *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; i < a->count && equal; i++)
        equal =
            strcmp(a->items[i].hostname, b->items[i].hostname) == 0 && a->items[i].port == b->items[i].port;
    return equal;
}

static bool values_equal(const struct conf_option *option, const void *a, const void *b);

static bool records_equal(const struct conf_option *option, const struct conf_records *a,
                          const struct conf_records *b)
{
    const struct conf_table *record = conf_record_table(option);
    bool equal = a->count == b->count;

    for (size_t i = 0; i < a->count && equal; i++)
        for (size_t j = 0; j < record->count && equal; j++) {
            size_t at = i * record->struct_size + record->options[j].offset;

            equal =
                values_equal(&record->options[j], (const char *)a->items + at, (const char *)b->items + at);
        }
    return equal;
}

static bool values_equal(const struct conf_option *option, const void *a, const void *b)
{
    switch (option->type) {
    case CONF_INT:
        return *(const int64_t *)a == *(const int64_t *)b;
    case CONF_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_PATH:
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case CONF_ENUM:
        return *(const int *)a == *(const int *)b;
    case CONF_LIST:
        return lists_equal(a, b);
    case CONF_ENDPOINTS:
        return endpoints_equal(a, b);
    case CONF_RECORDS:
        return records_equal(option, a, b);
    case CONF_IGNORED:
        return true;
    }
    return true;
}

static size_t value_size(enum conf_type type)
{
    switch (type) {
    case CONF_INT:
        return sizeof(int64_t);
    case CONF_BOOL:
    case CONF_IGNORED:
        return sizeof(bool);
    case CONF_STRING:
    case CONF_SECRET:
    case CONF_PATH:
        return sizeof(char *);
    case CONF_ENUM:
        return sizeof(int);
    case CONF_LIST:
        return sizeof(struct conf_list);
    case CONF_ENDPOINTS:
        return sizeof(struct conf_endpoints);
    case CONF_RECORDS:
        return sizeof(struct conf_records);
    }
    return 0;
}

static void exchange(void *a, void *b, size_t size)
{
    char kept[sizeof(struct conf_endpoints) + sizeof(struct conf_list)];

    memcpy(kept, a, size);
    memcpy(a, b, size);
    memcpy(b, kept, size);
}

static void add_key(char keys[CONF_KEYS_MAX], const char *key)
{
    size_t used = strlen(keys);

    if (used + strlen(key) + 2 <= CONF_KEYS_MAX)
        snprintf(keys + used, CONF_KEYS_MAX - used, "%s%s", used ? "," : "", key);
}

const char *conf_live_text(const struct conf_option *option)
{
    return option->change == CONF_LIVE ? " Reloaded by SIGHUP." : "";
}

void conf_take_live(const struct conf_table *table, void *conf, void *fresh, struct conf_changes *changes)
{
    changes->live[0] = '\0';
    changes->restart[0] = '\0';
    for (size_t i = 0; i < table->count; i++) {
        const struct conf_option *option = &table->options[i];
        void *at = conf_at(option, conf);
        void *fresh_at = conf_at(option, fresh);

        if (values_equal(option, at, fresh_at))
            continue;
        add_key(option->change == CONF_LIVE ? changes->live : changes->restart, option->key);
        if (option->change == CONF_LIVE)
            exchange(at, fresh_at, value_size(option->type));
    }
}
