/* SPDX-License-Identifier: Apache-2.0 */
/* Completions of the tool's command line for bash and zsh, from its tables. Changes nothing. */
#include <string.h>

#include "deploy/tool/options.h"
#include "shared/conf/print_text.h"

enum { OPTION_FLAG_MAX = 40 };

static bool belongs(size_t row, int command)
{
    return option_rows[row].commands & 1U << command;
}

/* "show jwks ", the second words of the commands behind `command`. */
static void print_actions(enum command_id command, FILE *out)
{
    const char *action;
    int at = 0;

    while ((action = options_next_action(command, &at)) != NULL)
        fprintf(out, "%s ", action);
}

static bool has_actions(enum command_id command)
{
    int at = 0;

    return options_next_action(command, &at) != NULL;
}

static bool is_action(enum command_id command)
{
    return strchr(command_rows[command].name, ' ') != NULL;
}

/* Values are completed by the option's name alone, whichever command it belongs to. */
static bool is_named_before(size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(option_rows[i].name, option_rows[row].name) == 0)
            return true;
    return false;
}

static void bash_values(FILE *out)
{
    fputs("    case $prev in\n", out);
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        char flag[OPTION_FLAG_MAX];

        if (is_named_before(i))
            continue;
        snprintf(flag, sizeof flag, "--%s", row->name);
        if (row->kind == OPTION_FILE)
            print_bash_file(flag, out);
        else if (row->kind == OPTION_CHOICE)
            print_bash_words(flag, row->value, out);
    }
    fputs("    esac\n", out);
}

void options_print_bash(FILE *out)
{
    fputs("# bash completion for fanfare; made by `fanfare --print-completion-bash`\n"
          "_fanfare() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words\n"
          "    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W \"",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!is_action((enum command_id)i))
            fprintf(out, "%s ", command_rows[i].name);
    fputs("--help --version\" -- \"$cur\"))\n        return\n    fi\n", out);
    bash_values(out);
    fputs("    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]} \" in\n", out);
    for (int i = COMMAND_COUNT - 1; i >= 0; i--) {
        fprintf(out, "    \"%s \"*) words=\"", command_rows[i].name);
        print_actions((enum command_id)i, out);
        for (size_t row = 0; row < option_row_count; row++)
            if (belongs(row, i))
                fprintf(out, "--%s ", option_rows[row].name);
        fputs("\" ;;\n", out);
    }
    fputs("    esac\n    if [[ ${COMP_WORDS[1]} == check && $cur != -* ]]; then\n"
          "        COMPREPLY=($(compgen -f -- \"$cur\"))\n    else\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n    fi\n}\n"
          "complete -o filenames -F _fanfare fanfare\n",
          out);
}

static void zsh_option(const struct option_row *row, FILE *out)
{
    bool again = row->kind == OPTION_LIST || row->kind == OPTION_COMMAS;

    fprintf(out, "      '%s--%s%s[", again ? "*" : "", row->name, row->kind == OPTION_FLAG ? "" : "=");
    print_zsh(row->help, out);
    fputc(']', out);
    if (row->kind != OPTION_FLAG) {
        fputc(':', out);
        print_zsh(row->value, out);
        fputs(row->kind == OPTION_FILE ? ":_files" : row->kind == OPTION_CHOICE ? ":(" : ":", out);
        if (row->kind == OPTION_CHOICE) {
            print_words(row->value, out);
            fputc(')', out);
        }
    }
    fputs("' \\\n", out);
}

static void zsh_operand(enum command_id command, FILE *out)
{
    if (has_actions(command)) {
        fputs("      '1:action:(", out);
        print_actions(command, out);
        fputs(")' ;;\n", out);
    } else {
        fprintf(out, "      %s ;;\n",
                strcmp(command_rows[command].operand, "FILE") == 0 ? "'1:file:_files'" : "'*: :'");
    }
}

void options_print_zsh(FILE *out)
{
    fputs("#compdef fanfare\n# zsh completion for fanfare; made by `fanfare --print-completion-zsh`\n"
          "if ((CURRENT == 2)); then\n  local -a commands=(\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (is_action((enum command_id)i))
            continue;
        fprintf(out, "    '%s:", command_rows[i].name);
        print_zsh(command_rows[i].summary, out);
        fputs("'\n", out);
    }
    fputs("  )\n  _describe command commands\n  return\nfi\ncase \"$words[2] $words[3] \" in\n", out);
    for (int i = COMMAND_COUNT - 1; i >= 0; i--) {
        int shift = is_action((enum command_id)i) ? 2 : 1;

        fprintf(out, "  \"%s \"*)\n    shift %d words; ((CURRENT -= %d))\n    _arguments \\\n",
                command_rows[i].name, shift, shift);
        for (size_t row = 0; row < option_row_count; row++)
            if (belongs(row, i))
                zsh_option(&option_rows[row], out);
        zsh_operand((enum command_id)i, out);
    }
    fputs("esac\n", out);
}
