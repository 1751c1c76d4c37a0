/* SPDX-License-Identifier: Apache-2.0 */
/* Begins connections and says why they failed. The loop's thread. Certificates are always
 * verified: there is no way to turn it off. */
#include "deploy/tool/dial.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shared/tls.h"

static const unsigned char alpn[] = "\x08http/1.1";

static enum status make_context(struct tool *tool, struct fault *fault)
{
    const char *ca = tool->options->ca;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ERR_clear_error();
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1)) {
        SSL_CTX_free(context);
        return fault_set(fault, STATUS_NO_MEMORY, "TLS: %s", tls_error_text());
    }
    if ((ca ? SSL_CTX_load_verify_file(context, ca) : SSL_CTX_set_default_verify_paths(context)) != 1) {
        SSL_CTX_free(context);
        return fault_set(fault, STATUS_INVALID, "--ca %s: not usable as CA certificates (PEM): %s",
                         ca ? ca : "(the system's)", tls_error_text());
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    tool->tls = context;
    return STATUS_OK;
}

static enum status new_bufferevent(struct tool *tool, const struct url *url, struct bufferevent **out,
                                   struct fault *fault)
{
    SSL *ssl;

    if (!url->tls) {
        *out = bufferevent_socket_new(tool->base, -1, BEV_OPT_CLOSE_ON_FREE);
        return *out ? STATUS_OK : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    if (!tool->tls && make_context(tool, fault))
        return STATUS_INVALID;
    ssl = tls_client_session(tool->tls, url->host);
    *out = ssl ? bufferevent_openssl_socket_new(tool->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                BEV_OPT_CLOSE_ON_FREE)
               : NULL;
    if (!*out) {
        SSL_free(ssl);
        return fault_set(fault, STATUS_NO_MEMORY, "TLS: %s", tls_error_text());
    }
    bufferevent_openssl_set_allow_dirty_shutdown(*out, 1);
    return STATUS_OK;
}

static int connect_local(struct bufferevent *bev, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    return bufferevent_socket_connect(bev, (const struct sockaddr *)&address, (int)sizeof address);
}

/* An address needs no name server, and none may be reachable. */
static int connect_host(struct tool *tool, struct bufferevent *bev, const struct url *url)
{
    struct sockaddr_storage address;
    int len = (int)sizeof address;
    char text[URL_HOST_MAX + 16];

    snprintf(text, sizeof text, strchr(url->host, ':') ? "[%s]:%d" : "%s:%d", url->host, url->port);
    if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &len) == 0)
        return bufferevent_socket_connect(bev, (const struct sockaddr *)&address, len);
    if (!tool->dns)
        tool->dns =
            evdns_base_new(tool->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    return tool->dns ? bufferevent_socket_connect_hostname(bev, tool->dns, AF_UNSPEC, url->host, url->port)
                     : -1;
}

enum status dial(struct tool *tool, const struct url *url, struct bufferevent **out, struct fault *fault)
{
    enum status status = new_bufferevent(tool, url, out, fault);

    if (status)
        return status;
    errno = 0;
    if (url->local ? connect_local(*out, url->host) : connect_host(tool, *out, url)) {
        status =
            fault_set(fault, STATUS_IO, "%s", errno ? strerror(errno) : "the connection could not be begun");
        bufferevent_free(*out);
        *out = NULL;
    }
    return status;
}

void dial_reason(struct bufferevent *bev, short events, char *out, size_t cap)
{
    int socket_error = EVUTIL_SOCKET_ERROR();
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    long verified = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long tls_error = ssl ? bufferevent_get_openssl_error(bev) : 0;
    int dns_error = bufferevent_socket_get_dns_error(bev);

    if (dns_error)
        snprintf(out, cap, "the name was not found: %s", evutil_gai_strerror(dns_error));
    else if (verified != X509_V_OK)
        snprintf(out, cap, "the certificate is not trusted: %s", X509_verify_cert_error_string(verified));
    else if (tls_error && ERR_reason_error_string(tls_error))
        snprintf(out, cap, "TLS: %s", ERR_reason_error_string(tls_error));
    else if (events & BEV_EVENT_EOF)
        snprintf(out, cap, "the other side closed the connection");
    else
        snprintf(out, cap, "%s",
                 socket_error ? evutil_socket_error_to_string(socket_error) : "the connection broke");
}
