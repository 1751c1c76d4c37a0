/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemons say of themselves: readiness, links, and everything that they dropped. The
 * loop's thread; only reads. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "deploy/tool/printable.h"
#include "deploy/tool/prom.h"
#include "deploy/tool/why.h"

/* Counters that tell of something that was not delivered, and what each means. */
static const struct loss {
    enum daemon_kind kind;
    const char *metric;
    const char *label;
    const char *meaning;
} losses[] = {
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"invalid\"",
     "pushes were refused as invalid: their callers got 400"},
    {DAEMON_LOGIC, "http_unauthorized_total", NULL,
     "calls were refused for want of a valid token: their callers got 401"},
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"forbidden\"",
     "pushes were refused because their caller's token lacks the right: 403 (caller_refused_total "
     "says "
     "whose)"},
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"rate_limited\"",
     "pushes were past the rate of their caller's token: 429 (caller_refused_total says whose)"},
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"queue_full\"",
     "pushes were refused because a gateway is behind: 503"},
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"no_gateway\"",
     "pushes were refused because no gateway was there: 503"},
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"gateway_limits\"",
     "pushes were past the limits of every gateway: 400 gateway_limits"},
    {DAEMON_LOGIC, "pushes_refused_total", "reason=\"no_memory\"", "pushes were refused for want of memory"},
    {DAEMON_LOGIC, "link_pushes_dropped_total", "reason=\"expired\"",
     "pushes waited too long for a gateway that was down (linkQueueSeconds)"},
    {DAEMON_LOGIC, "link_pushes_dropped_total", "reason=\"down\"",
     "pushes met a gateway that had been down for long"},
    {DAEMON_LOGIC, "link_pushes_dropped_total", "reason=\"refused\"",
     "pushes were refused by a gateway: do the limits of both agree?"},
    {DAEMON_LOGIC, "link_pushes_dropped_total", "reason=\"gone\"", "pushes waited for a gateway that left"},
    {DAEMON_LOGIC, "link_pushes_dropped_total", "reason=\"shutdown\"", "pushes were left over at the end"},
    {DAEMON_LOGIC, "bus_pushes_dropped_total", NULL, "pushes were not published on the bus"},
    {DAEMON_GATEWAY, "items_dropped_total", NULL, "items were dropped before the fan-out"},
    {DAEMON_GATEWAY, "frames_dropped_total", "reason=\"slow_closed\"",
     "frames were lost with clients that read too slowly (closed, 4200)"},
    {DAEMON_GATEWAY, "frames_dropped_total", "reason=\"drop_oldest\"",
     "frames were dropped for clients that read too slowly (slowClientPolicy)"},
    {DAEMON_GATEWAY, "frames_dropped_total", "reason=\"drop_newest\"",
     "frames were dropped for clients that read too slowly (slowClientPolicy)"},
    {DAEMON_GATEWAY, "frames_dropped_total", "reason=\"client_gone\"",
     "frames were under way to clients that went"},
    {DAEMON_GATEWAY, "frames_dropped_total", "reason=\"no_memory\"", "frames were lost for want of memory"},
    {DAEMON_GATEWAY, "items_no_audience_total", NULL,
     "items were for rooms in which no client of this gateway was (normal with several gateways)"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4001\"", "clients were closed for a JOIN of an invalid room"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4002\"",
     "clients were closed because their credential was refused"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4003\"", "clients were closed because a caller kicked them"},
    {DAEMON_GATEWAY, "closes_total", "code=\"custom\"",
     "clients were closed because a caller kicked them, with a code of its own"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4100\"", "clients were closed for sending too much"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4101\"",
     "clients were closed because their credential could not be judged (keys, auth.hook.url)"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4102\"",
     "clients were closed because their user has too many connections (maxClientsPerUser)"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4201\"",
     "clients were closed because they were silent for too long"},
    {DAEMON_GATEWAY, "closes_total", "code=\"4202\"", "clients were closed because their token had ended"},
    {DAEMON_GATEWAY, "rpc_certificates_refused_total", NULL,
     "connections of logics were refused over their certificates (rpc.ca): its log names them"},
    {DAEMON_LOGIC, "log_lines_dropped_total", NULL, "log lines were lost: who should read its stderr?"},
    {DAEMON_GATEWAY, "log_lines_dropped_total", NULL, "log lines were lost: who should read its stderr?"},
    {DAEMON_GATEWAY, "clients_refused_total", NULL, "connections were refused before they were open"},
};

static void say_losses(struct why *why, const struct reading *reading)
{
    size_t found = 0;

    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        double count = losses[i].kind == reading->kind
                           ? reading_metric(reading, losses[i].metric, losses[i].label)
                           : NAN;

        if (isnan(count) || count <= 0)
            continue;
        found++;
        why_say(why, FINDING_NOTE, "losses", reading->address, "since its start %.0f %s", count,
                losses[i].meaning);
    }
    if (found == 0)
        why_say(why, FINDING_OK, "losses", reading->address, "none since its start");
}

static const char *text_member(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text != NULL ? text : "";
}

/* Limits that this logic lets through and the gateway refuses. */
static void say_limits(struct why *why, const char *logic, const cJSON *gateway)
{
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(gateway, "limits");
    const cJSON *each;

    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(gateway, "limitsBelow"))
    {
        const char *name = cJSON_IsString(each) ? each->valuestring : "?";
        const cJSON *limit = cJSON_GetObjectItemCaseSensitive(limits, name);

        why_say(
            why, FINDING_BAD, "limits", logic,
            "its gateway %s has %s %.0f, which is less than this logic lets through: what is more is refused "
            "for the clients there",
            text_member(gateway, "address"), name, cJSON_IsNumber(limit) ? limit->valuedouble : 0);
    }
}

static void say_gateway(struct why *why, const char *logic, const cJSON *gateway)
{
    const char *address = text_member(gateway, "address");
    const char *state = text_member(gateway, "state");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(gateway, "lastError");
    const cJSON *queued =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(gateway, "queue"), "pushes");

    if (strcmp(state, "up") != 0 && strcmp(state, "draining") != 0)
        why_say(why, FINDING_BAD, "link", logic,
                "its gateway %s is %s%s%s: clients there get nothing of this logic", address, state,
                text_member(error, "text")[0] ? ", " : "", text_member(error, "text"));
    else if (strcmp(state, "draining") == 0)
        why_say(why, FINDING_NOTE, "link", logic, "its gateway %s drains: its clients are sent elsewhere",
                address);
    else if (cJSON_IsNumber(queued) && queued->valuedouble > 0)
        why_say(why, FINDING_NOTE, "link", logic, "its gateway %s is up, %.0f pushes wait for it", address,
                queued->valuedouble);
    else
        why_say(why, FINDING_OK, "link", logic, "its gateway %s is up", address);
}

static void say_gateways(struct why *why, const struct reading *reading)
{
    const cJSON *each;
    cJSON *tree;
    const cJSON *gateways = reading_gateways(reading, &tree);

    if (reading->gateways.answer.status == 401)
        why_say(why, FINDING_NOTE, "link", reading->address,
                "GET /gateways was refused, HTTP 401: this logic asks for a token, see --tokens");
    else if (reading->gateways.answer.status == 403)
        why_say(why, FINDING_NOTE, "link", reading->address,
                "GET /gateways was refused, HTTP 403: the token is good, but lacks the right query");
    else if (gateways == NULL)
        why_say(why, FINDING_NOTE, "link", reading->address,
                "GET /gateways was not answered: an older logic?");
    else if (cJSON_GetArraySize(gateways) == 0)
        why_say(why, FINDING_BAD, "link", reading->address, "it knows no gateway (gatewayList, discovery)");
    cJSON_ArrayForEach(each, gateways)
    {
        say_gateway(why, reading->address, each);
        say_limits(why, reading->address, each);
    }
    cJSON_Delete(tree);
}

/* The message of the error, not the whole body. */
static void say_not_ready(struct why *why, const struct reading *reading, const char *step)
{
    cJSON *tree = reading_readiness(reading);
    const char *message = text_member(cJSON_GetObjectItemCaseSensitive(tree, "error"), "message");
    char body[200];

    printable_copy(http_call_body(&reading->ready), body, sizeof body);
    why_say(why, FINDING_BAD, step, reading->address, "not ready: %s",
            reading->ready.fault[0] ? reading->ready.fault
            : message[0]            ? message
                                    : body);
    cJSON_Delete(tree);
}

static bool say_ready(struct why *why, const struct reading *reading, const char *step)
{
    if (!reading_is_live(reading)) {
        why_say(why, FINDING_BAD, step, reading->address, "%s", reading_fault(reading));
        return false;
    }
    why->answered++;
    if (http_call_ok(&reading->ready))
        why_say(why, FINDING_OK, step, reading->address, "ready");
    else
        say_not_ready(why, reading, step);
    why_look_at_redis(why, reading);
    return true;
}

static void say_logic(struct why *why, const struct reading *reading)
{
    if (!say_ready(why, reading, "logic"))
        return;
    say_gateways(why, reading);
    say_losses(why, reading);
}

static void say_own_state(struct why *why, const struct reading *reading)
{
    double connections = reading_metric(reading, "rpc_connections", NULL);
    double bus = reading_metric(reading, "redis_up", "what=\"bus\"");

    if (!say_ready(why, reading, "gateway"))
        return;
    if (connections == 0 && !(bus > 0))
        why_say(why, FINDING_BAD, "gateway", reading->address,
                "no logic is connected to it: nothing that is pushed reaches its clients");
    else
        why_say(why, FINDING_OK, "gateway", reading->address,
                "connections from logics: %.0f; clients: %.0f; rooms: %.0f", connections,
                reading_metric(reading, "clients", NULL), reading_metric(reading, "rooms", NULL));
    if (reading_metric(reading, "rpc_held", NULL) > 0)
        why_say(why, FINDING_NOTE, "gateway", reading->address, "it is behind: pushes wait in the logics");
    if (reading_metric(reading, "frames_queued", NULL) > 0)
        why_say(why, FINDING_NOTE, "gateway", reading->address,
                "%.0f frames wait for clients that read slowly",
                reading_metric(reading, "frames_queued", NULL));
    say_losses(why, reading);
}

enum status why_look_at_daemons(struct why *why)
{
    struct sample sample;
    enum status status = sample_take(why->tool, &why->daemons, &sample);

    for (size_t i = 0; i < sample.count && status == STATUS_OK; i++)
        if (sample.readings[i].kind == DAEMON_LOGIC)
            say_logic(why, &sample.readings[i]);
        else
            say_own_state(why, &sample.readings[i]);
    sample_fini(&sample);
    return status;
}
