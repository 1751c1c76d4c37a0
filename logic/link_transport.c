/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a link's connection. The loop's thread only; keeps nothing, never retries. */
#include "logic/link_transport.h"

#include <event2/bufferevent_ssl.h>

#include "shared/tls.h"

enum { ANSWER_MAX = 1024 * 1024, ANSWER_WINDOW = 1024 * 1024 };

static struct bufferevent *new_bufferevent(const struct link_env *env, const char *hostname)
{
    const char *expected = env->conf->rpc_server_name;
    SSL *ssl = tls_client_session(env->tls, expected[0] ? expected : hostname);
    if (!ssl)
        return NULL;
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(env->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        SSL_free(ssl);
    return bev;
}

static const struct evutil_addrinfo *choose(const struct evutil_addrinfo *addresses, unsigned turn)
{
    unsigned count = 0;
    for (const struct evutil_addrinfo *at = addresses; at; at = at->ai_next)
        count++;
    for (turn %= count; turn > 0; turn--)
        addresses = addresses->ai_next;
    return addresses;
}

const char *link_transport_open(const struct link_env *env, const struct link_target *target,
                                const struct h2_callbacks *callbacks, void *arg, struct h2_conn **out)
{
    static const struct h2_limits limits = {
        .max_body = ANSWER_MAX, .max_streams = 1, .window = ANSWER_WINDOW};
    struct bufferevent *bev = new_bufferevent(env, target->hostname);
    *out = NULL;
    if (!bev || h2_conn_new_client(bev, target->name, &limits, callbacks, arg, out)) {
        *out = NULL;
        return "no memory for a connection";
    }
    const struct evutil_addrinfo *address = choose(target->addresses, target->turn);
    if (bufferevent_socket_connect(bev, address->ai_addr, (int)address->ai_addrlen) == 0)
        return NULL;
    h2_conn_free(*out);
    *out = NULL;
    return "the connection could not be begun";
}
