/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of an HTTP/2 connection, of either role: its life, the body that the peer sends, and what
 * callbacks of nghttp2 return. Calls nothing of the connection. The loop's thread only. */
#include <stdlib.h>
#include <string.h>

#include "shared/h2/h2_internal.h"

enum { GATHER_FACTOR = 4 }; /* all bodies of one connection: so many times max_body */

struct h2_stream *h2_stream_new(struct h2_conn *conn)
{
    struct h2_stream *stream = calloc(1, sizeof *stream);

    if (stream == NULL)
        return NULL;
    buf_init(&stream->body, conn->limits.max_body);
    buf_init(&stream->reply, SIZE_MAX);
    list_add_tail(&conn->streams, &stream->node);
    return stream;
}

void h2_stream_free(struct h2_conn *conn, struct h2_stream *stream)
{
    h2_stream_forget_body(conn, stream);
    list_remove(&stream->node);
    buf_fini(&stream->reply);
    free(stream->method);
    free(stream->path);
    free(stream->content_type);
    free(stream);
}

struct h2_stream *h2_stream_find(const struct h2_conn *conn, int32_t id)
{
    return id > 0 ? nghttp2_session_get_stream_user_data(conn->session, id) : NULL;
}

enum status h2_stream_gather(struct h2_conn *conn, struct h2_stream *stream, const void *data, size_t len)
{
    struct h2_inflight *inflight = conn->limits.inflight;
    enum status status;

    if (conn->gathered + len > GATHER_FACTOR * conn->limits.max_body)
        return len > conn->limits.max_body - stream->body.len ? STATUS_TOO_LARGE : STATUS_FULL;
    if (inflight != NULL && conn->gathered > 0 && inflight->used + len > inflight->max)
        return STATUS_FULL;
    status = buf_append(&stream->body, data, len);
    if (status != STATUS_OK)
        return status;
    conn->gathered += len;
    if (inflight != NULL)
        inflight->used += len;
    return STATUS_OK;
}

void h2_stream_forget_body(struct h2_conn *conn, struct h2_stream *stream)
{
    conn->gathered -= stream->body.len;
    if (conn->limits.inflight != NULL)
        conn->limits.inflight->used -= stream->body.len;
    buf_fini(&stream->body);
}

nghttp2_nv h2_header(const char *name, const char *value)
{
    /* nghttp2 copies both; its struct only lacks the const. */
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

int h2_callback_result(const struct h2_conn *conn)
{
    return conn->closing ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

int h2_charge(struct h2_conn *conn, size_t units)
{
    if (!h2_budget_spend(&conn->budget, units))
        conn->flooded = true;
    return conn->flooded ? NGHTTP2_ERR_CALLBACK_FAILURE : h2_callback_result(conn);
}
