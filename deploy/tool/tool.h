/* SPDX-License-Identifier: Apache-2.0 */
/* What every command of the tool `fanfare` has: the loop, name look-ups, TLS, and how to print.
 * The tool is one thread; nothing in deploy/tool may be called from another. */
#ifndef FANFARE_DEPLOY_TOOL_TOOL_H
#define FANFARE_DEPLOY_TOOL_TOOL_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "deploy/tool/options.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"

/* Exit statuses; documented in docs/tool.md. */
enum tool_exit { TOOL_OK = 0, TOOL_REFUSED = 1, TOOL_USAGE = 2, TOOL_UNREACHABLE = 3 };

enum paint { PAINT_OFF, PAINT_BOLD, PAINT_DIM, PAINT_RED, PAINT_GREEN, PAINT_YELLOW, PAINT_CYAN };

struct tool {
    const struct options *options; /* the caller's */
    struct event_base *base;
    struct resolver *dns; /* NULL until a name is looked up */
    SSL_CTX *tls;         /* NULL until an https or wss URL is used */
    bool colour;          /* stdout is a terminal, and NO_COLOR is not set */
    bool stopping;        /* SIGINT or SIGTERM came: leave */
    struct event *signals[2];
    struct event *alarm; /* of tool_run */
};

/* Makes the loop and notes SIGINT and SIGTERM. The options must live as long as the tool. */
enum status tool_init(struct tool *tool, const struct options *options);
/* Frees what tool_init and the connections made; legal after a failed tool_init. */
void tool_fini(struct tool *tool);
/* Runs the loop until somebody breaks it, at most `ms` milliseconds; 0 is no limit. */
void tool_run(struct tool *tool, int64_t ms);
/* Runs the loop for `ms` milliseconds, or until SIGINT or SIGTERM. */
void tool_sleep(struct tool *tool, int64_t ms);
/* Prints `fanfare: …` on stderr and returns `code`. */
int tool_complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* How long a line may be: COLUMNS, else what the terminal says; 0: no limit. */
size_t tool_line_width(void);
/* The escape sequence that begins a colour, or "" without colours. */
const char *tool_paint(const struct tool *tool, enum paint paint);

/* The commands; each returns a tool_exit, check the daemon's own status. */
int command_push(struct tool *tool);
int command_kick(struct tool *tool);
int command_tail(struct tool *tool);
int command_top(struct tool *tool);
int command_room(struct tool *tool);
int command_user(struct tool *tool);
int command_cluster(struct tool *tool);
int command_check(struct tool *tool);
int command_why(struct tool *tool);
int command_token(struct tool *tool);
int command_token_show(struct tool *tool);
int command_token_jwks(struct tool *tool);

#endif
