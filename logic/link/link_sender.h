/* SPDX-License-Identifier: Apache-2.0 */
/* What is said over a link's ready connection: one batch at a time, frozen until the gateway
 * answers it; or, to a gateway that answers /rpc/batch with 404 (go-push's), one form call at a
 * time. Takes pushes off the ledger as answers come. Knows no timer and no reconnecting.
 * The loop's thread only. */
#ifndef FANFARE_LOGIC_LINK_LINK_SENDER_H
#define FANFARE_LOGIC_LINK_LINK_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logic/link/link_ledger.h"
#include "shared/base/buf.h"
#include "shared/contract/hello.h"
#include "shared/h2/h2_conn.h"

enum { LINK_BATCH_MAX_PUSHES = 4096 };

struct link_sender {
    struct link_ledger *ledger;
    const uint8_t *logic_id; /* LOGIC_ID_LEN bytes */
    size_t batch_bytes;      /* a batch's body, header included, unless one push alone is longer */
    struct h2_conn *conn;    /* NULL while there is none */
    bool owed;               /* an answer is due on `stream` */
    int32_t stream;
    int64_t sent_us;     /* monotonic: when the request that is owed an answer was sent */
    bool forms;          /* this connection's peer does not know /rpc/batch */
    bool untraced;       /* likewise, traced records */
    capability_set can;  /* likewise, what the peer knows: it gets no push that needs more */
    capability_set told; /* on this connection: logged that pushes which need it were dropped */
    bool told_forms;     /* logged */
    size_t max_pushes;   /* per batch; smaller while a refused one is being narrowed down */

    uint8_t header[PUSH_BATCH_HEADER_LEN];
    size_t piece; /* what is read next: 0 the header, then the pushes from 1 */
    size_t offset;
    uint8_t head[PUSH_RECORD_HEAD_LEN]; /* of the piece, when its trace is left out */
    uint8_t ttl[PUSH_OPTION_TTL_LEN];   /* likewise, when it has one: what was left when it was begun */

    struct buf form;
    size_t form_sent;
    uint64_t form_sequence; /* the push that rooms_done counts for */
    size_t rooms_done;
};

enum link_reply {
    LINK_REPLY_OTHER,    /* not the answer that is due */
    LINK_REPLY_PROGRESS, /* go on with link_sender_send at once */
    LINK_REPLY_RETRY,    /* back off, then link_sender_send says the same again */
};

void link_sender_init(struct link_sender *sender, struct link_ledger *ledger, const uint8_t *logic_id,
                      size_t batch_bytes);
void link_sender_fini(struct link_sender *sender);
/* A connection is ready; `peer` is what the gateway said of itself, NULL when it knows no hello. What was
 * frozen stays frozen, unless a push in it needs what the gateway lacks: such pushes are dropped as
 * LINK_DROP_REFUSED when their turn comes. */
void link_sender_start(struct link_sender *sender, struct h2_conn *conn, const struct hello *peer);
/* The connection is over. */
void link_sender_stop(struct link_sender *sender);
/* Sends the next request if there is a connection, a push, and no answer due. STATUS_CLOSED
 * when the connection is ending, STATUS_NO_MEMORY: try again later. */
enum status link_sender_send(struct link_sender *sender);
/* Handles an answer (see h2_callbacks.on_response). */
enum link_reply link_sender_answer(struct link_sender *sender, int32_t stream, int status, struct slice body);

#endif
