/* SPDX-License-Identifier: Apache-2.0 */
/* A query has a part for each gateway that is known when it begins; of links it keeps no more than the
 * question that is under way, so gateways may come and go. Answers are read as they come, between pushes, and
 * merged when the last is there. The loop's thread only. */
#include "logic/query/query.h"

#include <stdlib.h>
#include <string.h>

#include "logic/link/link_query.h"
#include "logic/metrics/logic_metrics.h"
#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

struct asked {
    struct query *query;
    struct link_query *link; /* under way, or NULL */
    char *name;
    uint8_t *body; /* owned; of parts[i].body */
};

struct query {
    struct queries *queries;
    const struct query_kind *kind;
    struct event *timer;
    query_done *done;
    void *arg;
    int64_t since_us;
    size_t pending;
    size_t count;
    struct asked *asked; /* one for each part */
    struct query_part *parts;
};

void queries_init(struct queries *queries, struct event_base *base, const struct gateway_set *gateways,
                  int timeout_ms)
{
    *queries = (struct queries){.base = base, .gateways = gateways, .timeout_ms = timeout_ms};
}

static void query_free(struct query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        if (query->asked[i].link != NULL)
            link_query_cancel(query->asked[i].link);
        query->queries->bytes -= query->parts[i].body.len;
        free(query->asked[i].body);
        free(query->asked[i].name);
    }
    if (query->timer != NULL)
        event_free(query->timer);
    free(query->asked);
    free(query->parts);
    free(query);
}

static void leave(struct query *query)
{
    query->queries->count--;
    metrics_sub(LM_QUERIES, 1);
}

static void count_parts(const struct query *query)
{
    static const unsigned rows[] = {[QUERY_ANSWERED] = LM_QUERY_ANSWERS_TAKEN,
                                    [QUERY_LATE] = LM_QUERY_ANSWERS_LATE,
                                    [QUERY_FAILED] = LM_QUERY_ANSWERS_FAILED};

    for (size_t i = 0; i < query->count; i++) {
        enum query_state state = query->parts[i].state;
        if (state == QUERY_ANSWERED || state == QUERY_LATE || state == QUERY_FAILED)
            metrics_add(rows[state], 1);
    }
}

static void give_up_late(struct query *query)
{
    for (size_t i = 0; i < query->count; i++) {
        if (query->parts[i].state == QUERY_ASKED)
            query->parts[i].state = QUERY_LATE;
    }
}

/* Whoever waits may ask the next question meanwhile. */
static void on_end(evutil_socket_t fd, short what, void *arg)
{
    struct query *query = arg;

    (void)fd;
    (void)what;
    give_up_late(query);
    count_parts(query);
    metrics_observe(LM_QUERY_SECONDS, clock_now_us() - query->since_us);
    leave(query);
    query->done(query->parts, query->count, query->arg);
    query_free(query);
}

static enum query_state keep(struct query *query, size_t index, int status, struct slice body)
{
    struct query_part *part = &query->parts[index];

    if (status == 0)
        return QUERY_LATE;
    if (status != 200 || body.len == 0 || body.len > QUERIES_BYTES - query->queries->bytes)
        return QUERY_FAILED;
    query->asked[index].body = malloc(body.len);
    if (query->asked[index].body == NULL)
        return QUERY_FAILED;
    memcpy(query->asked[index].body, body.data, body.len);
    part->body = slice_of(query->asked[index].body, body.len);
    query->queries->bytes += body.len;
    return query_part_read(part, query->kind) ? QUERY_ANSWERED : QUERY_FAILED;
}

static void on_answer(void *arg, int status, struct slice body)
{
    struct asked *asked = arg;
    struct query *query = asked->query;
    size_t index = (size_t)(asked - query->asked);

    asked->link = NULL;
    query->parts[index].state = keep(query, index, status, body);
    if (--query->pending == 0)
        event_active(query->timer, EV_TIMEOUT, 0);
}

static bool is_instance(const struct gateway_link *link, struct slice instance)
{
    const struct hello *hello = gateway_link_hello(link);

    return hello != NULL && instance.len <= strlen(hello->instance) &&
           memcmp(hello->instance, instance.data, instance.len) == 0;
}

static void ask_gateway(struct query *query, size_t index, struct gateway_link *link, struct slice text,
                        struct slice instance)
{
    struct asked *asked = &query->asked[index];
    struct query_part *part = &query->parts[index];
    enum status status;

    if (instance.len > 0 && gateway_link_hello(link) != NULL && !is_instance(link, instance)) {
        part->state = QUERY_ELSEWHERE;
        return;
    }
    if (!gateway_link_knows_queries(link))
        return;
    metrics_add(LM_QUERY_QUESTIONS, 1);
    status = gateway_link_ask(link, text, on_answer, asked, &asked->link);
    part->state = status == STATUS_OK ? QUERY_ASKED : status == STATUS_FULL ? QUERY_LATE : QUERY_FAILED;
    query->pending += status == STATUS_OK;
}

/* With one that was asked, no other can have what is looked for. */
static void narrow(struct query *query)
{
    for (size_t i = 0; i < query->count && query->pending > 0; i++)
        if (query->parts[i].state == QUERY_NOT_ASKED)
            query->parts[i].state = QUERY_ELSEWHERE;
}

static void ask_all(struct query *query, struct slice text, struct slice instance)
{
    const struct gateway_set *set = query->queries->gateways;

    for (size_t i = 0; i < query->count; i++)
        ask_gateway(query, i, set->entries[i].link, text, instance);
    if (instance.len > 0)
        narrow(query);
    if (query->pending == 0)
        event_active(query->timer, EV_TIMEOUT, 0);
    else
        (void)loop_event_after_ms(query->timer, query->queries->timeout_ms);
}

static enum status make_parts(struct query *query, const struct gateway_set *set)
{
    query->asked = calloc(set->count + 1, sizeof *query->asked);
    query->parts = calloc(set->count + 1, sizeof *query->parts);
    query->timer = evtimer_new(query->queries->base, on_end, query);
    if (query->asked == NULL || query->parts == NULL || query->timer == NULL)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < set->count; i++) {
        query->asked[i].query = query;
        query->asked[i].name = strdup(gateway_link_name(set->entries[i].link));
        query->count++;
        if (query->asked[i].name == NULL)
            return STATUS_NO_MEMORY;
        query->parts[i].gateway = query->asked[i].name;
    }
    return STATUS_OK;
}

enum status query_ask(struct queries *queries, const struct query_kind *kind, struct slice text,
                      struct slice instance, query_done *done, void *arg, struct query **out)
{
    struct query *query;

    if (queries->count == QUERIES_AT_ONCE) {
        metrics_add(LM_QUERIES_REFUSED, 1);
        return STATUS_FULL;
    }
    query = calloc(1, sizeof *query);
    if (query == NULL)
        return STATUS_NO_MEMORY;
    *query = (struct query){
        .queries = queries, .kind = kind, .done = done, .arg = arg, .since_us = clock_now_us()};
    if (make_parts(query, queries->gateways) != STATUS_OK) {
        query_free(query);
        return STATUS_NO_MEMORY;
    }
    queries->count++;
    metrics_add(LM_QUERIES, 1);
    metrics_add(LM_QUERIES_ASKED, 1);
    ask_all(query, text, instance);
    *out = query;
    return STATUS_OK;
}

void query_cancel(struct query *query)
{
    if (query == NULL)
        return;
    give_up_late(query);
    count_parts(query);
    leave(query);
    query_free(query);
}
