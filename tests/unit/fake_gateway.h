/* SPDX-License-Identifier: Apache-2.0 */
/* Gateways in the test's own process: TLS and HTTP/2 on a free port of the loopback, healthy
 * answers to batches and to GET /stats. The links under test run on the same loop. */
#ifndef FANFARE_TESTS_FAKE_GATEWAY_H
#define FANFARE_TESTS_FAKE_GATEWAY_H

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "shared/contract/push.h"
#include "shared/h2/h2_conn.h"
#include "shared/net/tls.h"
#include "tests/unit/certs.h"

enum { FAKE_CONNECTIONS = 8 };

struct fake_gateway {
    struct event_base *base;
    struct evconnlistener *listener;
    SSL_CTX *tls;
    int port;
    struct h2_conn *conns[FAKE_CONNECTIONS];
    size_t accepted;
    size_t probes;
    uint64_t applied; /* the highest sequence */
    size_t pushes;
    bool silent;       /* answers no batch */
    const char *stats; /* answer to GET /stats; NULL: none */
    const char *hello; /* answer to POST /rpc/hello; NULL: 404, as one that knows none */
    size_t hellos;
};

static inline void fake_answer_batch(struct fake_gateway *gateway, struct h2_conn *conn,
                                     const struct h2_request *request)
{
    const struct push_limits limits = {.max_room_len = 128, .max_item_len = 65536, .max_depth = 64};
    struct push_batch batch;
    struct push_record record;
    struct fault fault;
    char json[96];

    assert_int_equal(push_batch_decode(request->body, &limits, &batch, &fault), STATUS_OK);
    while (push_next_record(&batch.records, &record)) {
        gateway->applied = record.sequence;
        gateway->pushes++;
    }
    snprintf(json, sizeof json, "{\"applied\":%llu,\"duplicates\":0}", (unsigned long long)gateway->applied);
    if (!gateway->silent)
        h2_reply(conn, request->stream, 200, "application/json", json, strlen(json));
}

static inline void fake_on_request(struct h2_conn *conn, const struct h2_request *request, void *arg)
{
    struct fake_gateway *gateway = arg;

    if (strcmp(request->path, "/rpc/hello") == 0) {
        const char *answer = gateway->hello != NULL ? gateway->hello : "";

        gateway->hellos++;
        h2_reply(conn, request->stream, gateway->hello != NULL ? 200 : 404, "application/json", answer,
                 strlen(answer));
        return;
    }
    if (strcmp(request->path, "/stats") != 0) {
        fake_answer_batch(gateway, conn, request);
        return;
    }
    gateway->probes++;
    if (gateway->stats != NULL)
        h2_reply(conn, request->stream, 200, "application/json", gateway->stats, strlen(gateway->stats));
}

static inline void fake_on_close(struct h2_conn *conn, const char *reason, void *arg)
{
    struct fake_gateway *gateway = arg;

    (void)reason;
    for (size_t i = 0; i < gateway->accepted; i++)
        if (gateway->conns[i] == conn)
            gateway->conns[i] = NULL;
    h2_conn_free(conn);
}

static inline void fake_on_accept(struct evconnlistener *listener, evutil_socket_t fd,
                                  struct sockaddr *address, int len, void *arg)
{
    static const struct h2_callbacks callbacks = {.on_request = fake_on_request, .on_close = fake_on_close};
    static const struct h2_limits limits = {.max_body = 4u << 20, .max_streams = 8, .window = 1u << 20};
    struct fake_gateway *gateway = arg;
    struct transport *transport;

    (void)listener;
    (void)address;
    (void)len;
    assert_true(gateway->accepted < FAKE_CONNECTIONS);
    assert_int_equal(transport_new_accepted(gateway->base, fd, SSL_new(gateway->tls), &transport), STATUS_OK);
    assert_int_equal(h2_conn_new_server(gateway->base, transport, &limits, &callbacks, gateway,
                                        &gateway->conns[gateway->accepted]),
                     STATUS_OK);
    gateway->accepted++;
}

/* Listens on `port` of 127.0.0.1; 0: on a free one. */
static inline void fake_gateway_start(struct fake_gateway *gateway, struct event_base *base,
                                      const struct certs *certs, int port)
{
    const struct tls_files files = {certs->path[CERT_SERVER], certs->path[KEY_SERVER], ""};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    struct fault fault;

    *gateway = (struct fake_gateway){.base = base, .stats = "{\"onlineConnections\":118,\"roomCount\":2}"};
    assert_int_equal(tls_server_new(&files, &gateway->tls, &fault), STATUS_OK);
    gateway->listener =
        evconnlistener_new_bind(base, fake_on_accept, gateway, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16,
                                (struct sockaddr *)&address, sizeof address);
    assert_non_null(gateway->listener);
    assert_int_equal(getsockname(evconnlistener_get_fd(gateway->listener), (struct sockaddr *)&address, &len),
                     0);
    gateway->port = ntohs(address.sin_port);
}

/* As a process that was killed: the port is closed, every connection ends. */
static inline void fake_gateway_stop(struct fake_gateway *gateway)
{
    for (size_t i = 0; i < gateway->accepted; i++)
        h2_conn_free(gateway->conns[i]);
    gateway->accepted = 0;
    if (gateway->listener != NULL)
        evconnlistener_free(gateway->listener);
    gateway->listener = NULL;
    SSL_CTX_free(gateway->tls);
    gateway->tls = NULL;
}

#endif
