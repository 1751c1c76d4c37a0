/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of cells, as an aligned table for people and as JSON for programs. Pure but for the memory. */
#ifndef FANFARE_DEPLOY_TOOL_TABLE_H
#define FANFARE_DEPLOY_TOOL_TABLE_H

#include <stdio.h>

#include "deploy/tool/tool.h"

enum { CELL_TEXT_MAX = 96, TABLE_COLUMNS_MAX = 16 };

/* CELL_NONE is "-" and null. A number that is not one (NAN) is the same. CELL_AGE is seconds: 12s, 5m, 3h. */
enum cell_kind { CELL_NONE, CELL_TEXT, CELL_NUMBER, CELL_BYTES, CELL_RATE, CELL_AGE };

struct cell {
    enum cell_kind kind;
    double number;
    char text[CELL_TEXT_MAX];
    enum paint paint; /* PAINT_OFF: none */
};

struct column {
    const char *heading;
    const char *key; /* in JSON */
    int drop;        /* where the table is too wide the highest goes first; 0: it stays */
    int least;       /* a text may be cut to so many bytes before a column is left out; 0: it may not */
};

struct table {
    const char *key; /* of the array of rows in JSON */
    const struct column *columns;
    size_t column_count; /* at most TABLE_COLUMNS_MAX */
    const char *same;   /* key of a column that says the same in each row, which is left out first; or NULL */
    struct cell *cells; /* row by row; owned */
    size_t rows;
};

/* An empty row; its cells, CELL_NONE all of them, are to be filled in, or NULL for want of memory.
 * They move with the next table_add. */
struct cell *table_add(struct table *table);
void table_fini(struct table *table);
/* For people: lines of at most `width` bytes, 0 for no limit. Columns are left out and texts cut as `struct
 * column` says, in the end any text (a cut one ends in ~); "http://" is not shown. */
void table_print(const struct table *table, const struct tool *tool, size_t width, FILE *out);
/* "key":[{…},…] */
void table_print_json(const struct table *table, FILE *out);

struct cell cell_text(const char *text, enum paint paint);
struct cell cell_number(double number);
struct cell cell_bytes(double number);
struct cell cell_age(double seconds);
struct cell cell_rate(double per_second);
/* In red when it is above 0. */
struct cell cell_alarm(struct cell cell);

#endif
