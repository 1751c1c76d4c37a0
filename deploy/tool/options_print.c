/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the command line for people: --help and fanfare(1). Changes nothing. */
#include <string.h>

#include "deploy/tool/options.h"
#include "shared/conf/print_text.h"

static void print_option(const struct option_row *row, FILE *out)
{
    fprintf(out, "  --%s%s%s\n      %s", row->name, row->value[0] ? " " : "", row->value, row->help);
    if (row->initial[0])
        fprintf(out, " Default: %s.", row->initial);
    fputc('\n', out);
}

static void print_synopsis(enum command_id command, FILE *out)
{
    const struct command_row *row = &command_rows[command];

    fprintf(out, "fanfare %s [OPTIONS]%s%s", row->name, row->operand[0] ? " " : "", row->operand);
}

/* Folds at 90 columns. */
static void print_folded(const char *text, FILE *out)
{
    size_t column = 0;

    while (*text) {
        size_t len = strcspn(text, " ");

        if (column > 0 && column + len + 1 > 90) {
            fputc('\n', out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column ? " " : "", (int)len, text);
        column += len + 1;
        text += len + (text[len] == ' ');
    }
    fputc('\n', out);
}

void options_print_usage(FILE *out)
{
    fputs("Usage: fanfare COMMAND [OPTIONS]\nLooks at a Fanfare push cluster, pushes to it, and makes tokens "
          "for its clients.\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-10s %s\n", command_rows[i].name, command_rows[i].summary);
    fputs("\nfanfare COMMAND --help says more; fanfare --version prints the version.\n"
          "Exit status: 0 done, 1 refused or something wrong was found, 2 wrong usage, 3 not reachable.\n"
          "Colours only on a terminal, and not with NO_COLOR in the environment.\n",
          out);
}

void options_print_help(enum command_id command, FILE *out)
{
    fputs("Usage: ", out);
    print_synopsis(command, out);
    fprintf(out, "\n%s\n\n", command_rows[command].summary);
    print_folded(command_rows[command].more, out);
    fputc('\n', out);
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & 1U << command)
            print_option(&option_rows[i], out);
}

static void man_option(const struct option_row *row, FILE *out)
{
    fputs(".TP\n\\fB\\-\\-", out);
    print_roff(row->name, out);
    fputs("\\fR", out);
    if (row->value[0]) {
        fputc(' ', out);
        print_roff_italic(row->value, out);
    }
    fputc('\n', out);
    print_roff(row->help, out);
    if (row->initial[0]) {
        fputs(" Default: ", out);
        print_roff(row->initial, out);
        fputc('.', out);
    }
    fputc('\n', out);
}

static void man_command(enum command_id command, FILE *out)
{
    fputs(".SS \"", out);
    print_synopsis(command, out);
    fputs("\"\n", out);
    print_roff(command_rows[command].summary, out);
    fputs("\n.PP\n", out);
    print_roff(command_rows[command].more, out);
    fputc('\n', out);
    for (size_t i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & 1U << command)
            man_option(&option_rows[i], out);
}

void options_print_man(FILE *out)
{
    fputs(".TH FANFARE 1 \"\" \"Fanfare " FANFARE_VERSION "\" \"User Commands\"\n"
          ".SH NAME\nfanfare \\- look at a Fanfare push cluster, and push to it\n"
          ".SH SYNOPSIS\n\\fBfanfare\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
          ".SH DESCRIPTION\n"
          "The tool for people who run or use a Fanfare cluster. It talks to\n"
          "fanfare\\-logic(8) over HTTP and to fanfare\\-gateway(8) as a WebSocket client does.\n"
          ".SH COMMANDS\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++)
        man_command((enum command_id)i, out);
    fputs(".SH EXIT STATUS\n"
          ".TP\n0\nDone: the push was taken, nothing wrong was found.\n"
          ".TP\n1\nRefused, with the server's message; or something wrong was found.\n"
          ".TP\n2\nWrong usage.\n"
          ".TP\n3\nNot reachable, or no answer in time.\n"
          ".PP\n\\fBfanfare check\\fR exits with the daemon's own status.\n"
          ".SH ENVIRONMENT\n.TP\nNO_COLOR\nWhen set and not empty, nothing is coloured.\n"
          ".SH SEE ALSO\nfanfare\\-gateway(8), fanfare\\-logic(8), fanfare.conf(5)\n",
          out);
}
