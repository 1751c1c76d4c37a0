/* SPDX-License-Identifier: Apache-2.0 */
/* Text for manual pages and completions. */
#include "shared/conf/print_text.h"

#include <stdbool.h>
#include <string.h>

void print_roff(const char *text, FILE *out)
{
    bool bold = false;

    if (text[0] == '.' || text[0] == '\'')
        fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '`')
            fputs((bold = !bold) ? "\\fB" : "\\fR", out);
        else
            fputc(*text, out);
    }
}

void print_roff_bold(const char *text, FILE *out)
{
    fputs("\\fB", out);
    print_roff(text, out);
    fputs("\\fR", out);
}

void print_roff_italic(const char *text, FILE *out)
{
    fputs("\\fI", out);
    print_roff(text, out);
    fputs("\\fR", out);
}

void print_words(const char *choices, FILE *out)
{
    for (; *choices; choices++)
        fputc(*choices == '|' ? ' ' : *choices, out);
}

void print_bash_file(const char *flag, FILE *out)
{
    fprintf(out, "    %s) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", flag);
}

void print_bash_words(const char *flag, const char *choices, FILE *out)
{
    fprintf(out, "    %s) COMPREPLY=($(compgen -W \"", flag);
    print_words(choices, out);
    fputs("\" -- \"$cur\")); return ;;\n", out);
}

void print_zsh(const char *text, FILE *out)
{
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else if (strchr("[]:\\", *text) != NULL)
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
}
