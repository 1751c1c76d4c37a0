/* SPDX-License-Identifier: Apache-2.0 */
/* The option table as completions for bash and zsh. Start-up only, main thread. Changes nothing. */
#include "shared/conf/conf_internal.h"
#include "shared/conf/conf_print.h"
#include "shared/conf/print_text.h"

static const struct {
    const char *name;
    bool file;
    const char *help;
} own_flags[] = {
    {"--config", true, "the configuration, a JSON object"},
    {"--check", false, "check configuration and key files, then exit"},
    {"--print-config", false, "print the settings in force, then exit"},
    {"--version", false, "print the version, then exit"},
    {"--help", false, "print all settings, then exit"},
};

static const char *const truths = "true|false";

enum { OWN_FLAGS = sizeof own_flags / sizeof own_flags[0] };

/* fanfare-gateway as a name of the shell: _fanfare_gateway. */
static void print_function(const struct conf_table *table, FILE *out)
{
    fputc('_', out);
    for (const char *at = table->program; *at; at++)
        fputc(*at == '-' ? '_' : *at, out);
}

static void bash_value(const struct conf_option *option, FILE *out)
{
    char flag[CONF_NAME_MAX];

    conf_spell(option->key, CONF_SPELL_FLAG, flag, sizeof flag);
    if (option->type == CONF_PATH)
        print_bash_file(flag, out);
    else if (option->type == CONF_ENUM || option->type == CONF_BOOL)
        print_bash_words(flag, option->type == CONF_BOOL ? truths : option->choices, out);
}

void conf_print_bash(const struct conf_table *table, FILE *out)
{
    fprintf(out, "# bash completion for %s; made by `%s --print-completion-bash`\n", table->program,
            table->program);
    print_function(table, out);
    fputs("() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    COMPREPLY=()\n    case $prev in\n"
          "    -config | --config) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n",
          out);
    for (size_t i = 0; i < table->count; i++)
        bash_value(&table->options[i], out);
    fputs("    esac\n    COMPREPLY=($(compgen -W \"", out);
    for (size_t i = 0; i < OWN_FLAGS; i++)
        fprintf(out, "%s ", own_flags[i].name);
    for (size_t i = 0; i < table->count; i++) {
        char flag[CONF_NAME_MAX];

        conf_spell(table->options[i].key, CONF_SPELL_FLAG, flag, sizeof flag);
        if (table->options[i].type != CONF_IGNORED)
            fprintf(out, "%s ", flag);
    }
    fputs("\" -- \"$cur\"))\n}\ncomplete -o filenames -F ", out);
    print_function(table, out);
    fprintf(out, " %s\n", table->program);
}

static void zsh_option(const struct conf_option *option, FILE *out)
{
    char flag[CONF_NAME_MAX];

    conf_spell(option->key, CONF_SPELL_FLAG, flag, sizeof flag);
    fprintf(out, "  '%s=[", flag);
    print_zsh(option->help, out);
    fputs("]:value:", out);
    if (option->type == CONF_PATH)
        fputs("_files", out);
    if (option->type == CONF_ENUM || option->type == CONF_BOOL) {
        fputc('(', out);
        print_words(option->type == CONF_BOOL ? truths : option->choices, out);
        fputc(')', out);
    }
    fputs("' \\\n", out);
}

void conf_print_zsh(const struct conf_table *table, FILE *out)
{
    fprintf(out, "#compdef %s\n# zsh completion for %s; made by `%s --print-completion-zsh`\n_arguments \\\n",
            table->program, table->program, table->program);
    for (size_t i = 0; i < OWN_FLAGS; i++) {
        fprintf(out, "  '%s%s[", own_flags[i].name, own_flags[i].file ? "=" : "");
        print_zsh(own_flags[i].help, out);
        fputs(own_flags[i].file ? "]:file:_files' \\\n" : "]' \\\n", out);
    }
    for (size_t i = 0; i < table->count; i++)
        if (table->options[i].type != CONF_IGNORED)
            zsh_option(&table->options[i], out);
    fputs("  '-config[the same as --config]:file:_files'\n", out);
}
