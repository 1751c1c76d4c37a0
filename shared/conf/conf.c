/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults, environment, flags, and what is checked once all sources have been read. Start-up
 * only, main thread. The file is conf_file.c's, a single value conf_value.c's. */
#include "shared/conf/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/plain_file.h"
#include "shared/conf/conf_internal.h"
#include "shared/log/log.h"

static const char environment_prefix[] = "FANFARE_";

enum status conf_defaults(const struct conf_table *table, void *conf)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < table->count && status == STATUS_OK; i++)
        if (table->options[i].type != CONF_IGNORED)
            status = conf_option_from_text(&table->options[i], conf, table->options[i].initial,
                                           table->options[i].key, NULL);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Kubernetes sets NAME_SERVICE_HOST, NAME_SERVICE_PORT[_X], NAME_PORT and NAME_PORT_1_TCP[_X] for
 * every Service of the namespace, also for one that is called fanfare-something. */
static bool is_service_link(const char *name, const char *value)
{
    const char *port = strstr(name, "_PORT_");

    if (ends_with(name, "_SERVICE_HOST") || ends_with(name, "_SERVICE_PORT") ||
        strstr(name, "_SERVICE_PORT_") != NULL)
        return true;
    if (port != NULL && isdigit((unsigned char)port[strlen("_PORT_")]))
        return true;
    return ends_with(name, "_PORT") && strstr(value, "://") != NULL;
}

static enum status set_variable(const struct conf_table *table, void *conf, const char *name,
                                const char *value, struct fault *fault)
{
    const struct conf_option *option = conf_find(table, CONF_SPELL_ENVIRONMENT, name);
    char nearest[CONF_NAME_MAX];

    if (is_service_link(name, value) && (option == NULL || strstr(value, "://") != NULL))
        return STATUS_OK;
    if (option != NULL)
        return conf_option_from_text(option, conf, value, name, fault);
    conf_nearest(table, CONF_SPELL_ENVIRONMENT, name, nearest, sizeof nearest);
    return fault_set(fault, STATUS_INVALID, "%.128s: unknown in the environment; the nearest known one is %s",
                     name, nearest);
}

enum status conf_load_environment(const struct conf_table *table, void *conf, char **environment,
                                  struct fault *fault)
{
    enum status status = STATUS_OK;

    for (; environment != NULL && *environment != NULL && status == STATUS_OK; environment++) {
        const char *equals = strchr(*environment, '=');
        char name[256];

        if (equals == NULL || strncmp(*environment, environment_prefix, strlen(environment_prefix)) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - *environment), *environment);
        status = set_variable(table, conf, name, equals + 1, fault);
    }
    return status;
}

enum status conf_set_flag(const struct conf_table *table, void *conf, const char *name, const char *value,
                          struct fault *fault)
{
    const struct conf_option *option;
    char flag[256];
    char nearest[CONF_NAME_MAX];

    snprintf(flag, sizeof flag, "--%s", name);
    option = conf_find(table, CONF_SPELL_FLAG, flag);
    if (option != NULL)
        return conf_option_from_text(option, conf, value, flag, fault);
    conf_nearest(table, CONF_SPELL_FLAG, flag, nearest, sizeof nearest);
    return fault_set(fault, STATUS_NOT_FOUND, "%s: unknown flag; the nearest known one is %s", flag, nearest);
}

/* `prefix` is "" or "auth.issuers[1].". */
static enum status check_path(const struct conf_option *option, const void *conf, const char *prefix,
                              struct fault *fault)
{
    const char *path = *(char *const *)conf_at_const(option, conf);
    const char *reason;
    enum status status = *path ? plain_file_check(path, &reason) : STATUS_OK;

    return status != STATUS_OK ? fault_set(fault, status, "%s%s: %.300s cannot be read: %s", prefix,
                                           option->key, path, reason)
                               : STATUS_OK;
}

static enum status check_record_paths(const struct conf_option *records, const void *conf,
                                      struct fault *fault)
{
    const struct conf_table *record = conf_record_table(records);
    const struct conf_records *all = conf_at_const(records, conf);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < all->count && status == STATUS_OK; i++)
        for (size_t j = 0; j < record->count && status == STATUS_OK; j++) {
            char prefix[2 * CONF_NAME_MAX];

            snprintf(prefix, sizeof prefix, "%s[%zu].", records->key, i);
            if (record->options[j].type == CONF_PATH)
                status = check_path(&record->options[j], conf_record_at(records, conf, i), prefix, fault);
        }
    return status;
}

enum status conf_check_paths(const struct conf_table *table, const void *conf, struct fault *fault)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < table->count && status == STATUS_OK; i++) {
        const struct conf_option *option = &table->options[i];

        if (option->type == CONF_PATH)
            status = check_path(option, conf, "", fault);
        else if (option->type == CONF_RECORDS)
            status = check_record_paths(option, conf, fault);
    }
    return status;
}

void conf_log_ignored(const struct conf_table *table, const void *conf)
{
    char keys[512];
    size_t used = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct conf_option *option = &table->options[i];

        if (option->type == CONF_IGNORED && *(const bool *)conf_at_const(option, conf) && used < sizeof keys)
            used += (size_t)snprintf(keys + used, sizeof keys - used, "%s%s", used ? "," : "", option->key);
    }
    if (used > 0)
        log_event(LOG_WARN, "configuration keys without effect", LOG_S("keys", keys));
}

void conf_fini(const struct conf_table *table, void *conf)
{
    for (size_t i = 0; i < table->count; i++)
        conf_option_free(&table->options[i], conf);
    memset(conf, 0, table->struct_size);
}
