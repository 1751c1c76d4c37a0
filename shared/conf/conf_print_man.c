/* SPDX-License-Identifier: Apache-2.0 */
/* The option table in roff (man(7)). Start-up only, main thread. Changes nothing. */
#include "shared/conf/conf_internal.h"
#include "shared/conf/conf_print.h"
#include "shared/conf/print_text.h"

/* What the objects of a list have, below their option. */
static void print_record(const struct conf_option *records, FILE *out)
{
    const struct conf_table *record = conf_record_table(records);

    for (size_t i = 0; i < record->count; i++) {
        const struct conf_option *option = &record->options[i];
        char allowed[CONF_ALLOWED_MAX];
        char key[2 * CONF_NAME_MAX];

        conf_allowed(option, allowed);
        (void)snprintf(key, sizeof key, "%s[].%s", records->key, option->key);
        fputs(".TP\n", out);
        print_roff_bold(key, out);
        fputc('\n', out);
        print_roff(option->help, out);
        fputs("\n.br\nDefault: ", out);
        print_roff(option->initial[0] ? option->initial : "empty", out);
        fputs(". Allowed: ", out);
        print_roff(allowed, out);
        fputs(".\n", out);
    }
}

static void print_option(const struct conf_option *option, FILE *out)
{
    char flag[CONF_NAME_MAX];
    char variable[CONF_NAME_MAX];
    char allowed[CONF_ALLOWED_MAX];

    fputs(".TP\n", out);
    print_roff_bold(option->key, out);
    fputc('\n', out);
    print_roff(option->help, out);
    print_roff(conf_live_text(option), out);
    if (option->type == CONF_IGNORED) {
        fputc('\n', out);
        return;
    }
    conf_spell(option->key, CONF_SPELL_FLAG, flag, sizeof flag);
    conf_spell(option->key, CONF_SPELL_ENVIRONMENT, variable, sizeof variable);
    conf_allowed(option, allowed);
    fputs("\n.br\nDefault: ", out);
    print_roff(option->initial[0] ? option->initial : "empty", out);
    fputs(". Allowed: ", out);
    print_roff(allowed, out);
    fputs(". Flag: ", out);
    print_roff_bold(flag, out);
    fprintf(out, ". Environment: %s.\n", variable);
    if (option->type == CONF_RECORDS)
        print_record(option, out);
}

void conf_print_man_options(const struct conf_table *table, FILE *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct conf_option *option = &table->options[i];

        if (option->group != NULL) {
            fputs(".SS \"", out);
            print_roff(table->program, out);
            fputs(": ", out);
            print_roff(option->group, out);
            fputs("\"\n", out);
        }
        print_option(option, out);
    }
}

static void print_name(const struct conf_table *table, FILE *out)
{
    fputs(".TH \"", out);
    print_roff(table->program, out);
    fputs("\" 8 \"\" \"Fanfare " FANFARE_VERSION "\" \"System Administration\"\n.SH NAME\n", out);
    print_roff(table->program, out);
    fputs(" \\- ", out);
    print_roff(table->summary, out);
    fputs("\n.SH SYNOPSIS\n", out);
    print_roff_bold(table->program, out);
    fputs(" [\\fB\\-config\\fR \\fIFILE\\fR] [\\fIFLAGS\\fR]\n", out);
}

static const char own_flags[] =
    ".SH DESCRIPTION\n"
    "A daemon of the push cluster Fanfare. It stays in the foreground and logs to the standard error.\n"
    "Every setting is read from the file, then the environment, then the flags: the last one counts.\n"
    "One dash or two before a flag mean the same.\n"
    ".SH FLAGS\n"
    ".TP\n\\fB\\-config\\fR \\fIFILE\\fR\nThe configuration, see fanfare.conf(5).\n"
    ".TP\n\\fB\\-\\-check\\fR\nCheck configuration and key files, then exit: 0 when good, else 2.\n"
    ".TP\n\\fB\\-\\-print\\-config\\fR\nPrint the settings in force as such a file, then exit.\n"
    ".TP\n\\fB\\-\\-version\\fR\nPrint the version, then exit.\n"
    ".TP\n\\fB\\-\\-help\\fR\nPrint all settings with their flags, then exit.\n"
    ".PP\nEvery setting of fanfare.conf(5) is a flag, too:\n";

static const char ending[] =
    ".SH SIGNALS\n"
    ".TP\nSIGTERM, SIGINT\nDrain and exit; a second one exits at once.\n"
    ".TP\nSIGHUP\nRead file, environment and flags anew. Settings that are marked as reloaded by SIGHUP "
    "change\n"
    "at once, certificates are read again; the log names what needs a restart. On a fault nothing changes.\n"
    ".SH EXIT STATUS\n"
    ".TP\n0\nEnded as asked.\n"
    ".TP\n1\nA fault while it ran.\n"
    ".TP\n2\nThe configuration is wrong; the reason is on the standard error.\n"
    ".SH SEE ALSO\nfanfare(1), fanfare\\-gateway(8), fanfare\\-logic(8), fanfare.conf(5)\n";

void conf_print_man(const struct conf_table *table, FILE *out)
{
    print_name(table, out);
    fputs(own_flags, out);
    for (size_t i = 0; i < table->count; i++) {
        char flag[CONF_NAME_MAX];

        if (table->options[i].type == CONF_IGNORED)
            continue;
        conf_spell(table->options[i].key, CONF_SPELL_FLAG, flag, sizeof flag);
        fputs(".TP\n", out);
        print_roff_bold(flag, out);
        fputc('\n', out);
        print_roff(table->options[i].help, out);
        print_roff(conf_live_text(&table->options[i]), out);
        fputc('\n', out);
    }
    fputs(ending, out);
}
