/* SPDX-License-Identifier: Apache-2.0 */
/* A question owns its text, since the connection reads it as its window allows: until the answer or the end
 * of the connection, whoever asked may long be gone. The loop's thread only. */
#include "logic/link/link_query.h"

#include <stdlib.h>
#include <string.h>

struct link_query {
    struct list node;
    struct link_queries *queries;
    bool asked; /* it is in queries->asked, on `stream` */
    int32_t stream;
    link_query_done *done; /* NULL: nobody waits for it any more */
    void *arg;
    size_t sent;
    size_t len;
    uint8_t text[];
};

void link_queries_init(struct link_queries *queries)
{
    *queries = (struct link_queries){.conn = NULL};
    list_init(&queries->asked);
    list_init(&queries->waiting);
}

static void discard(struct link_query *query)
{
    size_t *count = query->asked ? &query->queries->asked_count : &query->queries->waiting_count;

    list_remove(&query->node);
    (*count)--;
    free(query);
}

static void settle(struct link_query *query, int status, struct slice body)
{
    link_query_done *done = query->done;
    void *arg = query->arg;

    discard(query);
    if (done != NULL)
        done(arg, status, body);
}

static size_t read_text(void *arg, uint8_t *out, size_t len, int *eof)
{
    struct link_query *query = arg;
    size_t rest = query->len - query->sent;
    size_t part = rest < len ? rest : len;

    memcpy(out, query->text + query->sent, part);
    query->sent += part;
    *eof = part == rest;
    return part;
}

static enum status send_query(struct link_query *query)
{
    struct link_queries *queries = query->queries;
    const struct h2_body body = {read_text, query};
    enum status status =
        h2_request(queries->conn, "POST", "/rpc/query", "application/json", &body, &query->stream);

    if (status != STATUS_OK)
        return status;
    if (queries->waiting_count > 0 && !list_empty(&query->node)) {
        list_remove(&query->node);
        queries->waiting_count--;
    }
    query->asked = true;
    list_add_tail(&queries->asked, &query->node);
    queries->asked_count++;
    return STATUS_OK;
}

static void send_next(struct link_queries *queries)
{
    struct list *first;

    while (queries->conn != NULL && queries->asked_count < LINK_QUERIES_AT_ONCE &&
           (first = list_first(&queries->waiting)) != NULL) {
        struct link_query *query = container_of(first, struct link_query, node);
        if (send_query(query) != STATUS_OK)
            settle(query, 0, slice_of(NULL, 0));
    }
}

void link_queries_start(struct link_queries *queries, struct h2_conn *conn)
{
    queries->conn = conn;
}

static void lose_all(struct list *list)
{
    struct list *first;

    while ((first = list_first(list)) != NULL)
        settle(container_of(first, struct link_query, node), 0, slice_of(NULL, 0));
}

void link_queries_stop(struct link_queries *queries)
{
    queries->conn = NULL;
    lose_all(&queries->asked);
    lose_all(&queries->waiting);
}

static enum status place(struct link_query *query)
{
    struct link_queries *queries = query->queries;

    if (queries->asked_count < LINK_QUERIES_AT_ONCE)
        return send_query(query);
    if (queries->waiting_count == LINK_QUERIES_WAITING)
        return STATUS_FULL;
    list_add_tail(&queries->waiting, &query->node);
    queries->waiting_count++;
    return STATUS_OK;
}

enum status link_queries_ask(struct link_queries *queries, struct slice text, link_query_done *done,
                             void *arg, struct link_query **out)
{
    struct link_query *query;
    enum status status;

    if (queries->conn == NULL)
        return STATUS_CLOSED;
    query = calloc(1, sizeof *query + text.len);
    if (query == NULL)
        return STATUS_NO_MEMORY;
    query->queries = queries;
    query->done = done;
    query->arg = arg;
    query->len = text.len;
    memcpy(query->text, text.data, text.len);
    list_init(&query->node);
    status = place(query);
    if (status != STATUS_OK) {
        free(query);
        return status;
    }
    *out = query;
    return STATUS_OK;
}

bool link_queries_answer(struct link_queries *queries, int32_t stream, int status, struct slice body)
{
    for (struct list *at = queries->asked.next; at != &queries->asked; at = at->next) {
        struct link_query *query = container_of(at, struct link_query, node);
        if (query->stream != stream)
            continue;
        settle(query, status, body);
        send_next(queries);
        return true;
    }
    return false;
}

void link_query_cancel(struct link_query *query)
{
    if (query->asked)
        query->done = NULL;
    else
        discard(query);
}
