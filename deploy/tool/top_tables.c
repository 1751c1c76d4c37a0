/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of `fanfare top`. */
#include "deploy/tool/top_tables.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Two readings of one daemon and the time between. */
struct pair {
    const struct reading *now;
    const struct reading *before; /* or NULL */
    double seconds;
};

/* clang-format off */
static const struct column logic_columns[] = {
    {"LOGIC", "logic", 0, 0},             {"STATE", "state", 0, 0},          {"LINKS", "linksUp", 0, 0},
    {"KNOWN", "gatewaysKnown", 4, 0},     {"PUSHES/S", "pushesRate", 0, 0},  {"ITEMS/S", "itemsRate", 3, 0},
    {"REFUSED/S", "refusedRate", 0, 0},   {"LET GO/S", "droppedRate", 0, 0}, {"QUEUED", "pushesQueued", 2, 0},
    {"QUEUE", "bytesQueued", 5, 0},       {"REDIS", "redis", 1, 0},          {"LOG LOST/S", "logLostRate", 6, 0},
};

static const struct column link_columns[] = {
    {"GATEWAY", "address", 0, 0},         {"ID", "id", 7, 0},                {"LOGIC", "logic", 3, 0},
    {"SOURCE", "source", 9, 0},           {"STATE", "state", 0, 0},          {"QUEUED", "pushesQueued", 2, 0},
    {"QUEUE", "bytesQueued", 8, 0},       {"RTT MS", "rttMs", 4, 0},         {"CLIENTS", "clients", 5, 0},
    {"AGO", "lastErrorSecondsAgo", 0, 0}, {"LAST ERROR", "lastError", 0, 20},
};

static const struct column gateway_columns[] = {
    {"GATEWAY ADMIN", "gateway", 0, 0},   {"STATE", "state", 0, 0},          {"CLIENTS", "clients", 0, 0},
    {"ROOMS", "rooms", 5, 0},             {"ITEMS/S", "itemsRate", 2, 0},    {"FRAMES/S", "framesRate", 0, 0},
    {"BYTES/S", "bytesRate", 6, 0},       {"DROPPED/S", "droppedRate", 0, 0}, {"QUEUED", "framesQueued", 1, 0},
    {"JOBS", "jobs", 7, 0},               {"CLOSES/S", "closesRate", 3, 0},  {"REDIS", "redis", 1, 0},
    {"LOG LOST/S", "logLostRate", 8, 0},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct cell rate_of(const struct pair *pair, const char *name)
{
    double before = pair->before != NULL ? reading_metric(pair->before, name, NULL) : NAN;
    double now = reading_metric(pair->now, name, NULL);

    /* A counter that fell is that of a new process. */
    if (isnan(before) || isnan(now) || now < before || pair->seconds <= 0)
        return cell_rate(NAN);
    return cell_rate((now - before) / pair->seconds);
}

static struct cell number_of(const struct pair *pair, const char *name, const char *label)
{
    return cell_number(reading_metric(pair->now, name, label));
}

static struct cell state_of(const struct reading *reading)
{
    if (!reading_is_live(reading))
        return cell_text("unreachable", PAINT_RED);
    if (reading_metric(reading, "draining", NULL) > 0)
        return cell_text("draining", PAINT_YELLOW);
    return http_call_ok(&reading->ready) ? cell_text("ready", PAINT_GREEN)
                                         : cell_text("not ready", PAINT_RED);
}

/* "up", "down" when one connection is, "none" without Redis. */
static struct cell redis_of(const struct reading *reading)
{
    cJSON *tree = reading_readiness(reading);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "redis");
    const cJSON *each;
    bool up = true;
    struct cell cell = cell_text("none", PAINT_DIM);

    cJSON_ArrayForEach(each, list)
    {
        up = up && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(each, "up"));
    }
    if (cJSON_GetArraySize(list) > 0)
        cell = up ? cell_text("up", PAINT_GREEN) : cell_text("down", PAINT_RED);
    cJSON_Delete(tree);
    return reading_is_live(reading) ? cell : cell_text(NULL, PAINT_OFF);
}

static enum status add_logic(struct table *table, const struct pair *pair)
{
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_text(pair->now->address, PAINT_OFF);
    *cell++ = state_of(pair->now);
    *cell++ = number_of(pair, "links", "state=\"up\"");
    *cell++ = number_of(pair, "gateways", NULL);
    *cell++ = rate_of(pair, "pushes_received_total");
    *cell++ = rate_of(pair, "items_accepted_total");
    *cell++ = cell_alarm(rate_of(pair, "pushes_refused_total"));
    *cell++ = cell_alarm(rate_of(pair, "link_pushes_dropped_total"));
    *cell++ = number_of(pair, "link_pushes_queued", NULL);
    *cell++ = cell_bytes(reading_metric(pair->now, "link_bytes_queued", NULL));
    *cell++ = redis_of(pair->now);
    *cell++ = cell_alarm(rate_of(pair, "log_lines_dropped_total"));
    return STATUS_OK;
}

static enum status add_gateway(struct table *table, const struct pair *pair)
{
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_text(pair->now->address, PAINT_OFF);
    *cell++ = state_of(pair->now);
    *cell++ = number_of(pair, "clients", NULL);
    *cell++ = number_of(pair, "rooms", NULL);
    *cell++ = rate_of(pair, "items_received_total");
    *cell++ = rate_of(pair, "frames_delivered_total");
    *cell = rate_of(pair, "bytes_delivered_total");
    cell++->kind = CELL_BYTES;
    *cell++ = cell_alarm(rate_of(pair, "frames_dropped_total"));
    *cell++ = number_of(pair, "frames_queued", NULL);
    *cell++ = number_of(pair, "fanout_jobs", NULL);
    *cell++ = rate_of(pair, "closes_total");
    *cell++ = redis_of(pair->now);
    *cell++ = cell_alarm(rate_of(pair, "log_lines_dropped_total"));
    return STATUS_OK;
}

static const char *text_member(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static double number_member(const cJSON *object, const char *key)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(member) ? member->valuedouble : NAN;
}

static enum paint paint_of_state(const char *state)
{
    if (state == NULL)
        return PAINT_OFF;
    return strcmp(state, "up") == 0 ? PAINT_GREEN : strcmp(state, "down") == 0 ? PAINT_RED : PAINT_YELLOW;
}

static enum status add_link(struct table *table, const char *logic, const cJSON *gateway)
{
    const cJSON *queue = cJSON_GetObjectItemCaseSensitive(gateway, "queue");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(gateway, "lastError");
    const char *state = text_member(gateway, "state");
    struct cell *cell = table_add(table);

    if (cell == NULL)
        return STATUS_NO_MEMORY;
    *cell++ = cell_text(text_member(gateway, "address"), PAINT_OFF);
    *cell++ = cell_text(text_member(gateway, "id"), PAINT_OFF);
    *cell++ = cell_text(logic, PAINT_DIM);
    *cell++ = cell_text(text_member(gateway, "source"), PAINT_OFF);
    *cell++ = cell_text(state, paint_of_state(state));
    *cell++ = cell_number(number_member(queue, "pushes"));
    *cell++ = cell_bytes(number_member(queue, "bytes"));
    *cell++ = cell_number(number_member(gateway, "rttMs"));
    *cell++ = cell_number(number_member(gateway, "clients"));
    *cell++ = cell_age(number_member(error, "secondsAgo"));
    *cell++ = cell_text(text_member(error, "text"), PAINT_YELLOW);
    return STATUS_OK;
}

static enum status add_links(struct table *table, const struct reading *reading)
{
    enum status status = STATUS_OK;
    const cJSON *each;
    cJSON *tree;
    const cJSON *gateways = reading_gateways(reading, &tree);

    cJSON_ArrayForEach(each, gateways)
    {
        if (status == STATUS_OK)
            status = add_link(table, reading->address, each);
    }
    cJSON_Delete(tree);
    return status;
}

enum status top_tables_make(const struct sample *now, const struct sample *before,
                            struct table tables[TOP_TABLES])
{
    enum status status = STATUS_OK;

    tables[TOP_LOGICS] =
        (struct table){.key = "logics", .columns = logic_columns, .column_count = COUNT(logic_columns)};
    tables[TOP_LINKS] =
        (struct table){.key = "links", .columns = link_columns, .column_count = COUNT(link_columns)};
    tables[TOP_GATEWAYS] =
        (struct table){.key = "gateways", .columns = gateway_columns, .column_count = COUNT(gateway_columns)};
    tables[TOP_LINKS].same = now->logics == 1 ? "logic" : NULL;
    for (size_t i = 0; i < now->count && status == STATUS_OK; i++) {
        struct pair pair = {&now->readings[i], before != NULL ? &before->readings[i] : NULL,
                            before != NULL ? (double)(now->at_us - before->at_us) / 1e6 : 0};

        if (i < now->logics)
            status = add_logic(&tables[TOP_LOGICS], &pair);
        else
            status = add_gateway(&tables[TOP_GATEWAYS], &pair);
        if (status == STATUS_OK && i < now->logics)
            status = add_links(&tables[TOP_LINKS], pair.now);
    }
    return status;
}

void top_tables_free(struct table tables[TOP_TABLES])
{
    for (size_t i = 0; i < TOP_TABLES; i++)
        table_fini(&tables[i]);
}
