/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration from one table of options: JSON file < environment < flags.
 * The same table prints --help, --print-config and the documentation.
 * The main thread: at the start, and when the settings are read anew (shared/conf/reload.h). */
#ifndef FANFARE_SHARED_CONF_CONF_H
#define FANFARE_SHARED_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shared/base/status.h"

enum conf_type {
    CONF_INT,       /* int64_t, min..max */
    CONF_BOOL,      /* bool */
    CONF_STRING,    /* char *, owned by the struct; "" by default, never NULL */
    CONF_SECRET,    /* char * as CONF_STRING; --print-config shows a password in it as *** */
    CONF_PATH,      /* char * as CONF_STRING; a file that must be readable when not "" */
    CONF_ENUM,      /* int: the index in `choices` */
    CONF_LIST,      /* struct conf_list of strings; on the command line comma-separated */
    CONF_ENDPOINTS, /* struct conf_endpoints; JSON [{"hostname":…,"port":…}], else host:port,… */
    CONF_RECORDS,   /* struct conf_records; JSON [{…},…], also in the environment and behind the flag */
    CONF_IGNORED,   /* bool: whether it was given; any value is accepted and none has an effect */
};

/* When a new value has effect. */
enum conf_change {
    CONF_RESTART, /* with the next start */
    CONF_LIVE,    /* with SIGHUP, see shared/conf/reload.h */
};

struct conf_list {
    char **items;
    size_t count;
};

struct conf_endpoint {
    char *hostname;
    int port;
};

struct conf_endpoints {
    struct conf_endpoint *items;
    size_t count;
};

/* Objects of one kind, each as a struct of its own: `items` points to the first of `count` structs that stand
 * one behind the other, as the record's table says (conf_option.choices). */
struct conf_records {
    void *items; /* NULL: none */
    size_t count;
};

struct conf_option {
    const char *key; /* "wsPort", or "rpc.ca" for {"rpc":{"ca":…}}; file keys match without regard to case */
    enum conf_type type;
    enum conf_change change;
    size_t offset; /* of the value in the daemon's struct */
    int64_t min;   /* CONF_INT: bounds; CONF_STRING, CONF_PATH: longest length in max; CONF_RECORDS: most of
                      them in max */
    int64_t max;
    const char *initial; /* the default, written as on the command line */
    const void *choices; /* CONF_ENUM: "leading|trailing". CONF_RECORDS: the struct conf_table of one record,
                            whose keys have no dots and whose offsets count from the record's start */
    const char *unit;    /* "ms", "s", "bytes", "" */
    const char *help;    /* one sentence */
    const char *group;   /* heading in --help and the documentation; NULL: as the row before */
};

/* The other daemon, whose file may be given by mistake. */
struct conf_twin {
    const char *program;     /* "fanfare-logic" */
    const char *whose;       /* "a logic's" */
    const char *const *keys; /* what such a file has at its outermost, and ours cannot; ends with NULL */
};

struct conf_table {
    const char *program; /* "fanfare-gateway" */
    const char *summary; /* one sentence for --help */
    const struct conf_option *options;
    size_t count;
    size_t struct_size;
    const struct conf_twin *twin; /* or NULL */
};

/* A copy, for conf_list_free. STATUS_NO_MEMORY: what was copied stays in `out`, for conf_list_free too. */
enum status conf_list_copy(const struct conf_list *list, struct conf_list *out);
/* The list is then empty. */
void conf_list_free(struct conf_list *list);
/* Fills `conf` (zeroed, table->struct_size bytes) with the defaults. */
enum status conf_defaults(const struct conf_table *table, void *conf);
/* Reads a JSON object (RFC 8259, at most 1 MiB; a UTF-8 byte order mark is passed over). Keys that the table
 * does not have: a key with a non-ASCII character is a comment (go-push's files carry them); any other is an
 * error that names the nearest known key, or, when it is one of the twin's, says whose file it seems to be.
 * A fault names file, key, value and what is allowed; of a record also its index: `auth.issuers[1].aud`. */
enum status conf_load_file(const struct conf_table *table, void *conf, const char *path, struct fault *fault);
/* FANFARE_WS_PORT for wsPort, FANFARE_RPC_CA for rpc.ca; an unknown FANFARE_… is an error, but
 * for the variables that Kubernetes sets for a Service (FANFARE_SERVICE_HOST and the like). `environment`
 * ends with NULL, or is NULL (clearenv). */
enum status conf_load_environment(const struct conf_table *table, void *conf, char **environment,
                                  struct fault *fault);
/* One flag: `name` is "ws-port" for wsPort, "rpc-ca" for rpc.ca. */
enum status conf_set_flag(const struct conf_table *table, void *conf, const char *name, const char *value,
                          struct fault *fault);
/* Opens each CONF_PATH that is not "" for reading, those of records included: STATUS_IO and the key, the file
 * and the reason. */
enum status conf_check_paths(const struct conf_table *table, const void *conf, struct fault *fault);
enum { CONF_KEYS_MAX = 1024 };

/* Keys of options, joined by commas; what is too long is left out. */
struct conf_changes {
    char live[CONF_KEYS_MAX];    /* CONF_LIVE */
    char restart[CONF_KEYS_MAX]; /* CONF_RESTART */
};

/* Compares two structs of one table value by value and names what differs. A CONF_LIVE value that differs
 * is exchanged: `conf` then has the one of `fresh`, and `fresh` the old one, for conf_fini. The loop's
 * thread. CONF_IGNORED options do not count. */
void conf_take_live(const struct conf_table *table, void *conf, void *fresh, struct conf_changes *changes);
/* Frees what the struct owns; its values are then zero. */
void conf_fini(const struct conf_table *table, void *conf);
void conf_print_help(const struct conf_table *table, FILE *out);
/* The settings in force, as a JSON file that loads again. */
void conf_print_json(const struct conf_table *table, const void *conf, FILE *out);
/* One Markdown table per group: key, default, allowed, meaning (docs/configuration.md is made of it). */
void conf_print_markdown(const struct conf_table *table, FILE *out);
/* Warns, in one line, of the CONF_IGNORED keys that were given. */
void conf_log_ignored(const struct conf_table *table, const void *conf);

#endif
