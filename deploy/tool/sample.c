/* SPDX-License-Identifier: Apache-2.0 */
/* Asks every daemon at once. The loop's thread. */
#include "deploy/tool/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "deploy/tool/prom.h"
#include "shared/base/clock.h"

enum { METRIC_NAME_MAX = 128 };

enum status daemons_init(struct daemons *daemons, const struct options *options, struct fault *fault)
{
    struct fault why = {""};

    *daemons = (struct daemons){0};
    daemons->logics = url_list(&options->logics, URL_HTTP, &why);
    if (daemons->logics == NULL)
        return fault_set(fault, STATUS_INVALID, "--logic: %.400s", why.text);
    daemons->admins = url_list(&options->admins, URL_HTTP, &why);
    if (daemons->admins == NULL) {
        daemons_fini(daemons);
        return fault_set(fault, STATUS_INVALID, "--gateway-admin: %.400s", why.text);
    }
    return STATUS_OK;
}

void daemons_fini(struct daemons *daemons)
{
    free(daemons->logics);
    free(daemons->admins);
    *daemons = (struct daemons){0};
}

static void ask(struct tool *tool, const struct url *url, const char *path, struct http_call *call)
{
    http_call_begin(call, tool, &(struct http_ask){.url = url, .method = "GET", .path = path});
}

static void ask_one(struct tool *tool, const struct url *url, struct reading *reading)
{
    ask(tool, url, "/readyz", &reading->ready);
    ask(tool, url, "/metrics", &reading->metrics);
    if (reading->kind == DAEMON_LOGIC)
        ask(tool, url, "/gateways", &reading->gateways);
}

static void await(struct tool *tool, struct reading *reading)
{
    http_calls_await(tool, &reading->ready, 1);
    http_calls_await(tool, &reading->metrics, 1);
    if (reading->kind == DAEMON_LOGIC)
        http_calls_await(tool, &reading->gateways, 1);
}

enum status sample_take(struct tool *tool, const struct daemons *daemons, struct sample *out)
{
    const struct options *options = tool->options;

    *out = (struct sample){.logics = options->logics.count, .at_us = clock_now_us()};
    out->readings = calloc(options->logics.count + options->admins.count, sizeof *out->readings);
    if (out->readings == NULL)
        return STATUS_NO_MEMORY;
    out->count = options->logics.count + options->admins.count;
    for (size_t i = 0; i < out->count; i++) {
        bool logic = i < out->logics;
        size_t at = logic ? i : i - out->logics;

        out->readings[i].kind = logic ? DAEMON_LOGIC : DAEMON_GATEWAY;
        out->readings[i].address = (logic ? options->logics : options->admins).items[at];
        ask_one(tool, logic ? &daemons->logics[at] : &daemons->admins[at], &out->readings[i]);
    }
    for (size_t i = 0; i < out->count; i++)
        await(tool, &out->readings[i]);
    return STATUS_OK;
}

void sample_fini(struct sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        http_call_fini(&sample->readings[i].ready);
        http_call_fini(&sample->readings[i].metrics);
        http_call_fini(&sample->readings[i].gateways);
    }
    free(sample->readings);
    *sample = (struct sample){0};
}

bool reading_is_live(const struct reading *reading)
{
    return http_call_ok(&reading->metrics);
}

const char *reading_fault(const struct reading *reading)
{
    if (reading->metrics.fault[0])
        return reading->metrics.fault;
    if (reading->metrics.answer.status != 200)
        return "/metrics was not answered with 200";
    if (reading->gateways.answer.status == 403)
        return "/gateways needs a token with the right query";
    return reading->gateways.answer.status == 401 ? "/gateways asks for a token, see --tokens" : "";
}

double reading_metric(const struct reading *reading, const char *name, const char *label)
{
    char whole[METRIC_NAME_MAX];

    if (!reading_is_live(reading))
        return NAN;
    snprintf(whole, sizeof whole, "fanfare_%s_%s", reading->kind == DAEMON_LOGIC ? "logic" : "gateway", name);
    return prom_sum(http_call_body(&reading->metrics), whole, label);
}

cJSON *reading_readiness(const struct reading *reading)
{
    struct slice body = http_call_body(&reading->ready);

    return body.len > 0 ? cJSON_ParseWithLength((const char *)body.data, body.len) : NULL;
}

const cJSON *reading_gateways(const struct reading *reading, cJSON **tree)
{
    struct slice body = http_call_body(&reading->gateways);
    const cJSON *gateways;

    *tree = NULL;
    if (reading->kind != DAEMON_LOGIC || !http_call_ok(&reading->gateways))
        return NULL;
    *tree = cJSON_ParseWithLength((const char *)body.data, body.len);
    gateways = cJSON_GetObjectItemCaseSensitive(*tree, "gateways");
    return cJSON_IsArray(gateways) ? gateways : NULL;
}
