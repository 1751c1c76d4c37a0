/* SPDX-License-Identifier: Apache-2.0 */
/* nghttp2's side of an HTTP/2 connection that is the same for both roles: settings, streams,
 * flood protection. The loop's thread only. Never touches the transport. */
#include "shared/h2/h2_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_HEADER_LIST = 16 * 1024, /* bytes as RFC 9113, 6.5.2 counts them; announced */
    MAX_OUTBOUND_ACKS = 64,      /* PING and SETTINGS waiting for their answers to be sent */
    MAX_SETTINGS = 16,           /* entries of one SETTINGS frame */
};

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2_conn *conn = arg;

    (void)session;
    return conn->role->begin != NULL ? conn->role->begin(conn, frame) : 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    struct h2_conn *conn = arg;

    (void)session;
    (void)flags;
    return conn->role->header(conn, frame, slice_of(name, name_len), slice_of(value, value_len));
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                   void *arg)
{
    struct h2_conn *conn = arg;
    struct h2_stream *stream = h2_stream_find(conn, id);

    (void)session;
    (void)flags;
    if (stream == NULL)
        return 0;
    return conn->role->data(conn, stream, slice_of(data, len));
}

static void settle(struct h2_conn *conn)
{
    conn->settled = true;
    if (conn->callbacks.on_established != NULL)
        conn->callbacks.on_established(conn, conn->arg);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2_conn *conn = arg;
    struct h2_stream *stream = h2_stream_find(conn, frame->hd.stream_id);

    (void)session;
    if (frame->hd.type == NGHTTP2_SETTINGS && !conn->settled)
        settle(conn);
    if (conn->closing || stream == NULL)
        return h2_callback_result(conn);
    return conn->role->frame(conn, frame, stream);
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code, void *arg)
{
    struct h2_conn *conn = arg;

    (void)session;
    (void)frame;
    (void)code;
    return h2_charge(conn, H2_INVALID_FRAMES * H2_FRAME_COST);
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    struct h2_conn *conn = arg;
    struct h2_stream *stream = h2_stream_find(conn, id);

    (void)session;
    (void)code;
    if (stream == NULL)
        return 0;
    if (conn->role->closed != NULL)
        conn->role->closed(conn, stream);
    h2_stream_free(conn, stream);
    nghttp2_session_set_stream_user_data(conn->session, id, NULL);
    return h2_callback_result(conn);
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *callbacks;

    if (nghttp2_session_callbacks_new(&callbacks))
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    return callbacks;
}

static nghttp2_option *make_options(void)
{
    nghttp2_option *options;

    if (nghttp2_option_new(&options))
        return NULL;
    nghttp2_option_set_max_outbound_ack(options, MAX_OUTBOUND_ACKS);
    nghttp2_option_set_max_settings(options, MAX_SETTINGS);
    nghttp2_option_set_no_closed_streams(options, 1);
    return options;
}

static enum status submit_settings(struct h2_conn *conn)
{
    nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, conn->limits.window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST},
        {conn->role->server ? NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS : NGHTTP2_SETTINGS_ENABLE_PUSH,
         conn->role->server ? conn->limits.max_streams : 0},
    };

    if (nghttp2_submit_settings(conn->session, NGHTTP2_FLAG_NONE, entries,
                                sizeof entries / sizeof *entries) ||
        nghttp2_session_set_local_window_size(conn->session, NGHTTP2_FLAG_NONE, 0,
                                              (int32_t)conn->limits.window))
        return STATUS_NO_MEMORY;
    return STATUS_OK;
}

enum status h2_session_start(struct h2_conn *conn)
{
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *options = make_options();
    int failed = callbacks == NULL || options == NULL;

    if (!failed)
        failed = (conn->role->server ? nghttp2_session_server_new2
                                     : nghttp2_session_client_new2)(&conn->session, callbacks, conn, options);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(options);
    return failed ? STATUS_NO_MEMORY : submit_settings(conn);
}

int h2_session_receive(struct h2_conn *conn, const uint8_t *data, size_t len)
{
    ssize_t result = 0;

    conn->flooded = !h2_budget_receive(&conn->budget, data, len, conn->last_received);
    if (!conn->flooded) {
        conn->inside++;
        result = nghttp2_session_mem_recv(conn->session, data, len);
        conn->inside--;
    }
    if (conn->flooded)
        return NGHTTP2_ERR_FLOODED;
    return result < 0 ? (int)result : 0;
}
