/* SPDX-License-Identifier: Apache-2.0 */
/* Prints rows of cells. */
#include "deploy/tool/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/tool/printable.h"
#include "shared/base/buf.h"

enum { SHOWN_MAX = CELL_TEXT_MAX + 8 };

struct cell *table_add(struct table *table)
{
    size_t have = table->rows * table->column_count;
    struct cell *cells = realloc(table->cells, (have + table->column_count) * sizeof *cells);

    if (cells == NULL)
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

static void show_age(double seconds, char *out)
{
    if (seconds < 100)
        snprintf(out, SHOWN_MAX, "%.0fs", seconds);
    else if (seconds < 100 * 60)
        snprintf(out, SHOWN_MAX, "%.0fm", floor(seconds / 60));
    else if (seconds < 100 * 3600)
        snprintf(out, SHOWN_MAX, "%.0fh", floor(seconds / 3600));
    else
        snprintf(out, SHOWN_MAX, "%.0fd", floor(seconds / 86400));
}

static void show(const struct cell *cell, char *out)
{
    static const char *const counts[] = {"", "k", "M", "G", "T"};
    static const char *const bytes[] = {"B", "KiB", "MiB", "GiB", "TiB"};

    if (cell->kind == CELL_TEXT)
        snprintf(out, SHOWN_MAX, "%s", cell->text + (strncmp(cell->text, "http://", 7) == 0 ? 7 : 0));
    else if (cell->kind == CELL_NONE || isnan(cell->number))
        snprintf(out, SHOWN_MAX, "-");
    else if (cell->kind == CELL_AGE)
        show_age(cell->number, out);
    else if (cell->kind == CELL_BYTES)
        show_scaled(cell->number, 1024, bytes, out);
    else if (cell->number < 100000 && cell->number == floor(cell->number))
        snprintf(out, SHOWN_MAX, "%.0f", cell->number);
    else
        show_scaled(cell->number, 1000, counts, out);
}

static size_t width_of(const struct table *table, size_t column)
{
    size_t width = strlen(table->columns[column].heading);
    char text[SHOWN_MAX];

    for (size_t row = 0; row < table->rows; row++) {
        show(&table->cells[row * table->column_count + column], text);
        if (strlen(text) > width)
            width = strlen(text);
    }
    return width;
}

/* A column of text stands to the left. */
static bool is_text(const struct table *table, size_t column)
{
    for (size_t row = 0; row < table->rows; row++)
        if (table->cells[row * table->column_count + column].kind == CELL_TEXT)
            return true;
    return false;
}

/* What is shown of a table, and how wide. */
struct layout {
    const struct table *table;
    size_t widths[TABLE_COLUMNS_MAX]; /* 0: left out */
    size_t last;                      /* the last column that is shown */
};

enum { GAP = 2, TEXT_LEAST = 4 };

static size_t line_width(const struct layout *layout)
{
    size_t width = 0;

    for (size_t column = 0; column < layout->table->column_count; column++)
        if (layout->widths[column] > 0)
            width += layout->widths[column] + (width > 0 ? GAP : 0);
    return width;
}

/* Takes up to `excess` bytes off the texts that may be cut. */
static size_t cut_elastic(struct layout *layout, size_t excess)
{
    for (size_t column = 0; column < layout->table->column_count && excess > 0; column++) {
        size_t least = (size_t)layout->table->columns[column].least;
        size_t spare = least > 0 && layout->widths[column] > least ? layout->widths[column] - least : 0;
        size_t cut = spare < excess ? spare : excess;

        layout->widths[column] -= cut;
        excess -= cut;
    }
    return excess;
}

static bool leave_one_out(struct layout *layout)
{
    const struct table *table = layout->table;
    size_t found = table->column_count;

    for (size_t column = 0; column < table->column_count; column++) {
        if (layout->widths[column] == 0)
            continue;
        if (table->same != NULL && strcmp(table->columns[column].key, table->same) == 0) {
            found = column;
            break;
        }
        if (table->columns[column].drop > (found < table->column_count ? table->columns[found].drop : 0))
            found = column;
    }
    if (found == table->column_count)
        return false;
    layout->widths[found] = 0;
    return true;
}

/* Off the widest text, when nothing else is left. */
static void cut_widest(struct layout *layout, size_t excess)
{
    size_t widest = layout->table->column_count;

    for (size_t column = 0; column < layout->table->column_count; column++)
        if (layout->widths[column] > TEXT_LEAST && is_text(layout->table, column) &&
            (widest == layout->table->column_count || layout->widths[column] > layout->widths[widest]))
            widest = column;
    if (widest == layout->table->column_count)
        return;
    layout->widths[widest] -=
        excess < layout->widths[widest] - TEXT_LEAST ? excess : layout->widths[widest] - TEXT_LEAST;
}

static struct layout lay_out(const struct table *table, size_t width)
{
    struct layout layout = {.table = table};
    size_t natural[TABLE_COLUMNS_MAX];

    for (size_t column = 0; column < table->column_count; column++)
        layout.widths[column] = natural[column] = width_of(table, column);
    while (width > 0 && line_width(&layout) > width) {
        /* Whole columns first, then what is left of the texts: a cut text must be worth its place. */
        struct layout cut = layout;

        if (cut_elastic(&cut, line_width(&layout) - width) == 0)
            layout = cut;
        else if (!leave_one_out(&layout)) {
            (void)cut_elastic(&layout, line_width(&layout) - width);
            if (line_width(&layout) > width)
                cut_widest(&layout, line_width(&layout) - width);
            break;
        }
    }
    for (size_t column = 0; column < table->column_count; column++)
        if (layout.widths[column] > 0)
            layout.last = column;
    return layout;
}

/* Not through the middle of a character. */
static void cut_text(char *text, size_t width)
{
    size_t at = width - 1;

    if (strlen(text) <= width)
        return;
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    text[at] = '~';
    text[at + 1] = '\0';
}

static void print_cell(const struct layout *layout, size_t column, char *text, const char *begin,
                       const char *end, FILE *out)
{
    int width = (int)layout->widths[column];
    bool last = column == layout->last;

    if (width == 0)
        return;
    cut_text(text, (size_t)width);
    if (is_text(layout->table, column))
        fprintf(out, "%s%-*s%s%s", begin, last ? 0 : width, text, end, last ? "\n" : "  ");
    else
        fprintf(out, "%s%*s%s%s", begin, width, text, end, last ? "\n" : "  ");
}

void table_print(const struct table *table, const struct tool *tool, size_t width, FILE *out)
{
    const struct layout layout = lay_out(table, width);
    char text[SHOWN_MAX];

    for (size_t column = 0; column < table->column_count; column++) {
        snprintf(text, sizeof text, "%s", table->columns[column].heading);
        print_cell(&layout, column, text, tool_paint(tool, PAINT_BOLD), tool_paint(tool, PAINT_OFF), out);
    }
    for (size_t row = 0; row < table->rows; row++)
        for (size_t column = 0; column < table->column_count; column++) {
            const struct cell *cell = &table->cells[row * table->column_count + column];

            show(cell, text);
            print_cell(&layout, column, text, cell->paint ? tool_paint(tool, cell->paint) : "",
                       cell->paint ? tool_paint(tool, PAINT_OFF) : "", out);
        }
}

static void print_json_cell(const struct cell *cell, FILE *out)
{
    struct buf text;

    buf_init(&text, CELL_TEXT_MAX * 6 + 2);
    if (cell->kind == CELL_TEXT && buf_append_json_string(&text, cell->text, strlen(cell->text)) == STATUS_OK)
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
    struct cell cell = {.kind = text != NULL && text[0] ? CELL_TEXT : CELL_NONE, .paint = paint};

    if (text != NULL)
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

struct cell cell_age(double seconds)
{
    return (struct cell){.kind = CELL_AGE, .number = seconds};
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
