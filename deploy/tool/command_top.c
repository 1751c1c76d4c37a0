/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare top: logics, gateways as the logics see them, and the gateways' own figures. Prints; never
 * pushes. Rates are differences between two readings. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/tool/sample.h"
#include "deploy/tool/tool.h"
#include "deploy/tool/top_tables.h"

enum { LINE_BYTES = 1024 };

static size_t count_live(const struct sample *sample)
{
    size_t live = 0;

    for (size_t i = 0; i < sample->count; i++)
        live += reading_is_live(&sample->readings[i]);
    return live;
}

static void print_faults(const struct tool *tool, const struct sample *sample, size_t width)
{
    char line[LINE_BYTES];

    for (size_t i = 0; i < sample->count; i++) {
        if (reading_fault(&sample->readings[i])[0] == '\0')
            continue;
        snprintf(line, sizeof line, "%s: %s", sample->readings[i].address,
                 reading_fault(&sample->readings[i]));
        printf("%s%.*s%s\n", tool_paint(tool, PAINT_RED), (int)(width > 0 ? width : sizeof line), line,
               tool_paint(tool, PAINT_OFF));
    }
}

static void print_people(const struct tool *tool, const struct sample *sample,
                         const struct table tables[TOP_TABLES], bool redraw)
{
    time_t now = time(NULL);
    struct tm local;
    char clock[32] = "";
    size_t width = tool_line_width();

    if (localtime_r(&now, &local) != NULL)
        (void)strftime(clock, sizeof clock, "%H:%M:%S", &local);
    fputs(redraw ? "\033[H\033[J" : "", stdout);
    printf("fanfare top  %s  every %lld ms\n", clock, (long long)tool->options->interval_ms);
    for (size_t i = 0; i < TOP_TABLES; i++)
        if (tables[i].rows > 0) {
            putchar('\n');
            table_print(&tables[i], tool, width, stdout);
        }
    putchar('\n');
    print_faults(tool, sample, width);
}

static void print_programs(const struct table tables[TOP_TABLES])
{
    putchar('{');
    for (size_t i = 0; i < TOP_TABLES; i++) {
        fputs(i > 0 ? "," : "", stdout);
        table_print_json(&tables[i], stdout);
    }
    puts("}");
}

static enum status print_all(const struct tool *tool, const struct sample *now, const struct sample *before,
                             bool redraw)
{
    struct table tables[TOP_TABLES];
    enum status status = top_tables_make(now, before, tables);

    if (status == STATUS_OK && tool->options->json)
        print_programs(tables);
    else if (status == STATUS_OK)
        print_people(tool, now, tables, redraw);
    top_tables_free(tables);
    if (status == STATUS_OK && fflush(stdout))
        status = STATUS_CLOSED;
    return status;
}

/* `before` becomes the newest reading; STATUS_CLOSED when nobody takes the output. */
static enum status next(struct tool *tool, const struct daemons *daemons, struct sample *before, bool print,
                        bool redraw)
{
    struct sample now;
    enum status status = sample_take(tool, daemons, &now);

    if (status == STATUS_OK && print && !tool->stopping)
        status = print_all(tool, &now, before->count ? before : NULL, redraw);
    sample_fini(before);
    *before = now;
    return status;
}

static int run(struct tool *tool, const struct daemons *daemons)
{
    bool live = !tool->options->once && (tool->options->json || isatty(STDOUT_FILENO));
    bool redraw = live && !tool->options->json;
    struct sample before = {0};
    enum status status = next(tool, daemons, &before, live, redraw);
    int code;

    do {
        tool_sleep(tool, tool->options->interval_ms);
        if (status == STATUS_OK && !tool->stopping)
            status = next(tool, daemons, &before, true, redraw);
    } while (live && status == STATUS_OK && !tool->stopping);
    code = count_live(&before) == before.count ? TOOL_OK
           : count_live(&before)               ? TOOL_REFUSED
                                               : TOOL_UNREACHABLE;
    sample_fini(&before);
    if (status == STATUS_NO_MEMORY)
        return tool_complain(TOOL_UNREACHABLE, "out of memory");
    return live ? TOOL_OK : code;
}

int command_top(struct tool *tool)
{
    struct daemons daemons;
    struct fault fault = {""};
    int code;

    if (daemons_init(&daemons, tool->options, &fault) != STATUS_OK)
        return tool_complain(TOOL_USAGE, "%s", fault.text);
    code = run(tool, &daemons);
    daemons_fini(&daemons);
    return code;
}
