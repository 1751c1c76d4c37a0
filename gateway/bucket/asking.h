/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the service that auth.hook.url names, on behalf of a client, which waits for the answer
 * (session_resume). At most one a client is under way; when the client goes meanwhile, the answer finds
 * nobody. The bucket's thread. */
#ifndef FANFARE_GATEWAY_BUCKET_ASKING_H
#define FANFARE_GATEWAY_BUCKET_ASKING_H

#include "gateway/bucket/client_auth.h"

/* Of a client that waits (client_auth_wait) with its request still there: who is it? The Cookie, and only
 * with `known_page`, is handed on where auth.hook.headers names it. STATUS_TOO_LARGE, STATUS_NO_MEMORY,
 * STATUS_FULL: nothing was asked, and no answer comes. */
enum status asking_who(struct client *client, bool known_page);
/* Of a client that waits and has a grant: may it join the room? As above. */
enum status asking_join(struct client *client, struct slice room);

#endif
