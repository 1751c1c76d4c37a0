/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of all daemons: readiness, metrics and what the logics say of the gateways. The
 * loop's thread. */
#ifndef FANFARE_DEPLOY_TOOL_SAMPLE_H
#define FANFARE_DEPLOY_TOOL_SAMPLE_H

#include <cjson/cJSON.h>

#include "deploy/tool/http_call.h"

enum daemon_kind { DAEMON_LOGIC, DAEMON_GATEWAY };

/* Of one daemon. */
struct reading {
    enum daemon_kind kind;
    const char *address; /* as it was given; not owned */
    struct http_call ready;
    struct http_call metrics;
    struct http_call gateways; /* logics only */
};

struct sample {
    struct reading *readings; /* logics first */
    size_t logics;
    size_t count;
    int64_t at_us; /* clock_now_us() when it was asked for */
};

struct daemons {
    struct url *logics;
    struct url *admins;
};

/* Parses the addresses of --logic and --gateway-admin; a fault names the bad one. */
enum status daemons_init(struct daemons *daemons, const struct options *options, struct fault *fault);
void daemons_fini(struct daemons *daemons);

/* Asks all of them at once and waits for the answers. STATUS_NO_MEMORY. */
enum status sample_take(struct tool *tool, const struct daemons *daemons, struct sample *out);
void sample_fini(struct sample *sample);
/* Whether the daemon answered /metrics. */
bool reading_is_live(const struct reading *reading);
/* "" or what went wrong, also when only GET /gateways was refused for want of a token. */
const char *reading_fault(const struct reading *reading);
/* The sum of a metric (prom_sum); `name` without "fanfare_logic_" or "fanfare_gateway_". */
double reading_metric(const struct reading *reading, const char *name, const char *label);
/* The body of /readyz, also of one that is not ready; NULL when it is no JSON. The caller deletes it. */
cJSON *reading_readiness(const struct reading *reading);
/* The array of GET /gateways, or NULL; the caller deletes `*tree`. */
const cJSON *reading_gateways(const struct reading *reading, cJSON **tree);

#endif
