/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a command's options strictly: what is not in the table, given twice or out of range is
 * refused by name. One thread; opens nothing. */
#include "deploy/tool/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf/conf_internal.h"

enum { OPTION_NAME_MAX = 32, ROWS_MAX = 64 };

/* A walk over argv. */
struct reading {
    enum command_id command;
    char **next;
    struct options *out;
    bool given[ROWS_MAX];
    struct fault *fault;
};

static void *field(struct options *options, const struct option_row *row)
{
    return (char *)options + row->offset;
}

static enum status words_add(struct words *words, const char *text, size_t len)
{
    char **items = realloc(words->items, (words->count + 1) * sizeof *items);

    if (items == NULL)
        return STATUS_NO_MEMORY;
    words->items = items;
    items[words->count] = strndup(text, len);
    if (items[words->count] == NULL)
        return STATUS_NO_MEMORY;
    words->count++;
    return STATUS_OK;
}

static enum status words_add_commas(struct words *words, const char *text)
{
    enum status status = STATUS_OK;

    for (;;) {
        size_t len = strcspn(text, ",");

        status = words_add(words, text, len);
        if (status != STATUS_OK || !text[len])
            return status;
        text += len + 1;
    }
}

static enum status read_number(const struct option_row *row, const char *text, int64_t *out)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno || *end || strspn(text, "0123456789") != strlen(text) || !text[0] || number < row->min ||
        number > row->max)
        return STATUS_INVALID;
    *out = number;
    return STATUS_OK;
}

static bool choice_has(const struct option_row *row, const char *text)
{
    size_t len;
    const char *choice;

    for (int i = 0; (choice = conf_choice(row->value, i, &len)) != NULL; i++)
        if (strlen(text) == len && memcmp(choice, text, len) == 0)
            return true;
    return false;
}

static enum status store(const struct option_row *row, struct options *out, const char *text)
{
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field(out, row) = true;
        return STATUS_OK;
    case OPTION_CHOICE:
        if (!choice_has(row, text))
            return STATUS_INVALID;
        *(const char **)field(out, row) = text;
        return STATUS_OK;
    case OPTION_TEXT:
    case OPTION_FILE:
        *(const char **)field(out, row) = text;
        return STATUS_OK;
    case OPTION_LIST:
        return words_add(field(out, row), text, strlen(text));
    case OPTION_COMMAS:
        return words_add_commas(field(out, row), text);
    case OPTION_NUMBER:
        return read_number(row, text, field(out, row));
    }
    return STATUS_INVALID;
}

static const struct option_row *find(enum command_id command, const char *name)
{
    for (size_t i = 0; i < option_row_count; i++)
        if ((option_rows[i].commands & 1U << command) && strcmp(option_rows[i].name, name) == 0)
            return &option_rows[i];
    return NULL;
}

bool options_find_command(char **argv, enum command_id *out, int *words)
{
    *words = 0;
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const char *name = command_rows[i].name;
        size_t len = strcspn(name, " ");
        int count = name[len] != 0 ? 2 : 1;

        if (strlen(argv[0]) == len && strncmp(argv[0], name, len) == 0 && count > *words &&
            (count == 1 || (argv[1] != NULL && strcmp(argv[1], name + len + 1) == 0))) {
            *out = (enum command_id)i;
            *words = count;
        }
    }
    return *words > 0;
}

const char *options_next_action(enum command_id command, int *at)
{
    const char *name = command_rows[command].name;
    size_t len = strlen(name);

    while (*at < COMMAND_COUNT) {
        const char *other = command_rows[(*at)++].name;

        if (strncmp(other, name, len) == 0 && other[len] == ' ')
            return other + len + 1;
    }
    return NULL;
}

static enum status refuse_unknown(const struct reading *reading, const char *name)
{
    char nearest[OPTION_NAME_MAX] = "";
    size_t best = SIZE_MAX;

    conf_keep_nearer(name, "help", &best, nearest, sizeof nearest);
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & 1U << reading->command)
            conf_keep_nearer(name, option_rows[i].name, &best, nearest, sizeof nearest);
    return fault_set(reading->fault, STATUS_INVALID,
                     "--%s: unknown option; the nearest known one is --%s (see fanfare %s --help)", name,
                     nearest, command_rows[reading->command].name);
}

static enum status refuse_value(const struct reading *reading, const struct option_row *row, const char *text,
                                enum status status)
{
    if (status == STATUS_NO_MEMORY)
        return fault_set(reading->fault, status, "%s", status_text(status));
    if (row->kind == OPTION_NUMBER)
        return fault_set(reading->fault, status, "--%s: \"%.80s\" is not allowed: %" PRId64 " to %" PRId64,
                         row->name, text, row->min, row->max);
    return fault_set(reading->fault, status, "--%s: \"%.80s\" is not allowed: %s", row->name, text,
                     row->value);
}

static enum status take_option(struct reading *reading, const char *word)
{
    char name[OPTION_NAME_MAX];
    size_t len = strcspn(word, "=");
    const char *text = word[len] ? word + len + 1 : NULL;
    const struct option_row *row;
    enum status status;

    snprintf(name, sizeof name, "%.*s", (int)len, word);
    row = find(reading->command, name);
    if (row == NULL || len >= sizeof name)
        return refuse_unknown(reading, name);
    if (row->kind == OPTION_FLAG && text != NULL)
        return fault_set(reading->fault, STATUS_INVALID, "--%s takes no value", name);
    if (row->kind != OPTION_FLAG && text == NULL && (text = *reading->next) == NULL)
        return fault_set(reading->fault, STATUS_INVALID, "--%s: a value is missing: %s", name, row->value);
    if (row->kind != OPTION_FLAG && text == *reading->next)
        reading->next++;
    if (reading->given[row - option_rows] && row->kind != OPTION_LIST && row->kind != OPTION_COMMAS)
        return fault_set(reading->fault, STATUS_INVALID, "--%s is given twice", name);
    reading->given[row - option_rows] = true;
    status = store(row, reading->out, text);
    return status != STATUS_OK ? refuse_value(reading, row, text, status) : STATUS_OK;
}

static enum status take_operand(struct reading *reading, const char *word)
{
    if (!command_rows[reading->command].operand[0] || reading->out->file != NULL)
        return fault_set(reading->fault, STATUS_INVALID,
                         "\"%.80s\" is not expected here (see fanfare %s --help)", word,
                         command_rows[reading->command].name);
    reading->out->file = word;
    return STATUS_OK;
}

static enum status fill_defaults(struct reading *reading)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < option_row_count && status == STATUS_OK; i++) {
        const struct option_row *row = &option_rows[i];

        if ((row->commands & 1U << reading->command) && !reading->given[i] && row->initial[0])
            status = store(row, reading->out, row->initial);
    }
    return status != STATUS_OK ? fault_set(reading->fault, status, "%s", status_text(status)) : STATUS_OK;
}

/* A key is one file; and with --room a token is a room token, which grants nothing else. */
static enum status require_token(const struct reading *reading)
{
    const struct options *out = reading->out;

    if ((out->secret_file == NULL) == (out->key_file == NULL))
        return fault_set(reading->fault, STATUS_INVALID, "either --secret-file or --key-file is needed");
    if (out->sub == NULL)
        return fault_set(reading->fault, STATUS_INVALID, "--sub is needed: the user");
    if (out->pattern != NULL && (out->rooms.count > 0 || out->joins.count > 0 || out->info != NULL))
        return fault_set(reading->fault, STATUS_INVALID,
                         "--room makes a token for one room; --rooms, --join and --info have no place in it");
    return STATUS_OK;
}

static enum status require(const struct reading *reading)
{
    const struct options *out = reading->out;

    switch (reading->command) {
    case COMMAND_PUSH:
        if (out->all + (out->rooms.count > 0) + (out->users.count > 0) != 1)
            return fault_set(reading->fault, STATUS_INVALID,
                             "either --room, --rooms, --user or --all is needed");
        if (out->items == NULL)
            return fault_set(reading->fault, STATUS_INVALID, "--items is needed: a JSON array, @FILE, or -");
        return STATUS_OK;
    case COMMAND_KICK:
        return (out->rooms.count > 0) + (out->users.count > 0) + (out->connection != NULL) == 1
                   ? STATUS_OK
                   : fault_set(reading->fault, STATUS_INVALID,
                               "either --user, --room or --connection is needed");
    case COMMAND_TAIL:
        return out->rooms.count > 0 || out->tokens != NULL
                   ? STATUS_OK
                   : fault_set(reading->fault, STATUS_INVALID,
                               "--room is needed, or --tokens with a user's token");
    case COMMAND_WHY:
        return out->rooms.count == 1 ? STATUS_OK
                                     : fault_set(reading->fault, STATUS_INVALID, "one --room is needed");
    case COMMAND_ROOM:
        return out->file != NULL ? STATUS_OK : fault_set(reading->fault, STATUS_INVALID, "a ROOM is needed");
    case COMMAND_USER:
        return out->file != NULL ? STATUS_OK : fault_set(reading->fault, STATUS_INVALID, "a USER is needed");
    case COMMAND_CHECK:
        return out->file != NULL ? STATUS_OK : fault_set(reading->fault, STATUS_INVALID, "a FILE is needed");
    case COMMAND_TOKEN:
        return require_token(reading);
    case COMMAND_TOKEN_SHOW:
        return out->secret_file == NULL || out->jwks == NULL
                   ? STATUS_OK
                   : fault_set(reading->fault, STATUS_INVALID, "--jwks or --secret-file, not both");
    case COMMAND_TOKEN_JWKS:
        return out->key_file != NULL ? STATUS_OK
                                     : fault_set(reading->fault, STATUS_INVALID, "--key-file is needed");
    case COMMAND_TOP:
    case COMMAND_CLUSTER:
    case COMMAND_COUNT:
        return STATUS_OK;
    }
    return STATUS_OK;
}

enum status options_parse(enum command_id command, char **argv, struct options *out, struct fault *fault)
{
    struct reading reading = {.command = command, .next = argv, .out = out, .fault = fault};
    enum status status = STATUS_OK;
    bool operands = false;

    *out = (struct options){0};
    while (*reading.next != NULL && status == STATUS_OK) {
        char *word = *reading.next++;

        if (operands || word[0] != '-' || !word[1])
            status = take_operand(&reading, word);
        else if (strcmp(word, "--") == 0)
            operands = true;
        else if (strcmp(word, "-h") == 0)
            out->help = true;
        else if (word[1] == '-')
            status = take_option(&reading, word + 2);
        else
            status = fault_set(fault, STATUS_INVALID, "%.80s: options begin with two dashes", word);
    }
    if (status == STATUS_OK)
        status = fill_defaults(&reading);
    return status != STATUS_OK || out->help ? status : require(&reading);
}

static void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    *words = (struct words){0};
}

void options_fini(struct options *options)
{
    words_free(&options->rooms);
    words_free(&options->users);
    words_free(&options->gateways);
    words_free(&options->logics);
    words_free(&options->admins);
    words_free(&options->headers);
    words_free(&options->joins);
    words_free(&options->auds);
}
