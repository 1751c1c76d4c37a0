/* SPDX-License-Identifier: Apache-2.0 */
/* The two answers come in any order; each is printed when it comes, and the second one puts both together. A
 * gateway that came or went in between has what this logic knows of it, and no node. */
#include "logic/api/cluster_query.h"

#include <inttypes.h>
#include <stdlib.h>

#include "logic/api/api_guard.h"
#include "logic/api/gateways_answer.h"
#include "logic/api/push_job.h"
#include "logic/api/query_permit.h"
#include "logic/api/query_refusal.h"
#include "logic/metrics/logic_metrics.h"
#include "logic/query/node_answer.h"
#include "logic/query/query_text.h"
#include "logic/query/rooms_answer.h"
#include "shared/base/clock.h"
#include "shared/log/log_recent.h"
#include "shared/net/loop_event.h"

enum { LOOK_MS = 1000, ROOMS_SHOWN = 20 };

struct cluster_job {
    struct list node; /* in cluster->jobs */
    struct cluster_query *cluster;
    struct http_exchange *exchange;
    struct query *nodes; /* under way, or NULL */
    struct query *rooms; /* likewise */
    enum status status;
    struct buf gateways; /* what the nodes' answers make of the whole */
    struct buf busiest;  /* likewise the rooms' */
};

static void look(struct cluster_query *cluster)
{
    rate_window_note(&cluster->pushes, clock_now_ms(), metrics_get(LM_PUSHES_RECEIVED));
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look(arg);
}

enum status cluster_query_init(struct cluster_query *cluster, struct event_base *base,
                               struct queries *queries, const char *instance)
{
    *cluster = (struct cluster_query){.queries = queries, .instance = instance, .started_ms = clock_now_ms()};
    list_init(&cluster->jobs);
    cluster->look = event_new(base, -1, EV_PERSIST, on_look, cluster);
    if (cluster->look == NULL)
        return STATUS_NO_MEMORY;
    look(cluster);
    return loop_event_after_ms(cluster->look, LOOK_MS);
}

static void job_free(struct cluster_job *job)
{
    query_cancel(job->nodes);
    query_cancel(job->rooms);
    list_remove(&job->node);
    buf_fini(&job->gateways);
    buf_fini(&job->busiest);
    free(job);
}

void cluster_query_fini(struct cluster_query *cluster)
{
    struct list *first;

    while ((first = list_first(&cluster->jobs)) != NULL) {
        struct cluster_job *job = container_of(first, struct cluster_job, node);
        query_refuse_closing(job->exchange);
        job_free(job);
    }
    loop_event_free(cluster->look);
    cluster->look = NULL;
}

/* What the gateway says itself, or NULL. */
static const struct query_part *part_of(const char *name, size_t index, const struct query_part *parts,
                                        size_t count)
{
    if (index < count && strcmp(parts[index].gateway, name) == 0)
        return &parts[index];
    for (size_t i = 0; i < count; i++)
        if (strcmp(parts[i].gateway, name) == 0)
            return &parts[i];
    return NULL;
}

static enum status append_gateway(struct buf *out, const struct gateway_entry *entry,
                                  const struct query_part *part, int64_t *clients)
{
    struct link_details link;

    gateway_link_describe(entry->link, clock_now_ms(), &link);
    int64_t here = node_answer_clients(part) >= 0 ? node_answer_clients(part) : link.clients;
    *clients += here > 0 ? here : 0;
    enum status status = gateways_answer_append_one(out, gateway_link_name(entry->link), entry, &link);
    if (status != STATUS_OK)
        return status;
    out->len--; /* the brace, behind the node */
    status = buf_append_str(out, ",\"node\":");
    if (status == STATUS_OK)
        status = node_answer_append(out, part);
    return status != STATUS_OK ? status : buf_append_str(out, "}");
}

static enum status append_gateways(struct buf *out, const struct gateway_set *set,
                                   const struct query_part *parts, size_t count)
{
    enum status status = buf_append_str(out, ",\"gateways\":[");
    int64_t clients = 0;

    for (size_t i = 0; i < set->count && status == STATUS_OK; i++) {
        const char *name = gateway_link_name(set->entries[i].link);
        status = i > 0 ? buf_append_str(out, ",") : STATUS_OK;
        if (status == STATUS_OK)
            status = append_gateway(out, &set->entries[i], part_of(name, i, parts, count), &clients);
    }
    return status != STATUS_OK ? status : buf_printf(out, "],\"clients\":%" PRId64, clients);
}

/* This logic's own lines, as JSON; they live in `arena`. */
static size_t own_lines(struct node_line out[LOG_RECENT_LINES], struct buf *arena)
{
    struct log_recent_line lines[LOG_RECENT_LINES];
    size_t count = log_recent_copy(lines);
    size_t ends[LOG_RECENT_LINES][2];
    size_t made = 0;

    for (; made < count; made++) {
        const char *level = log_level_name(lines[made].level);
        if (buf_append_json_string(arena, level, strlen(level)) != STATUS_OK)
            break;
        ends[made][0] = arena->len;
        if (buf_append_json_string(arena, lines[made].text, strlen(lines[made].text)) != STATUS_OK)
            break;
        ends[made][1] = arena->len;
    }
    for (size_t i = 0, at = 0; i < made; at = ends[i++][1])
        out[i] = (struct node_line){"logic", (clock_now_ms() - lines[i].at_ms) / 1000,
                                    slice_of(arena->data + at, ends[i][0] - at),
                                    slice_of(arena->data + ends[i][0], ends[i][1] - ends[i][0])};
    return made;
}

/* A line may name what a bounded caller may not see. */
static enum status append_errors(struct buf *out, bool bounded, const struct query_part *parts, size_t count)
{
    struct node_line lines[LOG_RECENT_LINES];
    struct buf arena;

    if (bounded)
        return buf_append_str(out, ",\"errors\":[]");
    buf_init(&arena, SIZE_MAX);
    size_t own = own_lines(lines, &arena);
    enum status status = buf_append_str(out, ",\"errors\":");
    if (status == STATUS_OK)
        status = node_answer_append_lines(out, lines, own, parts, count);
    buf_fini(&arena);
    return status;
}

static enum status append_logic(struct buf *out, const struct cluster_query *cluster)
{
    int64_t now_ms = clock_now_ms();

    return buf_printf(out,
                      "{\"logic\":{\"instance\":\"%s\",\"version\":\"" FANFARE_VERSION
                      "\",\"uptime\":%" PRId64 ",\"pushesPerSecond\":%.1f,\"links\":%zu}",
                      cluster->instance, (now_ms - cluster->started_ms) / 1000,
                      rate_window_per_second(&cluster->pushes, now_ms, metrics_get(LM_PUSHES_RECEIVED)),
                      gateway_set_up(cluster->queries->gateways));
}

static void settle(struct cluster_job *job)
{
    struct buf out;

    if (job->nodes != NULL || job->rooms != NULL)
        return;
    buf_init(&out, SIZE_MAX);
    if (job->status == STATUS_OK)
        job->status = append_logic(&out, job->cluster);
    if (job->status == STATUS_OK)
        job->status = buf_append(&out, job->gateways.data, job->gateways.len);
    if (job->status == STATUS_OK)
        job->status = buf_append_str(&out, ",\"rooms\":");
    if (job->status == STATUS_OK)
        job->status = buf_append(&out, job->busiest.data, job->busiest.len);
    if (job->status == STATUS_OK)
        job->status = buf_append_str(&out, "}");
    if (job->status == STATUS_OK)
        push_job_reply(job->exchange, 200, slice_of(out.data, out.len));
    else
        query_refuse_status(job->exchange, job->status);
    buf_fini(&out);
    job_free(job);
}

static void on_nodes(const struct query_part *parts, size_t count, void *arg)
{
    struct cluster_job *job = arg;
    bool bounded = query_permit_rooms(api_guard_caller(job->exchange)) != NULL;

    job->nodes = NULL;
    if (job->status == STATUS_OK)
        job->status = append_gateways(&job->gateways, job->cluster->queries->gateways, parts, count);
    if (job->status == STATUS_OK)
        job->status = append_errors(&job->gateways, bounded, parts, count);
    if (job->status == STATUS_OK)
        job->status = buf_append_str(&job->gateways, ",\"answers\":");
    if (job->status == STATUS_OK)
        job->status = query_gateways_append(&job->gateways, parts, count);
    settle(job);
}

static void on_rooms(const struct query_part *parts, size_t count, void *arg)
{
    struct cluster_job *job = arg;

    job->rooms = NULL;
    if (job->status == STATUS_OK)
        job->status = rooms_answer_append_list(
            &job->busiest, ROOMS_SHOWN, query_permit_rooms(api_guard_caller(job->exchange)), parts, count);
    settle(job);
}

static enum status ask(struct cluster_job *job)
{
    struct queries *queries = job->cluster->queries;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    enum status status = query_text_node(&text);
    if (status == STATUS_OK)
        status = query_ask(queries, &node_answer_kind, slice_of(text.data, text.len), slice_of(NULL, 0),
                           on_nodes, job, &job->nodes);
    buf_clear(&text);
    if (status == STATUS_OK)
        status = query_text_rooms(&text, slice_of(NULL, 0));
    if (status == STATUS_OK)
        status = query_ask(queries, &rooms_answer_kind, slice_of(text.data, text.len), slice_of(NULL, 0),
                           on_rooms, job, &job->rooms);
    buf_fini(&text);
    return status;
}

void cluster_query_run(struct cluster_query *cluster, struct http_exchange *exchange)
{
    struct cluster_job *job = calloc(1, sizeof *job);

    if (job == NULL) {
        query_refuse_status(exchange, STATUS_NO_MEMORY);
        return;
    }
    job->cluster = cluster;
    job->exchange = exchange;
    buf_init(&job->gateways, SIZE_MAX);
    buf_init(&job->busiest, SIZE_MAX);
    list_add_tail(&cluster->jobs, &job->node);
    enum status status = ask(job);
    if (status == STATUS_OK)
        return;
    query_refuse_status(exchange, status);
    job_free(job);
}
