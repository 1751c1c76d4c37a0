/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a link's connection. The loop's thread only; keeps nothing, never retries. */
#include "logic/link/link_transport.h"

#include "shared/net/tls.h"

enum { ANSWER_MAX = 1024 * 1024, ANSWER_WINDOW = 1024 * 1024 };

static const struct addrinfo *choose(const struct addrinfo *addresses, unsigned turn)
{
    unsigned count = 0;

    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next)
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
    const char *expected = env->conf->rpc_server_name;
    SSL *ssl = tls_client_session(env->tls, expected[0] ? expected : target->hostname);
    const struct addrinfo *address = choose(target->addresses, target->turn);
    struct transport *transport;

    *out = NULL;
    if (ssl == NULL)
        return "no memory for a connection";
    if (transport_new_connecting(env->base, address->ai_addr, address->ai_addrlen, ssl, &transport) !=
        STATUS_OK)
        return "the connection could not be begun";
    if (h2_conn_new_client(env->base, transport, target->name, &limits, callbacks, arg, out) != STATUS_OK) {
        *out = NULL;
        return "no memory for a connection";
    }
    return NULL;
}
