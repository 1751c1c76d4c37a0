/* SPDX-License-Identifier: Apache-2.0 */
/* fanfare: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "deploy/tool/tool.h"

typedef int command_function(struct tool *tool);

static command_function *const functions[COMMAND_COUNT] = {
    [COMMAND_PUSH] = command_push,
    [COMMAND_KICK] = command_kick,
    [COMMAND_TAIL] = command_tail,
    [COMMAND_TOP] = command_top,
    [COMMAND_ROOM] = command_room,
    [COMMAND_USER] = command_user,
    [COMMAND_CLUSTER] = command_cluster,
    [COMMAND_CHECK] = command_check,
    [COMMAND_WHY] = command_why,
    [COMMAND_TOKEN] = command_token,
    [COMMAND_TOKEN_SHOW] = command_token_show,
    [COMMAND_TOKEN_JWKS] = command_token_jwks,
};

static void print_version(FILE *out)
{
    fputs("fanfare " FANFARE_VERSION "\n", out);
}

typedef void print_function(FILE *out);

static const struct {
    const char *name;
    print_function *print;
} questions[] = {
    {"--help", options_print_usage},
    {"-h", options_print_usage},
    {"help", options_print_usage},
    {"--version", print_version},
    {"--print-man", options_print_man},
    {"--print-completion-bash", options_print_bash},
    {"--print-completion-zsh", options_print_zsh},
};

static int flushed(int code)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? code
                                                  : tool_complain(TOOL_REFUSED, "the output was not taken");
}

static int run(enum command_id command, char **argv)
{
    struct tool tool = {0};
    struct options options;
    struct fault fault = {""};
    int code;

    if (options_parse(command, argv, &options, &fault) != STATUS_OK) {
        code = tool_complain(TOOL_USAGE, "%s", fault.text);
    } else if (options.help) {
        options_print_help(command, stdout);
        code = TOOL_OK;
    } else if (tool_init(&tool, &options) != STATUS_OK) {
        code = tool_complain(TOOL_UNREACHABLE, "out of memory");
    } else {
        code = functions[command](&tool);
    }
    tool_fini(&tool);
    options_fini(&options);
    return flushed(code);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    enum command_id command;
    int words;

    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        if (argc == 2 && strcmp(name, questions[i].name) == 0) {
            questions[i].print(stdout);
            return flushed(TOOL_OK);
        }
    if (argc > 1 && options_find_command(argv + 1, &command, &words))
        return run(command, argv + 1 + words);
    if (argc < 2)
        return tool_complain(TOOL_USAGE, "a command is needed: push, tail, top, room, user, cluster, check, "
                                         "why or token (see fanfare --help)");
    return tool_complain(TOOL_USAGE,
                         "\"%.80s\" is not a command; push, tail, top, room, user, cluster, check, why and "
                         "token are (see fanfare --help)",
                         name);
}
