/* SPDX-License-Identifier: Apache-2.0 */
/* A job is one call: what it asks, its query, its exchange. It ends with the answer, whether or not the
 * caller is still there to read it: that takes no longer than queryTimeout. The caller's token, whose
 * patterns the answer is held against, lives as long as its exchange is open. The loop's thread only. */
#include "logic/api/query_routes.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "logic/api/api_guard.h"
#include "logic/api/push_job.h"
#include "logic/api/query_params.h"
#include "logic/api/query_permit.h"
#include "logic/api/query_refusal.h"
#include "logic/query/query_cursor.h"
#include "logic/query/query_text.h"
#include "logic/query/room_answer.h"
#include "logic/query/rooms_answer.h"
#include "logic/query/user_answer.h"
#include "shared/base/clock.h"
#include "shared/contract/connection_id.h"
#include "shared/contract/push.h"
#include "shared/http/http_text.h"

struct query_job;

/* Makes the answer of what the gateways said; true when it has asked them again in place of that. */
typedef bool job_answer(struct query_job *job, const struct query_part *parts, size_t count, struct buf *out,
                        enum status *status);

struct query_job {
    struct list node; /* in routes->jobs */
    struct query_routes *routes;
    struct http_exchange *exchange;
    struct query *query; /* under way, or NULL */
    job_answer *answer;
    struct buf name; /* of the room, user or connection */
    struct query_params params;
    struct query_room room; /* of query_room; points into `name` and `after` */
    struct buf after;
    int64_t until_ms; /* no gateway is asked again from then on */
};

void query_routes_init(struct query_routes *routes, struct event_base *base, const struct logic_conf *conf,
                       const struct gateway_set *gateways)
{
    routes->conf = conf;
    queries_init(&routes->queries, base, gateways, (int)conf->query_timeout);
    list_init(&routes->jobs);
}

void query_routes_apply(struct query_routes *routes)
{
    routes->queries.timeout_ms = (int)routes->conf->query_timeout;
}

static void job_free(struct query_job *job)
{
    query_cancel(job->query);
    list_remove(&job->node);
    query_params_fini(&job->params);
    buf_fini(&job->name);
    buf_fini(&job->after);
    free(job);
}

static void job_refuse(struct query_job *job, const struct push_fault *fault)
{
    query_refuse(job->exchange, fault);
    job_free(job);
}

static void refuse_status(struct query_job *job, enum status status)
{
    query_refuse_status(job->exchange, status);
    job_free(job);
}

void query_routes_fini(struct query_routes *routes)
{
    struct list *first;

    while ((first = list_first(&routes->jobs)) != NULL) {
        struct query_job *job = container_of(first, struct query_job, node);
        query_refuse_closing(job->exchange);
        job_free(job);
    }
}

static void on_parts(const struct query_part *parts, size_t count, void *arg)
{
    struct query_job *job = arg;
    struct buf out;
    enum status status = STATUS_OK;

    job->query = NULL;
    buf_init(&out, SIZE_MAX);
    bool again = job->answer(job, parts, count, &out, &status);
    if (!again && status == STATUS_OK) {
        push_job_reply(job->exchange, 200, slice_of(out.data, out.len));
        job_free(job);
    } else if (status != STATUS_OK) {
        refuse_status(job, status);
    }
    buf_fini(&out);
}

/* Asks `text`, which is freed; what was wrong with it before may be in `status`. */
static enum status job_ask(struct query_job *job, const struct query_kind *kind, struct buf *text,
                           struct slice instance, enum status status)
{
    if (status == STATUS_OK)
        status = query_ask(&job->routes->queries, kind, slice_of(text->data, text->len), instance, on_parts,
                           job, &job->query);
    buf_fini(text);
    return status;
}

static void job_begin(struct query_job *job, const struct query_kind *kind, struct buf *text,
                      struct slice instance, enum status status)
{
    status = job_ask(job, kind, text, instance, status);
    if (status != STATUS_OK)
        refuse_status(job, status);
}

static bool read_name(struct query_job *job, enum audience kind, struct push_fault *fault)
{
    const struct http_request *request = http_exchange_request(job->exchange);
    size_t max = (size_t)job->routes->conf->max_room_name_bytes;
    enum status status = http_text_decode_segment(http_request_path(request), &job->name);
    const char *reason = "its percent-encoding is not well-formed";

    if (status == STATUS_OK || status == STATUS_TOO_LARGE)
        reason = status == STATUS_TOO_LARGE
                     ? "is too long"
                     : push_name_fault(kind, slice_of(job->name.data, job->name.len), max);
    if (reason == NULL)
        return true;
    *fault =
        (struct push_fault){.status = 400, .code = kind == AUDIENCE_USER ? "invalid_user" : "invalid_room"};
    snprintf(fault->message, sizeof fault->message,
             "the %s in the path: %s; allowed are 1 to %zu bytes of UTF-8 without control characters",
             audience_noun(kind), reason, max);
    return false;
}

static struct slice name_of(const struct query_job *job)
{
    return slice_of(job->name.data, job->name.len);
}

/* A job whose parameters are read; NULL: the exchange is answered. */
static struct query_job *job_new(struct query_routes *routes, struct http_exchange *exchange,
                                 unsigned allowed, job_answer *answer)
{
    struct query_job *job = calloc(1, sizeof *job);
    struct push_fault fault;

    if (job == NULL) {
        query_refuse_status(exchange, STATUS_NO_MEMORY);
        return NULL;
    }
    job->routes = routes;
    job->exchange = exchange;
    job->answer = answer;
    job->until_ms = clock_now_ms() + routes->conf->query_timeout;
    list_add_tail(&routes->jobs, &job->node);
    buf_init(&job->name, AUDIENCE_NAME_MAX);
    buf_init(&job->after, AUDIENCE_NAME_MAX);
    if (query_params_read(http_request_query(http_exchange_request(exchange)), allowed, &job->params, &fault))
        return job;
    job_refuse(job, &fault);
    return NULL;
}

bool query_refuses_parameters(struct http_exchange *exchange)
{
    struct query_params params;
    struct push_fault fault;
    bool good = query_params_read(http_request_query(http_exchange_request(exchange)), 0, &params, &fault);

    query_params_fini(&params);
    if (!good)
        query_refuse(exchange, &fault);
    return !good;
}

/* Names its room or user, which its caller may ask for; else NULL: the exchange is answered. */
static struct query_job *job_named(struct query_job *job, enum audience kind)
{
    struct push_fault fault;

    if (job == NULL || (read_name(job, kind, &fault) &&
                        query_permit(api_guard_caller(job->exchange), kind, name_of(job), &fault)))
        return job;
    job_refuse(job, &fault);
    return NULL;
}

static const struct room_patterns *shown_users(const struct query_job *job)
{
    return query_permit_users(api_guard_caller(job->exchange));
}

static const struct room_patterns *shown_rooms(const struct query_job *job)
{
    return query_permit_rooms(api_guard_caller(job->exchange));
}

static enum status print_room(struct query_job *job, struct buf *text)
{
    uint8_t key[QUERY_KEY_LEN];

    job->room.after = slice_of(job->after.data, job->after.len);
    buf_init(text, SIZE_MAX);
    return RAND_bytes(key, sizeof key) == 1 ? query_text_room(text, &job->room, key) : STATUS_NO_MEMORY;
}

static const struct query_kind *room_kind(const struct query_job *job)
{
    return job->params.users ? &room_answer_kind_users : &room_answer_kind;
}

/* Of users that the caller may not see a page is passed over, and the next one asked for. */
static bool answer_room(struct query_job *job, const struct query_part *parts, size_t count, struct buf *out,
                        enum status *status)
{
    enum room_page page;
    struct buf text, last;

    buf_init(&last, AUDIENCE_NAME_MAX);
    *status =
        room_answer_append(out, &job->room, job->params.limit, shown_users(job), parts, count, &page, &last);
    if (*status != STATUS_OK || page == ROOM_PAGE_DONE) {
        buf_fini(&last);
        return false;
    }
    buf_fini(&job->after);
    job->after = last;
    *status = print_room(job, &text);
    if (clock_now_ms() >= job->until_ms)
        *status = STATUS_CLOSED;
    *status = job_ask(job, room_kind(job), &text, slice_of(NULL, 0), *status);
    return *status == STATUS_OK;
}

static bool read_cursor(struct query_job *job, struct push_fault *fault)
{
    const struct query_params *params = &job->params;

    if ((params->given & 1u << PARAM_AFTER) == 0 ||
        query_cursor_read(slice_of(params->after.data, params->after.len), name_of(job), AUDIENCE_NAME_MAX,
                          &job->after) == STATUS_OK)
        return true;
    *fault = (struct push_fault){.status = 400,
                                 .code = "invalid_cursor",
                                 .message = "after: not a cursor of this room; allowed is what the page "
                                            "before had as next, whole"};
    return false;
}

void query_room(struct query_routes *routes, struct http_exchange *exchange)
{
    const unsigned allowed = 1u << PARAM_USERS | 1u << PARAM_LIMIT | 1u << PARAM_AFTER;
    struct query_job *job = job_named(job_new(routes, exchange, allowed, answer_room), AUDIENCE_ROOM);
    struct push_fault fault;
    struct buf text;

    if (job == NULL)
        return;
    if (!read_cursor(job, &fault)) {
        job_refuse(job, &fault);
        return;
    }
    job->room = (struct query_room){.room = name_of(job),
                                    .users = job->params.users,
                                    .limit = shown_users(job) != NULL ? QUERY_LIMIT_MAX : job->params.limit};
    enum status status = print_room(job, &text);
    job_begin(job, room_kind(job), &text, slice_of(NULL, 0), status);
}

static bool answer_rooms(struct query_job *job, const struct query_part *parts, size_t count, struct buf *out,
                         enum status *status)
{
    *status = rooms_answer_append(out, job->params.top, shown_rooms(job), parts, count);
    return false;
}

static bool prefix_is_valid(const struct query_job *job, struct push_fault *fault)
{
    struct slice prefix = slice_of(job->params.prefix.data, job->params.prefix.len);
    size_t max = (size_t)job->routes->conf->max_room_name_bytes;
    const char *reason = prefix.len > 0 ? push_name_fault(AUDIENCE_ROOM, prefix, max) : NULL;

    if (reason == NULL)
        return true;
    *fault = (struct push_fault){.status = 400, .code = "invalid_room"};
    snprintf(fault->message, sizeof fault->message,
             "prefix: %s; allowed are up to %zu bytes of UTF-8 without control characters", reason, max);
    return false;
}

void query_rooms(struct query_routes *routes, struct http_exchange *exchange)
{
    struct query_job *job = job_new(routes, exchange, 1u << PARAM_PREFIX | 1u << PARAM_TOP, answer_rooms);
    struct push_fault fault;
    struct buf text;

    if (job == NULL)
        return;
    if (!prefix_is_valid(job, &fault)) {
        job_refuse(job, &fault);
        return;
    }
    buf_init(&text, SIZE_MAX);
    enum status status = query_text_rooms(&text, slice_of(job->params.prefix.data, job->params.prefix.len));
    job_begin(job, &rooms_answer_kind, &text, slice_of(NULL, 0), status);
}

static bool answer_user(struct query_job *job, const struct query_part *parts, size_t count, struct buf *out,
                        enum status *status)
{
    *status = user_answer_append(out, name_of(job), shown_rooms(job), parts, count);
    return false;
}

void query_user(struct query_routes *routes, struct http_exchange *exchange)
{
    struct query_job *job = job_named(job_new(routes, exchange, 0, answer_user), AUDIENCE_USER);
    struct buf text;

    if (job == NULL)
        return;
    buf_init(&text, SIZE_MAX);
    enum status status = query_text_user(&text, name_of(job));
    job_begin(job, &user_answer_kind, &text, slice_of(NULL, 0), status);
}

static bool answer_client(struct query_job *job, const struct query_part *parts, size_t count,
                          struct buf *out, enum status *status)
{
    *status = client_answer_append(out, shown_rooms(job), shown_users(job), parts, count);
    return false;
}

/* Asked of the gateway alone that has such ids. */
void query_client(struct query_routes *routes, struct http_exchange *exchange)
{
    const struct push_fault fault = {
        .status = 400,
        .code = "invalid_connection",
        .message = "not the id of a connection, as WELCOME and GET /users/{user} have it"};
    struct query_job *job = job_new(routes, exchange, 0, answer_client);
    struct connection_id id;
    struct buf text;

    if (job == NULL)
        return;
    if (http_text_decode_segment(http_request_path(http_exchange_request(exchange)), &job->name) !=
            STATUS_OK ||
        connection_id_parse(name_of(job), &id) != STATUS_OK) {
        job_refuse(job, &fault);
        return;
    }
    buf_init(&text, SIZE_MAX);
    enum status status = query_text_client(&text, name_of(job));
    job_begin(job, &client_answer_kind, &text, slice_of(job->name.data, CONNECTION_ID_INSTANCE_LEN), status);
}
