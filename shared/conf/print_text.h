/* SPDX-License-Identifier: Apache-2.0 */
/* Text for manual pages (man(7)) and for the completions of bash and zsh: what tables of options
 * have in common, the daemons' and the tool's. Writes only; start-up only, one thread. */
#ifndef FANFARE_SHARED_CONF_PRINT_TEXT_H
#define FANFARE_SHARED_CONF_PRINT_TEXT_H

#include <stdio.h>

/* A backslash and a dash are literal, a leading dot or quote is no request, `code` is bold. */
void print_roff(const char *text, FILE *out);
/* The same in bold or in italics. */
void print_roff_bold(const char *text, FILE *out);
void print_roff_italic(const char *text, FILE *out);
/* "leading|trailing" as words with a space between them. */
void print_words(const char *choices, FILE *out);
/* A branch of bash's `case $prev in`: behind `flag` ("--ws-cert") stands a file, or one of `choices`. */
void print_bash_file(const char *flag, FILE *out);
void print_bash_words(const char *flag, const char *choices, FILE *out);
/* Text inside single quotes and brackets of zsh's _arguments. */
void print_zsh(const char *text, FILE *out);

#endif
