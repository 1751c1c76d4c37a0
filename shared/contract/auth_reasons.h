/* SPDX-License-Identifier: Apache-2.0 */
/* Why a client or its credential was refused: the verdicts on a token (shared/jose/jwt.h), and the reasons
 * around it. Pure; any thread. The gateway's metric rows are made from this table. */
#ifndef FANFARE_SHARED_CONTRACT_AUTH_REASONS_H
#define FANFARE_SHARED_CONTRACT_AUTH_REASONS_H

#include "shared/jose/jwt.h"

/* X(id, name of the metric's label, sentence for the client). The rows of a token come first: a verdict is
 * the reason of the same number, and GOOD is the reason of who is granted something. */
#define AUTH_REASONS(X)                                                                                      \
    JWT_VERDICT_ROWS(X)                                                                                      \
    X(NOTHING_SHOWN, "nothing_shown", "The client has not shown who it is.")                                 \
    X(AMBIGUOUS, "ambiguous", "The client has shown who it is in more than one way.")                        \
    X(BAD_USER, "bad_user", "The user's name is not allowed.")                                               \
    X(OTHER_USER, "other_user", "The token is for another user than the connection.")                        \
    X(ROOM_TOKEN, "room_token", "The token is for a room: it is good in a JOIN only.")                       \
    X(NO_ROOM_TOKEN, "no_room_token", "The token is for no room, or for another one.")                       \
    X(HOOK_REFUSED, "hook_refused", "The service that was asked has refused the client.")                    \
    X(HOOK_UNAVAILABLE, "hook_unavailable", "The service that says who the client is does not answer.")      \
    X(HOOK_BAD_ANSWER, "hook_bad_answer", "The service that says who the client is answers nonsense.")       \
    X(TOO_MANY_PENDING, "too_many_pending", "Too many clients have not shown who they are.")                 \
    X(TOO_MANY_FOR_USER, "too_many_for_user", "The user has too many connections.")                          \
    X(BANNED, "banned", "The user is banned for the time being.")

enum auth_reason {
#define X(id, name, text) AUTH_REASON_##id,
    AUTH_REASONS(X)
#undef X
        AUTH_REASON_COUNT
};

/* "expired", and a sentence; static. */
const char *auth_reason_name(enum auth_reason reason);
const char *auth_reason_text(enum auth_reason reason);

#endif
