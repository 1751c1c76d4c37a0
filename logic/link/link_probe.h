/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a gateway GET /stats over the link's own connection, when it has come up and every
 * LINK_PROBE_MS: how long the answer takes, and how many clients there are. Works with go-push's
 * gateways too. A probe without an answer is never repeated on the same connection and harms
 * nothing: no push waits for it, and nobody judges the link by it. The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LINK_PROBE_H
#define FANFARE_LOGIC_LINK_LINK_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/h2/h2_conn.h"

enum { LINK_PROBE_MS = 5000 };

struct link_probe {
    struct h2_conn *conn; /* NULL while there is none */
    bool owed;            /* an answer is due on `stream` */
    int32_t stream;
    int64_t asked_us; /* when the last probe was sent */
    int64_t rtt_us;   /* from the last probe to its answer, or -1: unknown, or outdated */
    int64_t clients;  /* onlineConnections in that answer, or -1 */
};

/* Without a connection; nothing is known. */
void link_probe_init(struct link_probe *probe);
/* A connection is ready: sends the first probe. Times in us are clock_now_us(). */
void link_probe_start(struct link_probe *probe, struct h2_conn *conn, int64_t now_us);
/* The connection is over: what was known is forgotten. */
void link_probe_stop(struct link_probe *probe);
/* Sends the next probe when it is due. Call a few times a second, with a connection or without. */
void link_probe_tick(struct link_probe *probe, int64_t now_us);
/* Takes an answer (see h2_callbacks.on_response); false when it is not a probe's. */
bool link_probe_answer(struct link_probe *probe, int32_t stream, int status, struct slice body,
                       int64_t now_us);
/* onlineConnections in the answer to GET /stats, or -1 when there is no such number. Pure. */
int64_t link_probe_read(struct slice body);

#endif
