/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of HTTP/2 requests: sends each with its body as the window allows, gathers
 * the answer, tells it once. The loop's thread only. Never retries. */
#include <stdlib.h>

#include "shared/h2/h2_internal.h"

static int on_header(struct h2_conn *conn, const nghttp2_frame *frame, struct slice name, struct slice value)
{
    struct h2_stream *stream = h2_stream_find(conn, frame->hd.stream_id);

    /* nghttp2 has checked that it is three digits, and NUL-terminates what it hands out. */
    if (stream == NULL || !slice_equal(name, slice_str(":status")))
        return h2_charge(conn, H2_SURPLUS_HEADER_COST);
    stream->status = atoi((const char *)value.data);
    return 0;
}

static int on_data(struct h2_conn *conn, struct h2_stream *stream, struct slice data)
{
    if (stream->told || h2_stream_gather(conn, stream, data.data, data.len) == STATUS_OK)
        return 0;
    stream->status = 0;
    h2_stream_forget_body(conn, stream);
    stream->source.read = NULL;
    return nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
}

static void tell(struct h2_conn *conn, struct h2_stream *stream, int status)
{
    struct slice body = slice_of(stream->body.data, stream->body.len);

    if (stream->told)
        return;
    stream->told = true;
    stream->source.read = NULL;
    if (status)
        h2_budget_earn(&conn->budget, H2_REQUEST_FRAMES * H2_FRAME_COST);
    if (!conn->closing)
        conn->callbacks.on_response(conn, stream->id, status, status ? body : slice_of(NULL, 0), conn->arg);
    h2_stream_forget_body(conn, stream);
}

static int on_frame(struct h2_conn *conn, const nghttp2_frame *frame, struct h2_stream *stream)
{
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    tell(conn, stream, stream->status);
    if (!conn->closing && !nghttp2_session_get_stream_local_close(conn->session, frame->hd.stream_id))
        nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_CANCEL);
    return h2_callback_result(conn);
}

static void on_closed(struct h2_conn *conn, struct h2_stream *stream)
{
    tell(conn, stream, 0);
}

static ssize_t read_source(nghttp2_session *session, int32_t id, uint8_t *out, size_t len, uint32_t *flags,
                           nghttp2_data_source *source, void *arg)
{
    struct h2_stream *stream = source->ptr;
    int eof = 0;
    size_t count;

    (void)session;
    (void)id;
    (void)arg;
    if (stream->source.read == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    count = stream->source.read(stream->source.arg, out, len, &eof);
    if (eof)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)count;
}

static int32_t submit_request(struct h2_conn *conn, struct h2_stream *stream, const char *method,
                              const char *path, const char *content_type)
{
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_source};
    nghttp2_nv headers[5];
    size_t count = 0;

    headers[count++] = h2_header(":method", method);
    headers[count++] = h2_header(":scheme", transport_is_tls(conn->transport) ? "https" : "http");
    headers[count++] = h2_header(":authority", conn->authority);
    headers[count++] = h2_header(":path", path);
    if (content_type != NULL)
        headers[count++] = h2_header("content-type", content_type);
    return nghttp2_submit_request(conn->session, NULL, headers, count,
                                  stream->source.read != NULL ? &provider : NULL, stream);
}

enum status h2_request(struct h2_conn *conn, const char *method, const char *path, const char *content_type,
                       const struct h2_body *body, int32_t *stream_id)
{
    struct h2_stream *stream;

    if (conn->closing || !conn->started || !nghttp2_session_check_request_allowed(conn->session))
        return STATUS_CLOSED;
    stream = h2_stream_new(conn);
    if (stream == NULL)
        return STATUS_NO_MEMORY;
    if (body != NULL)
        stream->source = *body;
    stream->id = submit_request(conn, stream, method, path, content_type);
    if (stream->id > 0) {
        *stream_id = stream->id;
        h2_conn_flush(conn);
        return STATUS_OK;
    }
    if (stream->id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE)
        h2_conn_close(conn, "all stream ids are used up");
    h2_stream_free(conn, stream);
    return conn->closing ? STATUS_CLOSED : STATUS_NO_MEMORY;
}

static const struct h2_role client_role = {
    .header = on_header,
    .data = on_data,
    .frame = on_frame,
    .closed = on_closed,
};

enum status h2_conn_new_client(struct event_base *base, struct transport *transport, const char *authority,
                               const struct h2_limits *limits, const struct h2_callbacks *callbacks,
                               void *arg, struct h2_conn **out)
{
    return h2_conn_new(base, transport, authority, &client_role, limits, callbacks, arg, out);
}
