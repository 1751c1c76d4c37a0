/* SPDX-License-Identifier: Apache-2.0 */
/* libwebsockets 4.1 has one service thread a context, so each bucket has a context. Its poll()
 * loop walks every socket, so the context runs on libuv. TLS sockets come in by adoption: contexts
 * cannot share a listening port. Of plain ones it knows one descriptor, which is readable when some of
 * them are. lws_cancel_service() is its one call for other threads. */
#include "gateway/bucket/ws_server.h"

#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/bucket/socket_poll.h"
#include "shared/log/log.h"

/* The bucket has the time-outs; the library's stays behind the longest that wsTlsTimeout and wsReadTimeout
 * can be. */
enum { SERVICE_BUFFER = 16384, LIBRARY_TIMEOUT_S = 700 };

struct ws_server {
    struct ws_server_conf conf;
    struct lws_context *context;
    struct lws_vhost *vhost;
    SSL_CTX *certificate;      /* a reference; NULL: plain sockets */
    SSL_CTX *vhost_tls;        /* the library's */
    struct socket_poll *plain; /* NULL with TLS */
    lws_sorted_usec_list_t tick;
    struct lws_protocols protocols[2];
    bool stopping;
};

struct ws_conn {
    struct ws_server *server;
    void *client;
    union {
        struct polled_socket plain;
        struct {
            struct lws *wsi;
            bool secured;
            bool heard;
        } tls;
    };
};

static struct ws_server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* For each handshake, and not once in the vhost's context, since that keeps a certificate for each kind
 * of key: an old RSA one would be shown beside a new ECDSA one. */
static int show_certificate(SSL *ssl, void *arg)
{
    SSL_CTX *from = ((const struct ws_server *)arg)->certificate;
    STACK_OF(X509) *chain = NULL;
    int replace = 1;

    SSL_certs_clear(ssl);
    (void)SSL_CTX_get0_chain_certs(from, &chain);
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(from), SSL_CTX_get0_privatekey(from), chain,
                                replace);
}

/* Without this the library offers h2, which the clients' port does not speak. A client that offers nothing
 * that we speak is told so (RFC 7301, 3.2); one that offers nothing at all is not asked here. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Later handshake messages (tickets) may say done again. */
static void on_tls_state(const SSL *ssl, int where, int ret)
{
    struct ws_conn *conn = SSL_get_app_data(ssl);

    (void)ret;
    if ((where & SSL_CB_HANDSHAKE_DONE) == 0 || conn == NULL || conn->tls.secured)
        return;
    conn->tls.secured = true;
    conn->server->conf.callbacks.on_secured(conn->client);
}

void ws_server_use_certificate(struct ws_server *server, SSL_CTX *certificate)
{
    SSL_CTX_up_ref(certificate);
    SSL_CTX_free(server->certificate);
    server->certificate = certificate;
}

static void on_gone(void *owner)
{
    struct ws_conn *conn = owner;

    conn->server->conf.callbacks.on_gone(conn->client);
    free(conn);
}

static void on_plain_bytes(void *owner, uint8_t *data, size_t len)
{
    const struct ws_conn *conn = owner;

    conn->server->conf.callbacks.on_bytes(conn->client, data, len);
}

/* In 4.1.6 the time-out of a TLS handshake runs on when the handshake is through. */
static void on_tls_bytes(struct ws_conn *conn, uint8_t *data, size_t len)
{
    if (!conn->tls.heard)
        lws_set_timeout(conn->tls.wsi, NO_PENDING_TIMEOUT, 0);
    conn->tls.heard = true;
    conn->server->conf.callbacks.on_bytes(conn->client, data, len);
}

static void on_plain_writable(void *owner)
{
    const struct ws_conn *conn = owner;

    conn->server->conf.callbacks.on_writable(conn->client);
}

static void reap(const struct ws_server *server)
{
    if (server->plain != NULL)
        socket_poll_reap(server->plain);
}

static void on_wake(const struct ws_server *server)
{
    server->conf.callbacks.on_wake(server->conf.arg);
    reap(server);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct ws_server *server = server_of(wsi);
    struct ws_conn *conn = lws_get_opaque_user_data(wsi);

    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        if (conn != NULL)
            on_tls_bytes(conn, in, len);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        if (conn != NULL)
            server->conf.callbacks.on_writable(conn->client);
        break;
    case LWS_CALLBACK_WSI_DESTROY:
        if (conn != NULL)
            on_gone(conn);
        break;
    case LWS_CALLBACK_RAW_RX_FILE:
        socket_poll_turn(server->plain);
        break;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        server->vhost_tls = user;
        SSL_CTX_set_cert_cb(user, show_certificate, server);
        SSL_CTX_set_info_callback(user, on_tls_state);
        break;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        if (!server->stopping)
            on_wake(server);
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
    reap(server);
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
    if (ws_server_is_tls(server)) {
        /* The last option spares a TLS client context, which 4.1.6 would make (with every CA of
         * the system) and, where there are several contexts, never free. */
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX |
                       LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG;
        info.listen_accept_role = "raw-skt";
        info.listen_accept_protocol = "fanfare";
    }
    struct lws_vhost *vhost = lws_create_vhost(server->context, &info);
    if (vhost != NULL &&
        server->vhost_tls != NULL) /* not in the callback, behind which the library sets its own */
        SSL_CTX_set_alpn_select_cb(server->vhost_tls, choose_protocol, NULL);
    return vhost;
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
    if (ws_server_is_tls(server))
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.user = server;
    info.pt_serv_buf_size = SERVICE_BUFFER;
    info.timeout_secs = LIBRARY_TIMEOUT_S;
    return lws_create_context(&info);
}

/* The library closes what it has adopted, hence the copy of the descriptor. */
static enum status watch_plain(struct ws_server *server)
{
    static const struct socket_callbacks callbacks = {on_plain_bytes, on_plain_writable, on_gone};
    enum status status = socket_poll_new(&callbacks, &server->plain);
    lws_sock_file_fd_type descriptor;

    if (status != STATUS_OK)
        return status;
    descriptor.filefd = fcntl(socket_poll_fd(server->plain), F_DUPFD_CLOEXEC, 0);
    if (descriptor.filefd < 0)
        return STATUS_IO;
    return lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, "fanfare", NULL) !=
                   NULL
               ? STATUS_OK
               : STATUS_IO;
}

enum status ws_server_new(const struct ws_server_conf *conf, struct ws_server **out, struct fault *fault)
{
    struct ws_server *server = calloc(1, sizeof *server);

    if (server == NULL)
        return fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    server->conf = *conf;
    if (conf->certificate != NULL)
        ws_server_use_certificate(server, conf->certificate);
    server->protocols[0] = (struct lws_protocols){.name = "fanfare", .callback = on_event};
    lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);
    server->context = context_new(server);
    if (server->context == NULL) {
        ws_server_free(server);
        return fault_set(fault, STATUS_IO,
                         "libwebsockets does not start on libuv: is libwebsockets-evlib-uv installed?");
    }
    server->vhost = vhost_new(server);
    if (server->vhost == NULL) {
        lws_context_destroy(server->context);
        ws_server_free(server);
        return fault_set(fault, STATUS_IO, "libwebsockets makes no vhost for the clients");
    }
    enum status status = ws_server_is_tls(server) ? STATUS_OK : watch_plain(server);
    if (status != STATUS_OK) {
        lws_context_destroy(server->context);
        ws_server_free(server);
        return fault_set(fault, status, "the bucket cannot watch its sockets");
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
    socket_poll_free(server->plain);
    server->plain = NULL;
}

void ws_server_stop(struct ws_server *server)
{
    server->stopping = true;
    lws_sul_schedule(server->context, 0, &server->tick, NULL, LWS_SET_TIMER_USEC_CANCEL);
    lws_context_destroy(server->context);
}

void ws_server_free(struct ws_server *server)
{
    if (server == NULL)
        return;
    socket_poll_free(server->plain);
    SSL_CTX_free(server->certificate);
    free(server);
}

void ws_server_wake(struct ws_server *server)
{
    lws_cancel_service(server->context);
}

static bool adopt_tls(struct ws_conn *conn, int fd)
{
    const lws_adoption_type type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL;
    lws_sock_file_fd_type descriptor = {.sockfd = fd};

    conn->tls.wsi = lws_adopt_descriptor_vhost(conn->server->vhost, type, descriptor, "fanfare", NULL);
    if (conn->tls.wsi == NULL)
        return false;
    lws_set_opaque_user_data(conn->tls.wsi, conn);
    SSL_set_app_data(lws_get_ssl(conn->tls.wsi), conn);
    conn->tls.secured = SSL_is_init_finished(lws_get_ssl(conn->tls.wsi)); /* on_tls_state knew no conn yet */
    return true;
}

static bool adopt_plain(struct ws_conn *conn, int fd)
{
    if (socket_poll_add(conn->server->plain, &conn->plain, fd, conn) == STATUS_OK)
        return true;
    close(fd);
    return false;
}

struct ws_conn *ws_server_adopt(struct ws_server *server, int fd, void *client)
{
    struct ws_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        close(fd);
        return NULL;
    }
    conn->server = server;
    conn->client = client;
    if (ws_server_is_tls(server) ? adopt_tls(conn, fd) : adopt_plain(conn, fd))
        return conn;
    free(conn);
    return NULL;
}

bool ws_conn_is_secured(const struct ws_conn *conn)
{
    return !ws_server_is_tls(conn->server) || conn->tls.secured;
}

bool ws_server_is_tls(const struct ws_server *server)
{
    return server->certificate != NULL;
}

void ws_conn_take_now(struct ws_conn *conn)
{
    if (conn->server->plain != NULL)
        socket_poll_take_now(&conn->plain);
}

void ws_conn_want_write(struct ws_conn *conn)
{
    if (conn->server->plain != NULL)
        socket_poll_want_write(&conn->plain);
    else
        lws_callback_on_writable(conn->tls.wsi);
}

int32_t ws_conn_write(struct ws_conn *conn, const uint8_t *data, size_t len)
{
    if (lws_partial_buffered(conn->tls.wsi))
        return -EAGAIN;
    /* LWS_WRITE_RAW leaves the bytes as they are and takes nothing in front of them. */
    int n = lws_write(conn->tls.wsi, (unsigned char *)(uintptr_t)data, len, LWS_WRITE_RAW);
    return n == (int)len ? n : -EIO;
}

static bool end_tls(struct ws_conn *conn)
{
    if (lws_partial_buffered(conn->tls.wsi)) {
        lws_callback_on_writable(conn->tls.wsi);
        return false;
    }
    (void)SSL_shutdown(lws_get_ssl(conn->tls.wsi));
    ERR_clear_error();
    return true;
}

bool ws_conn_end(struct ws_conn *conn, int fd)
{
    if (conn->server->plain == NULL && !end_tls(conn))
        return false;
    (void)shutdown(fd, SHUT_WR);
    return true;
}

void ws_conn_kill(struct ws_conn *conn)
{
    if (conn->server->plain != NULL)
        socket_poll_kill(&conn->plain);
    else
        lws_set_timeout(conn->tls.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}
