/* SPDX-License-Identifier: Apache-2.0 */
/* The settings that both daemons have for Redis: their rows of the option tables, their struct,
 * their check. Start-up only, main thread; read-only afterwards. */
#ifndef FANFARE_SHARED_REDIS_REDIS_OPTIONS_H
#define FANFARE_SHARED_REDIS_REDIS_OPTIONS_H

#include "shared/base/status.h"
#include "shared/conf/conf.h"

struct redis_options {
    char *url;                  /* "": no Redis */
    char *prefix;               /* of keys and channels */
    char *ca;                   /* PEM file, for rediss:// */
    struct conf_list sentinels; /* "host:port" each; none: url names Redis itself */
    char *master_name;          /* that the sentinels know; set when there are sentinels */
    char *sentinel_password;    /* "": they ask for none */
    int64_t timeout;            /* ms for a connection, and for each command's answer */
};

/* The rows of a table whose struct `type` has a struct redis_options as `field`. */
/* clang-format off */
#define REDIS_OPTION_ROWS(type, field)                                                                       \
    {"redis.url", CONF_SECRET, CONF_RESTART, offsetof(struct type, field.url), 0, 1023, "", NULL, "", "Redis: `redis://[user:password@]host[:port][/db]`, or `unix:///path[?db=n]`; empty uses none. A password is not shown by --print-config; it may come from the environment.", "Redis"}, \
    {"redis.prefix", CONF_STRING, CONF_RESTART, offsetof(struct type, field.prefix), 0, 100, "fanfare", NULL, "", "What the names of keys and channels begin with; the same everywhere. For a Redis Cluster: `{fanfare}`, so that all are in one slot.", NULL}, \
    {"redis.ca", CONF_PATH, CONF_RESTART, offsetof(struct type, field.ca), 0, 4095, "", NULL, "", "CA (PEM) that must have signed Redis's certificate, for `rediss://`; needs hiredis 1.0 or later.", NULL}, \
    {"redis.sentinels", CONF_LIST, CONF_RESTART, offsetof(struct type, field.sentinels), 0, 255, "", NULL, "", "Sentinels, `host:port` each, which are asked for the master; redis.url then gives user, password and db only.", NULL}, \
    {"redis.masterName", CONF_STRING, CONF_RESTART, offsetof(struct type, field.master_name), 0, 255, "", NULL, "", "The master's name at the sentinels; set together with redis.sentinels.", NULL}, \
    {"redis.sentinelPassword", CONF_SECRET, CONF_RESTART, offsetof(struct type, field.sentinel_password), 0, 255, "", NULL, "", "Password of the sentinels themselves.", NULL}, \
    {"redis.timeout", CONF_INT, CONF_RESTART, offsetof(struct type, field.timeout), 100, 60000, "2000", NULL, "ms", "Time for a connection to Redis, and for each of its answers; past it the connection is begun anew.", NULL}
/* clang-format on */

/* Whether url, sentinels and master name are well formed and go together. The fault names the
 * key, what is wrong and what is allowed; never a password. */
enum status redis_options_check(const struct redis_options *options, struct fault *fault);

#endif
