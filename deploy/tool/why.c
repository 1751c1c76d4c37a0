/* SPDX-License-Identifier: Apache-2.0 */
/* What a step of `fanfare why` says, for a person or as a line of JSON. */
#include "deploy/tool/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "deploy/tool/printable.h"
#include "deploy/tool/tool.h"
#include "shared/base/buf.h"

static const struct {
    const char *word; /* in JSON */
    const char *mark;
    enum paint paint;
} findings[] = {
    [FINDING_OK] = {"ok", "ok  ", PAINT_GREEN},
    [FINDING_NOTE] = {"note", "note", PAINT_YELLOW},
    [FINDING_BAD] = {"bad", "BAD ", PAINT_RED},
};

static void say_json(const char *finding, const char *step, const char *about, const char *text)
{
    const char *const members[][2] = {{"finding", finding}, {"step", step}, {"about", about}, {"text", text}};
    struct buf line;

    buf_init(&line, 16384);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (buf_printf(&line, "%s\"%s\":", i > 0 ? "," : "{", members[i][0]) != STATUS_OK ||
            buf_append_json_string(&line, members[i][1], strlen(members[i][1])) != STATUS_OK)
            break;
    printable_json(slice_of(line.data, line.len), stdout);
    puts("}");
    buf_fini(&line);
}

void why_say(struct why *why, enum finding finding, const char *step, const char *about, const char *format,
             ...)
{
    const struct tool *tool = why->tool;
    char raw[1024];
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    printable_copy(slice_str(raw), text, sizeof text);
    why->bad += finding == FINDING_BAD;
    why->notes += finding == FINDING_NOTE;
    if (tool->options->json)
        say_json(findings[finding].word, step, about, text);
    else
        printf("%s%s%s %-8s %s%s%s\n", tool_paint(tool, findings[finding].paint), findings[finding].mark,
               tool_paint(tool, PAINT_OFF), step, about, about[0] ? ": " : "", text);
    (void)fflush(stdout);
}
