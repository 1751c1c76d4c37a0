/* SPDX-License-Identifier: Apache-2.0 */
/* Why a new connection gets 503 instead of its WebSocket: judged by the acceptor, answered by the handshake.
 */
#ifndef FANFARE_GATEWAY_WEBSOCKET_REFUSAL_H
#define FANFARE_GATEWAY_WEBSOCKET_REFUSAL_H

enum refusal {
    REFUSAL_NONE,
    REFUSAL_MAX_CLIENTS,
    REFUSAL_MAX_CLIENTS_PER_ADDRESS,
    REFUSAL_RATE,
    REFUSAL_DRAINING,
    REFUSAL_STARTING /* the bucket's: who is banned is not known yet */
};

#endif
