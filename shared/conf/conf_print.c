/* SPDX-License-Identifier: Apache-2.0 */
/* The option table for people: --help, the settings in force as JSON, and the rows of the
 * documentation. Start-up only, main thread. Changes nothing. */
#include <stdio.h>
#include <string.h>

#include "shared/conf/conf_internal.h"

enum { SECRET_MAX = 2048 };

static const char *type_name(enum conf_type type)
{
    switch (type) {
    case CONF_INT:
        return "INTEGER";
    case CONF_BOOL:
        return "BOOLEAN";
    case CONF_STRING:
    case CONF_SECRET:
        return "TEXT";
    case CONF_PATH:
        return "FILE";
    case CONF_ENUM:
        return "CHOICE";
    case CONF_LIST:
        return "TEXT,...";
    case CONF_ENDPOINTS:
        return "HOST:PORT,...";
    case CONF_RECORDS:
        return "JSON";
    case CONF_IGNORED:
        return "ANY";
    }
    return "";
}

static const char *default_text(const struct conf_option *option)
{
    return option->initial[0] ? option->initial : "empty";
}

/* The members of one record, below their option. */
static void help_record(const struct conf_table *record, FILE *out)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct conf_option *option = &record->options[i];
        char allowed[CONF_ALLOWED_MAX];

        conf_allowed(option, allowed);
        fprintf(out, "      %s: %s Default: %s. Allowed: %s.\n", option->key, option->help,
                default_text(option), allowed);
    }
}

static void help_option(const struct conf_option *option, FILE *out)
{
    char flag[CONF_NAME_MAX];
    char variable[CONF_NAME_MAX];
    char allowed[CONF_ALLOWED_MAX];

    if (option->type == CONF_IGNORED) {
        fprintf(out, "  %s\n", option->key);
        return;
    }
    conf_spell(option->key, CONF_SPELL_FLAG, flag, sizeof flag);
    conf_spell(option->key, CONF_SPELL_ENVIRONMENT, variable, sizeof variable);
    conf_allowed(option, allowed);
    fprintf(out, "  %s %s\n      %s%s\n", flag, type_name(option->type), option->help,
            conf_live_text(option));
    fprintf(out, "      Default: %s. Allowed: %s. In the file: %s. Environment: %s.\n", default_text(option),
            allowed, option->key, variable);
    if (option->type == CONF_RECORDS)
        help_record(conf_record_table(option), out);
}

void conf_print_help(const struct conf_table *table, FILE *out)
{
    fprintf(
        out,
        "Usage: %s [-config FILE] [FLAGS]\n%s\n\n"
        "  -config FILE       the configuration, a JSON object (--config, too)\n"
        "  --check            check configuration and key files, then exit: 0 when good, else 2\n"
        "  --print-config     print the settings in force as such a file, then exit\n"
        "  --version          print the version, then exit\n"
        "  --help             print this, then exit\n\n"
        "Every setting is read from the file, then the environment, then the flags: the last one\n"
        "counts. --ws-port 7777 and --ws-port=7777 mean the same, with one dash or two. A key with a\n"
        "dot stands in an object: log.level is {\"log\": {\"level\": \"info\"}} in the file.\n"
        "A list of objects is the same JSON text everywhere; what its objects have is named below it.\n"
        "SIGHUP reads them anew: settings marked \"Reloaded by SIGHUP\" change at once, the others with the\n"
        "next start.\n",
        table->program, table->summary);
    for (size_t i = 0; i < table->count; i++) {
        if (table->options[i].group != NULL)
            fprintf(out, "\n%s\n", table->options[i].group);
        help_option(&table->options[i], out);
    }
}

static cJSON *json_of_list(const struct conf_list *list)
{
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(list->items[i]));
    return array;
}

static cJSON *json_of_endpoints(const struct conf_endpoints *endpoints)
{
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; i < endpoints->count; i++) {
        cJSON *element = cJSON_CreateObject();

        cJSON_AddStringToObject(element, "hostname", endpoints->items[i].hostname);
        cJSON_AddNumberToObject(element, "port", endpoints->items[i].port);
        cJSON_AddItemToArray(array, element);
    }
    return array;
}

static cJSON *json_of_choice(const char *choices, int index)
{
    char text[CONF_SHOWN_MAX];
    size_t len;
    const char *choice = conf_choice(choices, index, &len);

    snprintf(text, sizeof text, "%.*s", (int)len, choice != NULL ? choice : "");
    return cJSON_CreateString(text);
}

/* "redis://user:***@host/0" for a URL with a password, also for one that is not well formed since the
 * password has a slash in it; "***" for what is no URL. */
static cJSON *json_of_secret(const char *text)
{
    char shown[SECRET_MAX];
    const char *mark = strstr(text, "://");
    const char *info = mark != NULL ? mark + 3 : text;
    const char *at = mark != NULL ? strrchr(info, '@') : NULL;
    const char *colon = at != NULL ? memchr(info, ':', (size_t)(at - info)) : NULL;

    if (mark == NULL)
        return cJSON_CreateString(text[0] ? "***" : "");
    if (colon == NULL)
        return cJSON_CreateString(text);
    snprintf(shown, sizeof shown, "%.*s:***%s", (int)(colon - text), text, at);
    return cJSON_CreateString(shown);
}

static cJSON *json_of(const struct conf_option *option, const void *conf);

static cJSON *json_of_records(const struct conf_option *option, const void *conf)
{
    const struct conf_table *record = conf_record_table(option);
    const struct conf_records *records = conf_at_const(option, conf);
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; i < records->count; i++) {
        cJSON *element = cJSON_CreateObject();

        for (size_t j = 0; j < record->count; j++)
            cJSON_AddItemToObject(element, record->options[j].key,
                                  json_of(&record->options[j], conf_record_at(option, conf, i)));
        cJSON_AddItemToArray(array, element);
    }
    return array;
}

static cJSON *json_of(const struct conf_option *option, const void *conf)
{
    const void *at = conf_at_const(option, conf);

    switch (option->type) {
    case CONF_INT:
        return cJSON_CreateNumber((double)*(const int64_t *)at);
    case CONF_BOOL:
        return cJSON_CreateBool(*(const bool *)at);
    case CONF_STRING:
    case CONF_PATH:
        return cJSON_CreateString(*(char *const *)at);
    case CONF_SECRET:
        return json_of_secret(*(char *const *)at);
    case CONF_ENUM:
        return json_of_choice(option->choices, *(const int *)at);
    case CONF_LIST:
        return json_of_list(at);
    case CONF_ENDPOINTS:
        return json_of_endpoints(at);
    case CONF_RECORDS:
        return json_of_records(option, conf);
    case CONF_IGNORED:
        return NULL;
    }
    return NULL;
}

/* The object that holds `key`: the tree, or for "rpc.ca" its member rpc, made when missing; and so on for
 * each dot. `last` is then the rest of the key. */
static cJSON *home_of(cJSON *tree, const char *key, const char **last)
{
    size_t len;

    for (len = strcspn(key, "."); key[len]; len = strcspn(key, ".")) {
        char group[CONF_NAME_MAX];
        cJSON *found;

        snprintf(group, sizeof group, "%.*s", (int)len, key);
        found = cJSON_GetObjectItemCaseSensitive(tree, group);
        tree = found != NULL ? found : cJSON_AddObjectToObject(tree, group);
        key += len + 1;
    }
    *last = key;
    return tree;
}

void conf_print_json(const struct conf_table *table, const void *conf, FILE *out)
{
    cJSON *tree = cJSON_CreateObject();
    char *text;

    for (size_t i = 0; i < table->count; i++) {
        const struct conf_option *option = &table->options[i];
        const char *name;
        cJSON *home;

        if (option->type == CONF_IGNORED)
            continue;
        home = home_of(tree, option->key, &name);
        cJSON_AddItemToObject(home, name, json_of(option, conf));
    }
    text = cJSON_Print(tree);
    if (text != NULL)
        fprintf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(tree);
}

/* `key` is how the option is called: of a record's member "auth.issuers[].iss". */
static void markdown_value(const struct conf_option *option, const char *key, FILE *out)
{
    char allowed[CONF_ALLOWED_MAX];

    conf_allowed(option, allowed);
    fprintf(out, option->initial[0] ? "| `%s` | `%s` | %s | %s%s |\n" : "| `%s` | empty%s | %s | %s%s |\n",
            key, option->initial, allowed, option->help, conf_live_text(option));
}

static void markdown_row(const struct conf_option *option, FILE *out)
{
    const struct conf_table *record = option->type == CONF_RECORDS ? conf_record_table(option) : NULL;

    if (option->type == CONF_IGNORED) {
        fprintf(out, "| `%s` | | anything | %s |\n", option->key, option->help);
        return;
    }
    markdown_value(option, option->key, out);
    for (size_t i = 0; record != NULL && i < record->count; i++) {
        char key[2 * CONF_NAME_MAX];

        snprintf(key, sizeof key, "%s[].%s", option->key, record->options[i].key);
        markdown_value(&record->options[i], key, out);
    }
}

void conf_print_markdown(const struct conf_table *table, FILE *out)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->options[i].group != NULL)
            fprintf(out, "%s### %s\n\n| key | default | allowed | meaning |\n| --- | --- | --- | --- |\n",
                    i > 0 ? "\n" : "", table->options[i].group);
        markdown_row(&table->options[i], out);
    }
}
