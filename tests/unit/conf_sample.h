/* SPDX-License-Identifier: Apache-2.0 */
/* A small option table with one row of each type, and a file to load: for the tests of conf and
 * daemon. */
#ifndef FANFARE_TESTS_CONF_SAMPLE_H
#define FANFARE_TESTS_CONF_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/conf/conf.h"

struct sample {
    int64_t ws_port;
    int64_t big;
    char *name;
    bool page_enabled;
    char *rpc_ca;
    char *rpc_server_name;
    int log_level;
    struct conf_list origins;
    struct conf_endpoints gateways;
    bool old_key;
    bool old_worker;
};

#define SAMPLE_AT(field) offsetof(struct sample, field)

static const struct conf_option sample_options[] = {
    {"wsPort", CONF_INT, CONF_RESTART, SAMPLE_AT(ws_port), 0, 65535, "7777", NULL, "", "Port for clients.",
     "Clients"},
    {"big", CONF_INT, CONF_LIVE, SAMPLE_AT(big), -5, INT64_C(17179869184), "1", NULL, "bytes",
     "A big number.", NULL},
    {"name", CONF_STRING, CONF_LIVE, SAMPLE_AT(name), 0, 16, "", NULL, "", "A name.", NULL},
    {"page.enabled", CONF_BOOL, CONF_LIVE, SAMPLE_AT(page_enabled), 0, 0, "true", NULL, "", "A page.",
     "Page"},
    {"rpc.ca", CONF_PATH, CONF_RESTART, SAMPLE_AT(rpc_ca), 0, 4095, "", NULL, "", "A CA.", "RPC"},
    {"rpc.serverName", CONF_STRING, CONF_RESTART, SAMPLE_AT(rpc_server_name), 0, 255, "", NULL, "", "A name.",
     NULL},
    {"log.level", CONF_ENUM, CONF_LIVE, SAMPLE_AT(log_level), 0, 0, "info", "debug|info|warn", "", "A level.",
     NULL},
    {"cors.origins", CONF_LIST, CONF_LIVE, SAMPLE_AT(origins), 0, 32, "", NULL, "", "Origins.", NULL},
    {"gatewayList", CONF_ENDPOINTS, CONF_LIVE, SAMPLE_AT(gateways), 0, 0, "", NULL, "", "Gateways.", NULL},
    {"oldKey", CONF_IGNORED, CONF_RESTART, SAMPLE_AT(old_key), 0, 0, "", NULL, "", "Nothing.", NULL},
    {"oldWorkerCount", CONF_IGNORED, CONF_RESTART, SAMPLE_AT(old_worker), 0, 0, "", NULL, "", "Nothing.",
     NULL},
};

static const struct conf_table sample_table = {
    .program = "sample",
    .summary = "A sample.",
    .options = sample_options,
    .count = sizeof sample_options / sizeof sample_options[0],
    .struct_size = sizeof(struct sample),
};

/* The file that every test loads, in the directory that the test runs in. */
static char sample_path[64];

static inline void sample_write(const char *data, size_t len)
{
    FILE *file;

    if (!sample_path[0]) {
        snprintf(sample_path, sizeof sample_path, "/tmp/fanfare-conf-XXXXXX");
        close(mkstemp(sample_path));
    }
    file = fopen(sample_path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    fclose(file);
}

static inline void sample_remove(void)
{
    if (sample_path[0])
        unlink(sample_path);
    sample_path[0] = '\0';
}

#endif
