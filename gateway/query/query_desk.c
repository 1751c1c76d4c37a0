/* SPDX-License-Identifier: Apache-2.0 */
/* A question lives until every bucket has given its part back, whether somebody waits or not: the parts stand
 * in it. All have the same time, so the list of them is sorted by it, and one timer looks at its head. */
#include "gateway/query/query_desk.h"

#include <stdlib.h>

#include "gateway/metrics/gateway_metrics.h"
#include "gateway/query/query_answer.h"
#include "gateway/query/query_request.h"
#include "shared/base/clock.h"
#include "shared/net/loop_event.h"

struct query_call {
    struct list node; /* among those that somebody waits for, or alone */
    struct query_desk *desk;
    struct query_asker *asker; /* NULL: nobody waits */
    int64_t due_ms;
    struct query query;
    struct query_found found; /* by the buckets that have answered */
    unsigned pending;         /* parts that are with a bucket */
    unsigned count;
    struct query_part parts[];
};

struct query_desk {
    struct query_desk_conf conf;
    struct list waited_for; /* the oldest first */
    unsigned under_way;
    struct event *timer;
};

static void tell(struct query_asker *asker, struct query_answer *answer, enum gateway_metric row)
{
    metrics_add((unsigned)row, 1);
    asker->call = NULL;
    asker->done(asker, answer);
}

static void tell_error(struct query_asker *asker, int status, const char *code, const char *message,
                       enum gateway_metric row)
{
    struct query_answer answer = {.status = status, .code = code, .message = message};

    buf_init(&answer.body, 0);
    tell(asker, &answer, row);
}

static void tell_no_memory(struct query_asker *asker)
{
    tell_error(asker, 500, "internal", "out of memory", M_QUERIES_FAILED);
}

static void call_free(struct query_call *call)
{
    list_remove(&call->node);
    for (unsigned i = 0; i < call->count; i++)
        query_found_fini(&call->parts[i].found);
    query_found_fini(&call->found);
    call->desk->under_way--;
    metrics_sub(M_QUERIES, 1);
    free(call);
}

/* Nobody waits for it from here on; the buckets are told to let it go. Returns who did. */
static struct query_asker *let_go(struct query_call *call)
{
    struct query_asker *asker = call->asker;

    call->asker = NULL;
    list_remove(&call->node);
    atomic_store(&call->query.given_up, true);
    return asker;
}

static void answer_call(struct query_call *call)
{
    struct query_asker *asker = let_go(call);
    struct query_answer answer = {.status = 200};

    if (query_answer_print(&call->query, &call->found, &answer.body) == STATUS_OK)
        tell(asker, &answer, M_QUERIES_ANSWERED);
    else
        tell_no_memory(asker);
    buf_fini(&answer.body);
}

static void on_part(void *arg, struct control_mail *mail)
{
    struct query_part *part = container_of(mail, struct query_part, back);
    struct query_call *call = part->owner;

    (void)arg;
    if (call->asker != NULL)
        query_found_merge(&call->found, &part->found);
    query_found_fini(&part->found);
    if (--call->pending > 0)
        return;
    if (call->asker != NULL)
        answer_call(call);
    call_free(call);
}

static void set_timer(const struct query_desk *desk)
{
    struct list *first = list_first(&desk->waited_for);

    if (first == NULL)
        return;
    const struct query_call *call = container_of(first, struct query_call, node);
    (void)loop_event_after_ms(desk->timer, call->due_ms - clock_now_ms());
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct query_desk *desk = arg;
    struct list *first;

    (void)fd;
    (void)what;
    while ((first = list_first(&desk->waited_for)) != NULL) {
        struct query_call *call = container_of(first, struct query_call, node);

        if (call->due_ms > clock_now_ms())
            break;
        tell_error(let_go(call), 504, "query_timeout", "the buckets have not answered within 2 s",
                   M_QUERIES_TIMED_OUT);
    }
    set_timer(desk);
}

enum status query_desk_new(const struct query_desk_conf *conf, struct query_desk **out)
{
    struct query_desk *desk = calloc(1, sizeof *desk);

    if (desk == NULL)
        return STATUS_NO_MEMORY;
    desk->conf = *conf;
    list_init(&desk->waited_for);
    desk->timer = evtimer_new(conf->base, on_timer, desk);
    if (desk->timer == NULL) {
        free(desk);
        return STATUS_NO_MEMORY;
    }
    control_box_route(conf->box, CONTROL_QUERY, on_part, desk);
    *out = desk;
    return STATUS_OK;
}

void query_desk_free(struct query_desk *desk)
{
    if (desk == NULL)
        return;
    loop_event_free(desk->timer);
    free(desk);
}

/* The bucket that has least to do. */
static unsigned idlest(const struct query_desk *desk)
{
    unsigned found = 0;

    for (unsigned i = 1; i < desk->conf.bucket_count; i++)
        if (bucket_jobs(desk->conf.buckets[i]) < bucket_jobs(desk->conf.buckets[found]))
            found = i;
    return found;
}

/* Who can know: the buckets from `*first` on, `*count` of them. */
static void choose(const struct query_desk *desk, const struct query *query, unsigned *first, unsigned *count)
{
    *first = 0;
    *count = desk->conf.bucket_count;
    if (query->op == QUERY_ROOMS) { /* the directory has all rooms */
        *first = idlest(desk);
        *count = 1;
    } else if (query->op == QUERY_CLIENT) {
        *count = connection_table_bucket(desk->conf.connections, &query->connection, first) &&
                 *first < desk->conf.bucket_count;
    }
}

static struct query_call *call_new(struct query_desk *desk, const struct query *query, unsigned count)
{
    struct query_call *call = calloc(1, sizeof *call + count * sizeof call->parts[0]);

    if (call == NULL)
        return NULL;
    list_init(&call->node);
    call->desk = desk;
    call->query = *query;
    call->count = count;
    query_found_init(&call->found, query);
    for (unsigned i = 0; i < count; i++) {
        call->parts[i].query = &call->query;
        call->parts[i].owner = call;
        query_found_init(&call->parts[i].found, query);
    }
    desk->under_way++;
    metrics_add(M_QUERIES, 1);
    return call;
}

/* A bucket whose mailbox is full has its part of the answer missing: nobody is told half of it. */
static void post(struct query_call *call, unsigned first)
{
    for (; call->pending < call->count; call->pending++)
        if (bucket_post_query(call->desk->conf.buckets[first + call->pending], &call->parts[call->pending]) !=
            STATUS_OK)
            break;
    if (call->pending < call->count)
        tell_error(let_go(call), 503, "busy", "the buckets are behind", M_QUERIES_BUSY);
    else if (call->count == 0)
        answer_call(call);
    if (call->pending == 0)
        call_free(call);
}

static void begin(struct query_desk *desk, const struct query *query, struct query_asker *asker)
{
    unsigned first, count;

    choose(desk, query, &first, &count);
    struct query_call *call = call_new(desk, query, count);
    if (call == NULL) {
        tell_no_memory(asker);
        return;
    }
    call->asker = asker;
    asker->call = call;
    call->due_ms = clock_now_ms() + QUERY_TIMEOUT_MS;
    bool alone = list_empty(&desk->waited_for);
    list_add_tail(&desk->waited_for, &call->node);
    post(call, first);
    if (alone)
        set_timer(desk);
}

static void answer_node(const struct query_desk *desk, struct query_asker *asker)
{
    struct query_answer answer = {.status = 200};

    buf_init(&answer.body, QUERY_ANSWER_MAX);
    if (node_report_print(desk->conf.node, &answer.body) == STATUS_OK)
        tell(asker, &answer, M_QUERIES_ANSWERED);
    else
        tell_no_memory(asker);
    buf_fini(&answer.body);
}

void query_desk_ask(struct query_desk *desk, struct slice body, struct query_asker *asker)
{
    struct query query;
    struct fault fault;

    asker->call = NULL;
    if (body.len > QUERY_REQUEST_MAX)
        tell_error(asker, 413, "body_too_large", "a query has at most 16384 bytes", M_QUERIES_INVALID);
    else if (query_request_parse(body, &query, &fault) != STATUS_OK)
        tell_error(asker, 400, "invalid_request", fault.text, M_QUERIES_INVALID);
    else if (query.op == QUERY_NODE)
        answer_node(desk, asker);
    else if (desk->under_way >= QUERY_MAX_UNDER_WAY)
        tell_error(asker, 503, "busy", "16 queries are under way", M_QUERIES_BUSY);
    else
        begin(desk, &query, asker);
}

void query_desk_cancel(struct query_asker *asker)
{
    if (asker->call == NULL)
        return;
    metrics_add(M_QUERIES_FORGOTTEN, 1);
    (void)let_go(asker->call);
    asker->call = NULL;
}
