/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of HTTP/2 requests: gathers each with its body, hands it over once it is
 * complete, sends the answer. The loop's thread only. Never routes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/h2/h2_internal.h"
#include "shared/json/error_json.h"

enum {
    HEADER_OVERHEAD = 32,       /* bytes per field, RFC 9113, 6.5.2 */
    MAX_REQUEST_HEADER = 16384, /* bytes of all fields of one request: 431 past it */
    STATUS_TEXT_LEN = 12,       /* "200" */
    LENGTH_TEXT_LEN = 24,       /* a size_t in decimal */
    REFUSAL_LEN = 64,
    DISCARD_FACTOR = 4,         /* times max_body, and */
    DISCARD_AT_LEAST = 4 << 20, /* bytes of a refused body, then the stream is reset */
};

static int on_begin(struct h2_conn *conn, const nghttp2_frame *frame)
{
    struct h2_stream *stream;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream = h2_stream_new(conn);
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    stream->id = frame->hd.stream_id;
    stream->begun_ms = stream->moved_ms = conn->last_received;
    nghttp2_session_set_stream_user_data(conn->session, stream->id, stream);
    return 0;
}

static int keep(char **field, struct slice value)
{
    if (*field != NULL)
        return 0;
    *field = strndup((const char *)value.data, value.len);
    return *field != NULL ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* nghttp2 has checked that the value is a number. */
static int check_length(const struct h2_conn *conn, struct h2_stream *stream, struct slice value)
{
    if (strtoull((const char *)value.data, NULL, 10) > conn->limits.max_body)
        stream->refusal = 413;
    return 0;
}

static int on_header(struct h2_conn *conn, const nghttp2_frame *frame, struct slice name, struct slice value)
{
    struct h2_stream *stream = h2_stream_find(conn, frame->hd.stream_id);

    if (stream == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST || stream->refusal)
        return h2_charge(conn, H2_SURPLUS_HEADER_COST);
    stream->header_bytes += name.len + value.len + HEADER_OVERHEAD;
    if (stream->header_bytes > MAX_REQUEST_HEADER)
        stream->refusal = 431;
    else if (slice_equal(name, slice_str(":method")))
        return keep(&stream->method, value);
    else if (slice_equal(name, slice_str(":path")))
        return keep(&stream->path, value);
    else if (slice_equal(name, slice_str("content-type")))
        return keep(&stream->content_type, value);
    else if (slice_equal(name, slice_str("content-length")))
        return check_length(conn, stream, value);
    return 0;
}

static int refuse(struct h2_conn *conn, struct h2_stream *stream, int status)
{
    bool body = status == 413;
    char message[REFUSAL_LEN];
    struct buf json;

    stream->told = true;
    stream->refusal = status;
    h2_stream_forget_body(conn, stream);
    snprintf(message, sizeof message, "the request %s is past %zu bytes", body ? "body" : "header",
             body ? conn->limits.max_body : (size_t)MAX_REQUEST_HEADER);
    buf_init(&json, SIZE_MAX);
    if (error_json_append(&json, body ? "body_too_large" : "header_too_large", message) != STATUS_OK)
        buf_clear(&json);
    h2_reply(conn, stream->id, status, "application/json", json.data, json.len);
    buf_fini(&json);
    if (conn->callbacks.on_refused != NULL)
        conn->callbacks.on_refused(conn, status, conn->arg);
    return h2_callback_result(conn);
}

/* Many clients read an answer only once they have sent their whole body, so the rest of a
 * refused one is taken and forgotten, up to a point (RFC 9113, 8.1). */
static int discard(struct h2_conn *conn, struct h2_stream *stream, size_t len)
{
    stream->discarded += len;
    if (stream->discarded <= DISCARD_FACTOR * conn->limits.max_body + DISCARD_AT_LEAST)
        return 0;
    stream->discarded = 0;
    return nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
}

static int reset(struct h2_conn *conn, struct h2_stream *stream, enum h2_reset why, uint32_t code)
{
    stream->told = stream->ended = true;
    h2_stream_forget_body(conn, stream);
    if (conn->callbacks.on_reset != NULL)
        conn->callbacks.on_reset(conn, why, conn->arg);
    return nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, stream->id, code);
}

static int on_data(struct h2_conn *conn, struct h2_stream *stream, struct slice data)
{
    stream->moved_ms = conn->last_received;
    if (stream->told)
        return discard(conn, stream, data.len);

    enum status status = h2_stream_gather(conn, stream, data.data, data.len);
    if (status == STATUS_OK)
        return 0;
    if (status == STATUS_TOO_LARGE)
        return refuse(conn, stream, 413);
    /* Nothing of it was processed: the peer may send it again (RFC 9113, 8.7). */
    return reset(conn, stream, H2_RESET_BYTES, NGHTTP2_REFUSED_STREAM);
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static int tell(struct h2_conn *conn, struct h2_stream *stream)
{
    struct h2_request request = {
        .stream = stream->id,
        .method = or_empty(stream->method),
        .path = or_empty(stream->path),
        .content_type = or_empty(stream->content_type),
        .body = slice_of(stream->body.data, stream->body.len),
    };

    stream->told = true;
    h2_budget_earn(&conn->budget, H2_REQUEST_FRAMES * H2_FRAME_COST);
    conn->callbacks.on_request(conn, &request, conn->arg);
    h2_stream_forget_body(conn, stream);
    return h2_callback_result(conn);
}

static int on_frame(struct h2_conn *conn, const nghttp2_frame *frame, struct h2_stream *stream)
{
    bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    stream->headed = true;
    stream->ended = stream->ended || last;
    if (stream->told)
        return 0;
    if (stream->refusal)
        return refuse(conn, stream, stream->refusal);
    return last ? tell(conn, stream) : 0;
}

static ssize_t read_reply(nghttp2_session *session, int32_t id, uint8_t *out, size_t len, uint32_t *flags,
                          nghttp2_data_source *source, void *arg)
{
    struct h2_stream *stream = source->ptr;
    size_t left = stream->reply.len - stream->reply_sent;

    (void)session;
    (void)id;
    (void)arg;
    if (len >= left) {
        len = left;
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    if (len)
        memcpy(out, stream->reply.data + stream->reply_sent, len);
    stream->reply_sent += len;
    return (ssize_t)len;
}

static int submit_reply(struct h2_conn *conn, struct h2_stream *stream, int status, const char *content_type,
                        size_t len)
{
    bool head = stream->method != NULL && strcmp(stream->method, "HEAD") == 0;
    nghttp2_data_provider provider = {.source = {.ptr = stream}, .read_callback = read_reply};
    char status_text[STATUS_TEXT_LEN];
    char length_text[LENGTH_TEXT_LEN];
    nghttp2_nv headers[4];
    size_t count = 0;

    snprintf(status_text, sizeof status_text, "%d", status);
    snprintf(length_text, sizeof length_text, "%zu", len);
    headers[count++] = h2_header(":status", status_text);
    headers[count++] = h2_header("content-length", length_text);
    if (content_type != NULL)
        headers[count++] = h2_header("content-type", content_type);
    if (stream->extra_name != NULL)
        headers[count++] = h2_header(stream->extra_name, stream->extra_value);
    return nghttp2_submit_response(conn->session, stream->id, headers, count,
                                   len && !head ? &provider : NULL);
}

void h2_reply_header(struct h2_conn *conn, int32_t id, const char *name, const char *value)
{
    struct h2_stream *stream = h2_stream_find(conn, id);

    if (stream == NULL)
        return;
    stream->extra_name = name;
    stream->extra_value = value;
}

void h2_reply(struct h2_conn *conn, int32_t id, int status, const char *content_type, const void *body,
              size_t len)
{
    struct h2_stream *stream = h2_stream_find(conn, id);

    if (stream == NULL || stream->replied || conn->closing)
        return;
    stream->replied = true;
    if (buf_append(&stream->reply, body, len) != STATUS_OK ||
        submit_reply(conn, stream, status, content_type, len))
        nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    h2_conn_flush(conn);
}

void h2_conn_expire(struct h2_conn *conn, int64_t now_ms, int stall_ms, int total_ms)
{
    for (struct list *at = conn->streams.next; at != &conn->streams && !conn->closing; at = at->next) {
        struct h2_stream *stream = container_of(at, struct h2_stream, node);

        if (stream->ended || (now_ms - stream->moved_ms < stall_ms && now_ms - stream->begun_ms < total_ms))
            continue;
        if (!stream->headed)
            h2_conn_fail(conn, H2_END_TIMEOUT, "a header section did not come in time");
        else
            (void)reset(conn, stream, H2_RESET_STALLED, NGHTTP2_CANCEL);
    }
    h2_conn_flush(conn);
}

bool h2_conn_is_busy(const struct h2_conn *conn)
{
    for (const struct list *at = conn->streams.next; at != &conn->streams; at = at->next)
        if (!container_of(at, struct h2_stream, node)->replied)
            return true;
    return false;
}

void h2_conn_drain(struct h2_conn *conn)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(conn->session);

    if (conn->closing)
        return;
    nghttp2_submit_goaway(conn->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0);
    h2_conn_flush(conn);
}

static const struct h2_role server_role = {
    .server = true,
    .begin = on_begin,
    .header = on_header,
    .data = on_data,
    .frame = on_frame,
};

enum status h2_conn_new_server(struct event_base *base, struct transport *transport,
                               const struct h2_limits *limits, const struct h2_callbacks *callbacks,
                               void *arg, struct h2_conn **out)
{
    return h2_conn_new(base, transport, NULL, &server_role, limits, callbacks, arg, out);
}
