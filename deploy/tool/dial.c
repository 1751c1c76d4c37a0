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

#include "shared/net/tls.h"

static const unsigned char alpn[] = "\x08http/1.1";

static enum status make_context(struct tool *tool, struct fault *fault)
{
    const char *ca = tool->options->ca;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ERR_clear_error();
    if (context == NULL || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1)) {
        SSL_CTX_free(context);
        return fault_set(fault, STATUS_NO_MEMORY, "TLS: %s", tls_error_text());
    }
    if ((ca != NULL ? SSL_CTX_load_verify_file(context, ca) : SSL_CTX_set_default_verify_paths(context)) !=
        1) {
        SSL_CTX_free(context);
        return fault_set(fault, STATUS_INVALID, "--ca %s: not usable as CA certificates (PEM): %s",
                         ca != NULL ? ca : "(the system's)", tls_error_text());
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
        return *out != NULL ? STATUS_OK : fault_set(fault, STATUS_NO_MEMORY, "out of memory");
    }
    if (tool->tls == NULL && make_context(tool, fault) != STATUS_OK)
        return STATUS_INVALID;
    ssl = tls_client_session(tool->tls, url->host);
    *out = ssl != NULL ? bufferevent_openssl_socket_new(tool->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                        BEV_OPT_CLOSE_ON_FREE)
                       : NULL;
    if (*out == NULL) {
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

/* The event callback hears of it in a turn of its own: it may not be set yet. */
static void give_up(struct dialing *dialing, const char *error)
{
    snprintf(dialing->fault, sizeof dialing->fault, "%s", error);
    bufferevent_trigger_event(dialing->bev, BEV_EVENT_ERROR, BEV_TRIG_DEFER_CALLBACKS);
}

static void on_addresses(enum dns_result result, const struct addrinfo *addresses, void *arg)
{
    struct dialing *dialing = arg;
    char text[sizeof dialing->fault];

    snprintf(text, sizeof text, "the name was not found: %s", lookup_result_text(result));
    if (result != DNS_FOUND)
        give_up(dialing, text);
    else if (bufferevent_socket_connect(dialing->bev, addresses->ai_addr, (int)addresses->ai_addrlen))
        give_up(dialing, errno ? strerror(errno) : "the connection could not be begun");
}

/* An address needs no name server, and none may be reachable. */
static enum status connect_host(struct tool *tool, struct dialing *dialing, const struct url *url)
{
    if (tool->dns == NULL && resolver_new(tool->base, "", &tool->dns) != STATUS_OK)
        return STATUS_NO_MEMORY;
    return lookup_start(tool->dns, url->host, url->port, on_addresses, dialing, &dialing->lookup);
}

enum status dial(struct tool *tool, const struct url *url, struct dialing *dialing, struct fault *fault)
{
    *dialing = (struct dialing){.bev = NULL};
    enum status status = new_bufferevent(tool, url, &dialing->bev, fault);

    if (status != STATUS_OK)
        return status;
    errno = 0;
    if (!url->local) {
        status = connect_host(tool, dialing, url);
        return status != STATUS_OK ? fault_set(fault, status, "%s: %s", url->host, status_text(status))
                                   : STATUS_OK;
    }
    if (connect_local(dialing->bev, url->host))
        return fault_set(fault, STATUS_IO, "%s",
                         errno ? strerror(errno) : "the connection could not be begun");
    return STATUS_OK;
}

void dial_end(struct dialing *dialing)
{
    lookup_cancel(&dialing->lookup);
    if (dialing->bev != NULL)
        bufferevent_free(dialing->bev);
    dialing->bev = NULL;
}

bool dial_reason(const struct dialing *dialing, short events, char *out, size_t cap)
{
    struct bufferevent *bev = dialing->bev;
    int socket_error = EVUTIL_SOCKET_ERROR();
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    long verified = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
    unsigned long tls_error = ssl != NULL ? bufferevent_get_openssl_error(bev) : 0;

    if (dialing->fault[0])
        snprintf(out, cap, "%s", dialing->fault);
    else if (verified != X509_V_OK)
        snprintf(out, cap, "the certificate is not trusted: %s", X509_verify_cert_error_string(verified));
    else if (tls_error && ERR_reason_error_string(tls_error) != NULL)
        snprintf(out, cap, "TLS: %s", ERR_reason_error_string(tls_error));
    else if (events & BEV_EVENT_EOF)
        snprintf(out, cap, "the other side closed the connection");
    else {
        snprintf(out, cap, "%s",
                 socket_error ? evutil_socket_error_to_string(socket_error) : "the connection broke");
        return true;
    }
    return false;
}
