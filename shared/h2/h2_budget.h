/* SPDX-License-Identifier: Apache-2.0 */
/* How many frames a peer of an HTTP/2 connection may still send. nghttp2 takes most floods in silence (ACKs
 * nobody asked for, frame types it does not know, empty and one-byte DATA), so frames are counted here,
 * before it sees them. Each frame costs units of a budget. What a connection is for earns them: bytes of DATA
 * in either direction and completed requests; so does the passing of time. A link at full speed earns far
 * more than it spends. Pure; one thread. */
#ifndef FANFARE_SHARED_H2_H2_BUDGET_H
#define FANFARE_SHARED_H2_H2_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    H2_FRAME_COST = 256,         /* units: what a frame costs; a byte of DATA, or one sent, is worth 1 */
    H2_BUDGET_FRAMES = 2000,     /* at most so many frames ahead */
    H2_BUDGET_PER_MS = 1,        /* frames that a millisecond pays for */
    H2_RESET_FRAMES = 5,         /* RST_STREAM costs so many: more than its request was worth */
    H2_REQUEST_FRAMES = 4,       /* a request or answer that is complete is worth so many */
    H2_SURPLUS_HEADER_COST = 32, /* units: a header field that nobody asked for, of a bomb in HPACK */
    H2_INVALID_FRAMES = 10,      /* a frame that breaks the rules costs so many more */
    H2_FRAME_HEADER_LEN = 9,     /* RFC 9113, 4.1 */
    H2_CLIENT_PREFACE_LEN = 24,  /* RFC 9113, 3.4 */
};

struct h2_budget {
    int64_t units;
    int64_t now_ms;                    /* until when time has paid */
    size_t skip;                       /* bytes until the next frame header: payload, or the preface */
    uint8_t head[H2_FRAME_HEADER_LEN]; /* a header that has not come whole */
    size_t head_len;
};

/* `server`: the peer begins with the client's preface. `now_ms` is monotonic. */
void h2_budget_init(struct h2_budget *budget, bool server, int64_t now_ms);
/* The peer sent `len` bytes, as they come from the transport: their frames are paid for. False when
 * they cannot be: the peer floods. Never reads a payload. */
bool h2_budget_receive(struct h2_budget *budget, const uint8_t *data, size_t len, int64_t now_ms);
/* `units` were earned: bytes sent to the peer, or H2_FRAME_COST for each frame's worth. */
void h2_budget_earn(struct h2_budget *budget, size_t units);
/* `units` were spent on what frames alone do not show. False when they could not be paid. */
bool h2_budget_spend(struct h2_budget *budget, size_t units);

#endif
