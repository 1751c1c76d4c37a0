/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of both daemons: finds the file, applies file, environment and flags in that
 * order, and answers --help and its like. Main thread, before anything else runs, and once more for
 * each reload. Never logs: what it has to say is for the person at the terminal. */
#include "shared/conf/daemon.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/edit_distance.h"
#include "shared/base/plain_file.h"
#include "shared/conf/conf_internal.h"
#include "shared/conf/conf_print.h"
#include "shared/log/log.h"

enum { NAME_MAX_BYTES = 128 };

/* What was asked for, beside options. */
struct command {
    const char *config; /* NULL: no file */
    bool check;
    bool print_config;
    bool print_markdown;
    bool print_man;
    bool print_man_options;
    bool print_bash;
    bool print_zsh;
    bool version;
    bool help;
};

/* The daemon's own flags, each a bool in struct command, but for config. */
static const struct {
    const char *name;
    size_t offset;
    bool hidden;
} switches[] = {
    {"check", offsetof(struct command, check), false},
    {"print-config", offsetof(struct command, print_config), false},
    {"print-markdown", offsetof(struct command, print_markdown), true},
    {"print-man", offsetof(struct command, print_man), true},
    {"print-man-options", offsetof(struct command, print_man_options), true},
    {"print-completion-bash", offsetof(struct command, print_bash), true},
    {"print-completion-zsh", offsetof(struct command, print_zsh), true},
    {"version", offsetof(struct command, version), false},
    {"help", offsetof(struct command, help), false},
    {"h", offsetof(struct command, help), true},
};

static const char config_flag[] = "config";

/* A walk over argv: one flag at a time. */
struct flags {
    const struct conf_table *table;
    char **next;
    struct fault *fault;
    char name[NAME_MAX_BYTES]; /* without dashes */
    const char *value;         /* behind '=', or NULL */
};

static enum status next_flag(struct flags *flags)
{
    const char *argument = *flags->next++;
    const char *name = argument + (argument[0] == '-') + (argument[0] == '-' && argument[1] == '-');
    size_t len = strcspn(name, "=");

    if (name == argument || len == 0 || len >= sizeof flags->name)
        return fault_set(flags->fault, STATUS_INVALID, "%.200s: not a flag; see --help", argument);
    memcpy(flags->name, name, len);
    flags->name[len] = '\0';
    flags->value = name[len] ? name + len + 1 : NULL;
    return STATUS_OK;
}

static enum status take_value(struct flags *flags, const char *wanted)
{
    if (flags->value == NULL && *flags->next != NULL)
        flags->value = *flags->next++;
    if (flags->value == NULL)
        return fault_set(flags->fault, STATUS_INVALID, "--%s: a value is missing: %s", flags->name, wanted);
    return STATUS_OK;
}

static bool is_truth(const char *text)
{
    static const char *const words[] = {"true", "false", "1", "0", "yes", "no", "on", "off"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* A boolean flag may stand alone, as in Go: --page-enabled means true. */
static enum status take_option_value(struct flags *flags, const struct conf_option *option)
{
    char allowed[CONF_ALLOWED_MAX];

    if (option->type == CONF_BOOL && flags->value == NULL &&
        (*flags->next == NULL || !is_truth(*flags->next)))
        flags->value = "true";
    conf_allowed(option, allowed);
    return take_value(flags, allowed);
}

/* The known flag that is nearest, the daemon's own ones included. */
static enum status refuse_unknown(const struct flags *flags)
{
    char whole[NAME_MAX_BYTES + 2];
    char nearest[CONF_NAME_MAX];
    size_t best;

    snprintf(whole, sizeof whole, "--%s", flags->name);
    conf_nearest(flags->table, CONF_SPELL_FLAG, whole, nearest, sizeof nearest);
    best = edit_distance(whole, nearest);
    if (edit_distance(flags->name, config_flag) < best) {
        best = edit_distance(flags->name, config_flag);
        snprintf(nearest, sizeof nearest, "--%s", config_flag);
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (!switches[i].hidden && edit_distance(flags->name, switches[i].name) < best) {
            best = edit_distance(flags->name, switches[i].name);
            snprintf(nearest, sizeof nearest, "--%s", switches[i].name);
        }
    return fault_set(flags->fault, STATUS_INVALID, "%s: unknown flag; the nearest known one is %s", whole,
                     nearest);
}

/* NOT_FOUND: not one of the daemon's own flags. */
static enum status take_own(struct flags *flags, struct command *command)
{
    if (strcmp(flags->name, config_flag) == 0) {
        enum status status = take_value(flags, "a file");

        command->config = flags->value;
        return status;
    }
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        if (strcmp(flags->name, switches[i].name) == 0) {
            if (flags->value != NULL)
                return fault_set(flags->fault, STATUS_INVALID, "--%s takes no value", flags->name);
            *(bool *)((char *)command + switches[i].offset) = true;
            return STATUS_OK;
        }
    return STATUS_NOT_FOUND;
}

/* With `conf` NULL the flags are only looked at: which file to read is known after the last. */
static enum status walk_flags(const struct conf_table *table, void *conf, char **arguments,
                              struct command *command, struct fault *fault)
{
    struct flags flags = {.table = table, .next = arguments, .fault = fault};
    enum status status = STATUS_OK;

    while (*flags.next != NULL && status == STATUS_OK) {
        char spelt[NAME_MAX_BYTES + 2];
        const struct conf_option *option;

        status = next_flag(&flags);
        if (status != STATUS_OK)
            break;
        status = take_own(&flags, command);
        if (status != STATUS_NOT_FOUND)
            continue;
        snprintf(spelt, sizeof spelt, "--%s", flags.name);
        option = conf_find(table, CONF_SPELL_FLAG, spelt);
        status = option != NULL ? take_option_value(&flags, option) : refuse_unknown(&flags);
        if (status == STATUS_OK && conf != NULL)
            status = conf_set_flag(table, conf, flags.name, flags.value, fault);
    }
    return status;
}

static enum status load(const struct conf_table *table, void *conf, char **arguments, struct command *command,
                        struct fault *fault)
{
    enum status status = conf_defaults(table, conf);

    if (status != STATUS_OK)
        return fault_set(fault, status, "defaults: %s", status_text(status));
    if (command->config != NULL)
        status = conf_load_file(table, conf, command->config, fault);
    if (status == STATUS_OK)
        status = conf_load_environment(table, conf, environ, fault);
    if (status == STATUS_OK)
        status = walk_flags(table, conf, arguments, command, fault);
    return status;
}

static bool answer(const struct conf_table *table, const struct command *command)
{
    if (command->help)
        conf_print_help(table, stdout);
    else if (command->version)
        printf("%s %s\n", table->program, FANFARE_VERSION);
    else if (command->print_markdown)
        conf_print_markdown(table, stdout);
    else if (command->print_man)
        conf_print_man(table, stdout);
    else if (command->print_man_options)
        conf_print_man_options(table, stdout);
    else if (command->print_bash)
        conf_print_bash(table, stdout);
    else if (command->print_zsh)
        conf_print_zsh(table, stdout);
    else
        return false;
    return true;
}

int daemon_exit_code(enum status status)
{
    bool written = status == STATUS_INVALID || status == STATUS_TOO_LARGE || status == STATUS_FULL;

    return written ? EXIT_CONFIG : EXIT_FAULT;
}

static int complain(const struct conf_table *table, const struct fault *fault)
{
    log_text("%s: %s", table->program, fault->text);
    return EXIT_CONFIG;
}

/* The answer to a question must not be lost in a full disk or a closed pipe. */
static int answered(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : EXIT_FAULT;
}

/* What came from a pipe at the start (`-config <(...)`) cannot be read twice, and would be waited for. */
static enum status check_file(const struct command *command, struct fault *fault)
{
    const char *reason;
    enum status status = command->config != NULL ? plain_file_check(command->config, &reason) : STATUS_OK;

    return status != STATUS_OK
               ? fault_set(fault, status, "%.300s: cannot be read anew: %s", command->config, reason)
               : STATUS_OK;
}

enum status daemon_reread(const struct conf_table *table, void *conf, daemon_check *check, int argc,
                          char **argv, struct fault *fault)
{
    struct command command = {0};
    char **arguments = argv + (argc > 0);
    enum status status = walk_flags(table, NULL, arguments, &command, fault);

    if (status == STATUS_OK)
        status = check_file(&command, fault);
    if (status == STATUS_OK)
        status = load(table, conf, arguments, &command, fault);
    if (status == STATUS_OK)
        status = conf_check_paths(table, conf, fault);
    return status != STATUS_OK ? status : check(conf, fault);
}

int daemon_configure(const struct conf_table *table, void *conf, daemon_check *check, int argc, char **argv)
{
    struct command command = {0};
    struct fault fault = {""};
    char **arguments = argv + (argc > 0);
    enum status status;

    if (walk_flags(table, NULL, arguments, &command, &fault) != STATUS_OK)
        return complain(table, &fault);
    if (answer(table, &command))
        return answered();
    status = load(table, conf, arguments, &command, &fault);
    if (status == STATUS_OK && command.print_config && !command.check) {
        conf_print_json(table, conf, stdout);
        return answered();
    }
    if (status == STATUS_OK)
        status = conf_check_paths(table, conf, &fault);
    if (status == STATUS_OK)
        status = check(conf, &fault);
    if (status != STATUS_OK) {
        int code = complain(table, &fault);

        return command.check ? code : daemon_exit_code(status);
    }
    if (command.print_config)
        conf_print_json(table, conf, stdout);
    else if (command.check)
        printf("%s: ok\n", command.config != NULL ? command.config : "settings");
    return command.check ? answered() : -1;
}
