/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of trusted proxies until their PROXY header is there: read here and no further, so that what
 * follows, a TLS handshake too, is the bucket's. The control thread only.
 * Bounded: PROXY_STAGE_MAX wait at once, each for PROXY_STAGE_MS at most; past it the oldest is closed. A
 * header that is missing, bad or late closes its connection without an answer, for whoever would read one is
 * not known. All of it is counted: fanfare_gateway_proxy_headers_total, _refused_total, _waiting. */
#ifndef FANFARE_GATEWAY_ACCEPT_PROXY_STAGE_H
#define FANFARE_GATEWAY_ACCEPT_PROXY_STAGE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/accept/proxy_header.h"

enum { PROXY_STAGE_MAX = 1024, PROXY_STAGE_MS = 3000 };

struct proxy_stage;

/* A connection whose header is there. `fd` is the callee's from here on; nothing behind the header was read.
 * `peer` is the proxy, `accepted_us` what proxy_stage_take was given. */
typedef void proxy_stage_ready(int fd, const struct proxy_header *header,
                               const uint8_t peer[CIDR_ADDRESS_LEN], int64_t accepted_us, void *arg);

enum status proxy_stage_new(struct event_base *base, proxy_stage_ready *on_ready, void *arg,
                            struct proxy_stage **out);
/* Takes `fd` over in every case; on_ready may be called before it returns, when the header has come with the
 * connection. `peer`: whom it came from. `now_us` is monotonic. */
void proxy_stage_take(struct proxy_stage *stage, int fd, const uint8_t peer[CIDR_ADDRESS_LEN],
                      int64_t now_us);
/* How many wait. */
size_t proxy_stage_waiting(const struct proxy_stage *stage);
/* Closes the one that has waited longest, for a newcomer; false: none waits. */
bool proxy_stage_evict(struct proxy_stage *stage);
/* Closes those that wait. Legal on NULL. */
void proxy_stage_free(struct proxy_stage *stage);

#endif
