/* SPDX-License-Identifier: Apache-2.0 */
/* The close codes of docs/protocol.md, section 2 (RFC 6455, 7.4), and what a client does after each. Pure;
 * any thread. The gateway's metric rows and the tool are made from this table, and a test compares the
 * document. */
#ifndef FANFARE_SHARED_CONTRACT_CLOSE_CODES_H
#define FANFARE_SHARED_CONTRACT_CLOSE_CODES_H

#include <stdbool.h>
#include <stdint.h>

/* X(code, name, advice). 1006 is never sent (RFC 6455, 7.4.1): the connection was lost without a close frame.
 */
#define CLOSE_CODES(X)                                                                                       \
    X(1000, normal, ANY)                                                                                     \
    X(1001, going_away, TOLD)                                                                                \
    X(1002, protocol_error, NEVER)                                                                           \
    X(1006, lost, BACK_OFF)                                                                                  \
    X(1007, invalid_utf8, NEVER)                                                                             \
    X(1009, too_large, NEVER)                                                                                \
    X(1011, internal, BACK_OFF)                                                                              \
    X(4000, invalid_message, NEVER)                                                                          \
    X(4001, invalid_room, NEVER)                                                                             \
    X(4002, unauthorized, NEVER)                                                                             \
    X(4003, kicked, NEVER)                                                                                   \
    X(4100, rate_limited, BACK_OFF)                                                                          \
    X(4101, auth_unavailable, BACK_OFF)                                                                      \
    X(4102, too_many_for_user, BACK_OFF)                                                                     \
    X(4200, slow_consumer, NOW)                                                                              \
    X(4201, heartbeat_timeout, NOW)                                                                          \
    X(4202, token_expired, NOW)

enum close_code {
#define X(code, name, advice) CLOSE_##name = code,
    CLOSE_CODES(X)
#undef X
};

enum close_advice {
    CLOSE_THEN_ANY,      /* as the client likes: it closed the connection itself */
    CLOSE_THEN_TOLD,     /* after the retry_ms of the reason */
    CLOSE_THEN_NEVER,    /* not before the client is repaired */
    CLOSE_THEN_BACK_OFF, /* after a pause that grows */
    CLOSE_THEN_NOW,
};

/* Whether callers may choose the code for their kicks: 4050 to 4099, 4150 to 4199, 4250 to 4299. */
static inline bool close_code_is_free(int64_t code)
{
    return code >= 4000 && code < 4300 && code % 100 >= 50;
}

/* The code's name, which stands in the close frame's reason; "" for one that the table does not have. */
const char *close_code_name(int code);
/* What the client does. A code that the table does not have is judged by its class (40xx never, 42xx now, all
 * others back off), and 1003 and 1008, with which something on the way may close, are never. */
enum close_advice close_code_advice(int code);

#endif
