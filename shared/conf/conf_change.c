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

static bool values_equal(enum conf_type type, const void *a, const void *b)
{
    switch (type) {
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

        if (values_equal(option->type, at, fresh_at))
            continue;
        add_key(option->change == CONF_LIVE ? changes->live : changes->restart, option->key);
        if (option->change == CONF_LIVE)
            exchange(at, fresh_at, value_size(option->type));
    }
}
