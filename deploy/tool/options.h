/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `fanfare`: one table of commands and one of their options, from which the
 * parser, --help, the manual page and the completions are made. One thread; opens nothing. */
#ifndef FANFARE_DEPLOY_TOOL_OPTIONS_H
#define FANFARE_DEPLOY_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/base/status.h"

struct words {
    char **items;
    size_t count;
};

/* What was given, or the default. Strings are owned by the struct or by argv. */
struct options {
    struct words rooms;
    struct words users;
    struct words gateways; /* ws:// or wss:// */
    struct words logics;   /* http://, https:// or unix: */
    struct words admins;   /* the same */
    struct words headers;  /* "Name: value" */
    struct words joins;    /* rooms of the claim join */
    struct words auds;
    const char *api;
    const char *items;      /* NULL: not given */
    const char *connection; /* of kick; NULL: not given, as the reason */
    const char *reason;
    const char *probe;       /* NULL: not given */
    const char *ca;          /* NULL: the system's */
    const char *tokens;      /* a file of tokens, of which the first is shown; or NULL */
    const char *as;          /* NULL, "gateway" or "logic" */
    const char *file;        /* the operand: of check a file, of token show a token or NULL */
    const char *secret_file; /* from here on of token; NULL: not given */
    const char *key_file;
    const char *jwks;
    const char *alg;
    const char *kid;
    const char *iss;
    const char *sub;
    const char *pattern; /* of a room token */
    const char *info;    /* JSON */
    int64_t seconds;
    int64_t leeway_s;
    int64_t max_s;
    int64_t timeout_s;
    int64_t interval_ms;
    int64_t retries;
    int64_t count; /* 0: no end */
    int64_t code;  /* of kick; 0: not given, as the ban */
    int64_t ban;   /* seconds */
    bool all;
    bool list_users; /* of room */
    bool wait;
    bool once;
    bool ports;
    bool json;
    bool help;
};

/* A command of two words stands behind that of its first word. */
enum command_id {
    COMMAND_PUSH,
    COMMAND_TAIL,
    COMMAND_TOP,
    COMMAND_KICK,
    COMMAND_ROOM,
    COMMAND_USER,
    COMMAND_CLUSTER,
    COMMAND_CHECK,
    COMMAND_WHY,
    COMMAND_TOKEN,
    COMMAND_TOKEN_SHOW,
    COMMAND_TOKEN_JWKS,
    COMMAND_COUNT
};

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_FILE,   /* as OPTION_TEXT; completed with file names */
    OPTION_CHOICE, /* one of `value`, "gateway|logic" */
    OPTION_LIST,   /* may be given again */
    OPTION_COMMAS, /* the same, several in one value */
    OPTION_NUMBER,
};

struct option_row {
    const char *name;  /* without dashes */
    unsigned commands; /* bit 1 << command_id */
    enum option_kind kind;
    size_t offset; /* in struct options */
    int64_t min;   /* OPTION_NUMBER: bounds */
    int64_t max;
    const char *value;   /* what stands for it in --help: "URL" */
    const char *initial; /* the default as text; "" has none */
    const char *help;    /* one sentence */
};

struct command_row {
    const char *name;    /* one word or two: "token show" */
    const char *operand; /* "FILE", or "" */
    const char *summary; /* one sentence */
    const char *more;    /* a paragraph for --help and the manual page */
};

extern const struct command_row command_rows[COMMAND_COUNT];
extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* The command whose name the words of `argv` (ending with NULL) begin with, the longest such name; `*words`
 * is how many words it has. False when there is none. */
bool options_find_command(char **argv, enum command_id *out, int *words);
/* The command of two words behind `command`'s own, from `*at` on (0 at first): "show"; NULL at the end. */
const char *options_next_action(enum command_id command, int *at);

/* Fills `out` (to be given to options_fini in any case) from the words after the command's name;
 * `argv` ends with NULL. A fault names the option and what is allowed. With --help nothing is required. */
enum status options_parse(enum command_id command, char **argv, struct options *out, struct fault *fault);
void options_fini(struct options *options);

/* options_print.c */
/* The whole tool's help, or one command's. */
void options_print_usage(FILE *out);
void options_print_help(enum command_id command, FILE *out);
/* roff for fanfare(1), and completions for bash and zsh. */
void options_print_man(FILE *out);
void options_print_bash(FILE *out);
void options_print_zsh(FILE *out);

#endif
