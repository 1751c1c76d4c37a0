/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the tool and its messages. One thread. Never decides what a command does. */
#include "deploy/tool/tool.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/base/clock.h"

enum { WIDTH_MIN = 20, WIDTH_MAX = 10000 };

static void stop(evutil_socket_t signal, short what, void *arg)
{
    struct tool *tool = arg;

    (void)signal;
    (void)what;
    tool->stopping = true;
    event_base_loopbreak(tool->base);
}

static void break_loop(evutil_socket_t fd, short what, void *arg)
{
    struct tool *tool = arg;

    (void)fd;
    (void)what;
    event_base_loopbreak(tool->base);
}

static enum status watch_signals(struct tool *tool)
{
    static const int signals[] = {SIGINT, SIGTERM};

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        tool->signals[i] = evsignal_new(tool->base, signals[i], stop, tool);
        if (tool->signals[i] == NULL || event_add(tool->signals[i], NULL))
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

enum status tool_init(struct tool *tool, const struct options *options)
{
    const char *no_color = getenv("NO_COLOR");

    *tool = (struct tool){.options = options};
    tool->colour = isatty(STDOUT_FILENO) && !(no_color != NULL && no_color[0]);
    signal(SIGPIPE, SIG_IGN);
    tool->base = event_base_new();
    if (tool->base == NULL)
        return STATUS_NO_MEMORY;
    tool->alarm = evtimer_new(tool->base, break_loop, tool);
    return tool->alarm != NULL ? watch_signals(tool) : STATUS_NO_MEMORY;
}

void tool_fini(struct tool *tool)
{
    for (size_t i = 0; i < sizeof tool->signals / sizeof tool->signals[0]; i++) {
        if (tool->signals[i] != NULL)
            event_free(tool->signals[i]);
        tool->signals[i] = NULL;
    }
    if (tool->alarm != NULL)
        event_free(tool->alarm);
    if (tool->dns != NULL)
        resolver_free(tool->dns);
    SSL_CTX_free(tool->tls);
    if (tool->base != NULL)
        event_base_free(tool->base);
}

void tool_run(struct tool *tool, int64_t ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

    if (ms > 0)
        event_add(tool->alarm, &tv);
    event_base_loop(tool->base, EVLOOP_NO_EXIT_ON_EMPTY);
    event_del(tool->alarm);
}

void tool_sleep(struct tool *tool, int64_t ms)
{
    int64_t end = clock_now_ms() + ms;

    for (int64_t left = ms; left > 0 && !tool->stopping; left = end - clock_now_ms())
        tool_run(tool, left);
}

int tool_complain(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("fanfare: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

size_t tool_line_width(void)
{
    const char *columns = getenv("COLUMNS");
    long given = columns != NULL ? strtol(columns, NULL, 10) : 0;
    struct winsize size;

    if (given >= WIDTH_MIN && given <= WIDTH_MAX)
        return (size_t)given;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN ? size.ws_col : 0;
}

const char *tool_paint(const struct tool *tool, enum paint paint)
{
    static const char *const sequences[] = {
        [PAINT_OFF] = "\033[0m",   [PAINT_BOLD] = "\033[1m",   [PAINT_DIM] = "\033[2m",
        [PAINT_RED] = "\033[31m",  [PAINT_GREEN] = "\033[32m", [PAINT_YELLOW] = "\033[33m",
        [PAINT_CYAN] = "\033[36m",
    };

    return tool->colour ? sequences[paint] : "";
}
