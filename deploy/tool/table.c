/* SPDX-License-Identifier: Apache-2.0 */
/* Prints rows of cells. */
#include "deploy/tool/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/printable.h"
#include "shared/buf.h"

enum { SHOWN_MAX = CELL_TEXT_MAX + 8 };

struct cell *table_add(struct table *table)
{
    size_t have = table->rows * table->column_count;
    struct cell *cells = realloc(table->cells, (have + table->column_count) * sizeof *cells);

    if (!cells)
        return NULL;
    memset(cells + have, 0, table->column_count * sizeof *cells);
    table->cells = cells;
    table->rows++;
    return cells + have;
}

void table_fini(struct table *table)
{
    free(table->cells);
    table->cells = NULL;
    table->rows = 0;
}

/* 12.3k, 4.5M: three digits that count, and a unit. */
static void show_scaled(double number, double step, const char *const units[5], char *out)
{
    int unit = 0;

    while (fabs(number) >= step && unit < 4) {
        number /= step;
        unit++;
    }
    snprintf(out, SHOWN_MAX,
             number < 10 && number != floor(number)    ? "%.2f%s"
             : number < 100 && number != floor(number) ? "%.1f%s"
                                                       : "%.0f%s",
             number, units[unit]);
}

static void show(const struct cell *cell, char *out)
{
    static const char *const counts[] = {"", "k", "M", "G", "T"};
    static const char *const bytes[] = {"B", "KiB", "MiB", "GiB", "TiB"};

    if (cell->kind == CELL_TEXT)
        snprintf(out, SHOWN_MAX, "%s", cell->text);
    else if (cell->kind == CELL_NONE || isnan(cell->number))
        snprintf(out, SHOWN_MAX, "-");
    else if (cell->kind == CELL_BYTES)
        show_scaled(cell->number, 1024, bytes, out);
    else if (cell->number < 100000 && cell->number == floor(cell->number))
        snprintf(out, SHOWN_MAX, "%.0f", cell->number);
    else
        show_scaled(cell->number, 1000, counts, out);
}

static int width_of(const struct table *table, size_t column)
{
    size_t width = strlen(table->columns[column].heading);
    char text[SHOWN_MAX];

    for (size_t row = 0; row < table->rows; row++) {
        show(&table->cells[row * table->column_count + column], text);
        if (strlen(text) > width)
            width = strlen(text);
    }
    return (int)width;
}

/* A column of text stands to the left. */
static bool is_text(const struct table *table, size_t column)
{
    for (size_t row = 0; row < table->rows; row++)
        if (table->cells[row * table->column_count + column].kind == CELL_TEXT)
            return true;
    return false;
}

static void print_cell(const struct table *table, size_t column, const char *text, const char *begin,
                       const char *end, FILE *out)
{
    int width = width_of(table, column);
    bool last = column + 1 == table->column_count;

    if (is_text(table, column))
        fprintf(out, "%s%-*s%s%s", begin, last ? 0 : width, text, end, last ? "\n" : "  ");
    else
        fprintf(out, "%s%*s%s%s", begin, width, text, end, last ? "\n" : "  ");
}

void table_print(const struct table *table, const struct tool *tool, FILE *out)
{
    for (size_t column = 0; column < table->column_count; column++)
        print_cell(table, column, table->columns[column].heading, tool_paint(tool, PAINT_BOLD),
                   tool_paint(tool, PAINT_OFF), out);
    for (size_t row = 0; row < table->rows; row++)
        for (size_t column = 0; column < table->column_count; column++) {
            const struct cell *cell = &table->cells[row * table->column_count + column];
            char text[SHOWN_MAX];

            show(cell, text);
            print_cell(table, column, text, cell->paint ? tool_paint(tool, cell->paint) : "",
                       cell->paint ? tool_paint(tool, PAINT_OFF) : "", out);
        }
}

static void print_json_cell(const struct cell *cell, FILE *out)
{
    struct buf text;

    buf_init(&text, CELL_TEXT_MAX * 6 + 2);
    if (cell->kind == CELL_TEXT && !buf_append_json_string(&text, cell->text, strlen(cell->text)))
        printable_json(slice_of(text.data, text.len), out);
    else if (cell->kind == CELL_NONE || cell->kind == CELL_TEXT || !isfinite(cell->number))
        fputs("null", out);
    else
        fprintf(out, "%.15g", cell->number);
    buf_fini(&text);
}

void table_print_json(const struct table *table, FILE *out)
{
    fprintf(out, "\"%s\":[", table->key);
    for (size_t row = 0; row < table->rows; row++)
        for (size_t column = 0; column < table->column_count; column++) {
            fprintf(out, "%s\"%s\":", column > 0 ? "," : row > 0 ? "},{" : "{", table->columns[column].key);
            print_json_cell(&table->cells[row * table->column_count + column], out);
        }
    fputs(table->rows ? "}]" : "]", out);
}

struct cell cell_text(const char *text, enum paint paint)
{
    struct cell cell = {.kind = text && text[0] ? CELL_TEXT : CELL_NONE, .paint = paint};

    if (text)
        printable_copy(slice_str(text), cell.text, sizeof cell.text);
    return cell;
}

struct cell cell_number(double number)
{
    return (struct cell){.kind = CELL_NUMBER, .number = number};
}

struct cell cell_bytes(double number)
{
    return (struct cell){.kind = CELL_BYTES, .number = number};
}

struct cell cell_rate(double per_second)
{
    return (struct cell){.kind = CELL_RATE, .number = per_second};
}

struct cell cell_alarm(struct cell cell)
{
    cell.paint = cell.number > 0 ? PAINT_RED : PAINT_OFF;
    return cell;
}
