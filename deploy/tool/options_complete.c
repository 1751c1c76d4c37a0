/* SPDX-License-Identifier: Apache-2.0 */
/* Completions of the tool's command line for bash and zsh, from its tables. Changes nothing. */
#include "deploy/tool/options.h"
#include "shared/conf/print_text.h"

enum { OPTION_FLAG_MAX = 40 };

static bool belongs(size_t row, int command)
{
    return option_rows[row].commands & 1U << command;
}

static void bash_values(FILE *out)
{
    fputs("    case $prev in\n", out);
    for (size_t i = 0; i < option_row_count; i++) {
        const struct option_row *row = &option_rows[i];
        char flag[OPTION_FLAG_MAX];

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
        fprintf(out, "%s ", command_rows[i].name);
    fputs("--help --version\" -- \"$cur\"))\n        return\n    fi\n", out);
    bash_values(out);
    fputs("    case ${COMP_WORDS[1]} in\n", out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "    %s) words=\"", command_rows[i].name);
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

void options_print_zsh(FILE *out)
{
    fputs("#compdef fanfare\n# zsh completion for fanfare; made by `fanfare --print-completion-zsh`\n"
          "if ((CURRENT == 2)); then\n  local -a commands=(\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "    '%s:", command_rows[i].name);
        print_zsh(command_rows[i].summary, out);
        fputs("'\n", out);
    }
    fputs("  )\n  _describe command commands\n  return\nfi\ncase $words[2] in\n", out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %s)\n    shift words; ((CURRENT--))\n    _arguments \\\n", command_rows[i].name);
        for (size_t row = 0; row < option_row_count; row++)
            if (belongs(row, i))
                zsh_option(&option_rows[row], out);
        fprintf(out, "      %s ;;\n", command_rows[i].operand[0] ? "'1:file:_files'" : "'*: :'");
    }
    fputs("esac\n", out);
}
