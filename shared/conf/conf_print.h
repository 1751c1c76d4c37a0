/* SPDX-License-Identifier: Apache-2.0 */
/* The option table as manual pages and as completions for shells; what packages are built with.
 * Start-up only, main thread. Changes nothing. */
#ifndef FANFARE_SHARED_CONF_CONF_PRINT_H
#define FANFARE_SHARED_CONF_CONF_PRINT_H

#include <stdio.h>

#include "shared/conf/conf.h"

/* conf_print_man.c: the daemon's page of section 8, and its options as sections .SS of fanfare.conf(5). */
void conf_print_man(const struct conf_table *table, FILE *out);
void conf_print_man_options(const struct conf_table *table, FILE *out);
/* conf_print_completion.c */
void conf_print_bash(const struct conf_table *table, FILE *out);
void conf_print_zsh(const struct conf_table *table, FILE *out);

#endif
