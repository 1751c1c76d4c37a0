/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges the bans with one gateway (docs/protocol.md, section 3, "Bans"): after a hello whose digest
 * differs from the list's, part by part, POST /rpc/bans. First it asks for the gateway's, then it tells those
 * that it had at the beginning. Nothing waits for it; one that is cut off, refused or outrun by changes is
 * made good by the next, LINK_BANS_MS later at the soonest. One is under way at a time; a part has at most
 * BAN_PART_MAX bytes. The loop's thread only; has no timer, closes nothing. */
#ifndef FANFARE_LOGIC_LINK_LINK_BANS_H
#define FANFARE_LOGIC_LINK_LINK_BANS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/contract/ban_part.h"
#include "shared/contract/hello.h"
#include "shared/h2/h2_conn.h"

enum { LINK_BANS_MS = 5000 };

struct link_bans {
    struct ban_list *list; /* of this logic, the owner's; NULL: none is kept, and nothing exchanged */
    struct h2_conn *conn;  /* while an exchange is under way, else NULL */
    int32_t stream;        /* where an answer is due */
    size_t from;           /* of the gateway's: what is asked for next */
    bool heard;            /* all of them have come */
    struct ban_range tell; /* of the list: what is still to be told */
    int64_t begun_us;      /* the last exchange of this connection; 0: none */
    const bool *awaited;   /* the list is not complete yet: nothing is told or asked */
    bool told;             /* the last hello told a digest: */
    uint64_t said;
    struct buf text; /* of the part that is under way */
    size_t sent;
};

void link_bans_init(struct link_bans *bans, struct ban_list *list, const bool *awaited);
void link_bans_fini(struct link_bans *bans);
/* The connection is over. */
void link_bans_stop(struct link_bans *bans);
/* Writes the capability and the digest of now into a hello that is about to be said; neither while the list
 * is awaited, so that no gateway believes that it knows all. */
void link_bans_hello(struct link_bans *bans, struct hello *own);
/* Whether the list is another one since: then the next hello shall come soon, since this gateway may lack
 * what has come from another. */
bool link_bans_changed(const struct link_bans *bans);
/* What the gateway has said in its hello: begins an exchange if its list differs. Times in us are
 * clock_now_us().
 */
void link_bans_compare(struct link_bans *bans, struct h2_conn *conn, const struct hello *peer,
                       int64_t now_us);
/* Takes an answer (see h2_callbacks.on_response); false when it is not of an exchange. `gateway` is for the
 * log.
 */
bool link_bans_answer(struct link_bans *bans, const char *gateway, int32_t stream, int status,
                      struct slice body);

#endif
