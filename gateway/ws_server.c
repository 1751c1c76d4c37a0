/* SPDX-License-Identifier: Apache-2.0 */
/* libwebsockets 4.1 has one service thread a context, so each bucket has a context. Its poll()
 * loop walks every socket, so the context runs on libuv. Sockets come in by adoption: contexts
 * cannot share a listening port. lws_cancel_service() is its one call for other threads. */
#include "gateway/ws_server.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/log.h"

enum { SERVICE_BUFFER = 16384 };

struct ws_server {
    struct ws_server_conf conf;
    struct lws_context *context;
    struct lws_vhost *vhost;
    lws_sorted_usec_list_t tick;
    struct lws_protocols protocols[2];
    bool stopping;
};

static struct lws *wsi_of(struct ws_conn *conn)
{
    return (struct lws *)(void *)conn;
}

static struct ws_server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct ws_server *server = server_of(wsi);
    void *client = lws_get_opaque_user_data(wsi);

    (void)user;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        if (client != NULL)
            server->conf.callbacks.on_bytes(client, in, len);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        if (client != NULL)
            server->conf.callbacks.on_writable(client);
        break;
    case LWS_CALLBACK_WSI_DESTROY:
        if (client != NULL)
            server->conf.callbacks.on_gone(client);
        break;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (!server->stopping)
            server->conf.callbacks.on_wake(server->conf.arg);
        break;
    default:
        break;
    }
    return 0;
}

static void on_tick(lws_sorted_usec_list_t *sul)
{
    struct ws_server *server = lws_container_of(sul, struct ws_server, tick);

    lws_sul_schedule(server->context, 0, &server->tick, on_tick, server->conf.tick_ms * LWS_US_PER_MS);
    server->conf.callbacks.on_tick(server->conf.arg);
}

static void on_library_log(int level, const char *line)
{
    char text[256];
    size_t len = strcspn(line, "\n");

    len = len < sizeof text - 1 ? len : sizeof text - 1;
    memcpy(text, line, len);
    text[len] = '\0';
    log_event(level == LLL_ERR ? LOG_WARN : LOG_DEBUG, "libwebsockets", LOG_S("text", text));
}

static struct lws_vhost *vhost_new(struct ws_server *server)
{
    struct lws_context_creation_info info = {0};

    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.protocols = server->protocols;
    info.vhost_name = "clients";
    if (server->conf.cert[0] != '\0') {
        /* The second option spares a TLS client context, which 4.1.6 would make (with every CA of
         * the system) and, where there are several contexts, never free. */
        info.options =
            LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG;
        info.listen_accept_role = "raw-skt";
        info.listen_accept_protocol = "fanfare";
        info.ssl_cert_filepath = server->conf.cert;
        info.ssl_private_key_filepath = server->conf.key;
    }
    return lws_create_vhost(server->context, &info);
}

/* libuv watches SIGINT and SIGTERM whether asked or not; drain.c is who acts on them. */
static void on_signal(void *watcher, int number)
{
    (void)watcher;
    (void)number;
}

static struct lws_context *context_new(struct ws_server *server)
{
    struct lws_context_creation_info info = {0};

    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN;
    info.signal_cb = on_signal;
    if (server->conf.cert[0] != '\0')
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.user = server;
    info.pt_serv_buf_size = SERVICE_BUFFER;
    info.timeout_secs = 10;
    return lws_create_context(&info);
}

enum status ws_server_new(const struct ws_server_conf *conf, struct ws_server **out, struct fault *fault)
{
    struct ws_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    server->conf = *conf;
    server->protocols[0] = (struct lws_protocols){.name = "fanfare", .callback = on_event};
    lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);
    server->context = context_new(server);
    if (server->context == NULL) {
        free(server);
        return fault_set(fault, STATUS_IO,
                         "libwebsockets does not start on libuv: is libwebsockets-evlib-uv installed?");
    }
    server->vhost = vhost_new(server);
    if (server->vhost == NULL) {
        lws_context_destroy(server->context);
        free(server);
        return fault_set(fault, STATUS_IO, "ws.cert, ws.key: libwebsockets does not take them");
    }
    *out = server;
    return STATUS_OK;
}

void ws_server_run(struct ws_server *server)
{
    lws_sul_schedule(server->context, 0, &server->tick, on_tick, server->conf.tick_ms * LWS_US_PER_MS);
    while (!server->stopping && lws_service(server->context, 0) >= 0)
        continue;
    lws_context_destroy(server->context);
}

void ws_server_stop(struct ws_server *server)
{
    server->stopping = true;
    lws_sul_schedule(server->context, 0, &server->tick, NULL, LWS_SET_TIMER_USEC_CANCEL);
    lws_context_destroy(server->context);
}

void ws_server_free(struct ws_server *server)
{
    free(server);
}

void ws_server_wake(struct ws_server *server)
{
    lws_cancel_service(server->context);
}

struct ws_conn *ws_server_adopt(struct ws_server *server, int fd, void *client)
{
    lws_sock_file_fd_type descriptor = {.sockfd = fd};
    lws_adoption_type type = LWS_ADOPT_SOCKET;

    if (ws_server_is_tls(server))
        type |= LWS_ADOPT_ALLOW_SSL;
    struct lws *wsi = lws_adopt_descriptor_vhost(server->vhost, type, descriptor, "fanfare", NULL);
    if (wsi != NULL)
        lws_set_opaque_user_data(wsi, client);
    return (struct ws_conn *)(void *)wsi;
}

bool ws_server_is_tls(const struct ws_server *server)
{
    return server->conf.cert[0] != '\0';
}

void ws_conn_want_write(struct ws_conn *conn)
{
    lws_callback_on_writable(wsi_of(conn));
}

int32_t ws_conn_write(struct ws_conn *conn, const uint8_t *data, size_t len)
{
    if (lws_partial_buffered(wsi_of(conn)))
        return -EAGAIN;
    /* LWS_WRITE_RAW leaves the bytes as they are and takes nothing in front of them. */
    int n = lws_write(wsi_of(conn), (unsigned char *)(uintptr_t)data, len, LWS_WRITE_RAW);
    return n == (int)len ? n : -EIO;
}

void ws_conn_kill(struct ws_conn *conn)
{
    lws_set_timeout(wsi_of(conn), PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}
