/* SPDX-License-Identifier: Apache-2.0 */
/* Finds a client's credential in the request of /connect: a token that it shows on purpose (Authorization:
 * Bearer, RFC 6750, 2.1; the subprotocol `fanfare.token.TOKEN`; `?token=`), or what comes by itself (a header
 * of a trusted proxy; a cookie, RFC 6265, 4.2.1). Whether it is good is judged elsewhere. Nothing here is
 * ever logged. Pure; one thread. */
#ifndef FANFARE_GATEWAY_WEBSOCKET_CREDENTIAL_H
#define FANFARE_GATEWAY_WEBSOCKET_CREDENTIAL_H

#include <stdbool.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/http/http_request.h"

/* The subprotocol that is selected for who shows a token in one. */
#define CREDENTIAL_SUBPROTOCOL_NAME "fanfare"

enum credential_source {
    CREDENTIAL_NONE,
    CREDENTIAL_AUTHORIZATION,
    CREDENTIAL_SUBPROTOCOL,
    CREDENTIAL_QUERY,
    CREDENTIAL_COOKIE, /* a token, too */
    CREDENTIAL_HEADER, /* the user, as a proxy says */
};

/* What counts. */
struct credential_rules {
    bool tokens;        /* somebody judges tokens; else none is looked for, in the cookie neither */
    const char *cookie; /* its name; NULL or empty: none */
    const char *header; /* its name; NULL or empty: none, or the peer is no trusted proxy */
    bool known_page;    /* the request has an Origin that ws.origins lists: else cookie and header are passed
                           over, since any page can have its visitor's browser send them */
};

struct credential {
    enum credential_source source;
    struct slice text;  /* as it was shown, not judged; points into the request or `decoded` */
    struct buf decoded; /* of the query */
};

/* Finds it. NULL, or why the request is not clear, as a sentence for the client (static): two tokens shown on
 * purpose, one of the fields or cookies twice, `fanfare.token.` without `fanfare`, a bad escape in the query.
 * What is shown on purpose goes before what comes by itself, the proxy's header before the cookie. Call
 * credential_fini in both cases. */
const char *credential_find(const struct http_request *request, const struct credential_rules *rules,
                            struct credential *out);
void credential_fini(struct credential *credential);

#endif
