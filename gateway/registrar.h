/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps this gateway's entry in the registry (shared/contract/registry_entry.h): claims its id, refreshes
 * the entry three times within its time to live, announces each change, and removes it at the end.
 * An id belongs to whoever claimed it first and still refreshes it: a second gateway logs who has
 * it, is not ready, and asks again until the entry ends. An entry of this gateway's own address
 * is its predecessor's, and is taken over at once. The control thread only; never blocks. */
#ifndef FANFARE_GATEWAY_REGISTRAR_H
#define FANFARE_GATEWAY_REGISTRAR_H

#include <event2/event.h>
#include <stdbool.h>

#include "gateway/accept/acceptor.h"
#include "gateway/bucket/readiness.h"
#include "gateway/conf/gateway_conf.h"
#include "shared/base/buf.h"
#include "shared/base/status.h"
#include "shared/net/resolver.h"
#include "shared/redis/redis_client.h"

struct registrar;

/* Starts to register. `conf` has a redis.url and outlives the registrar; `rpc_port` is the port
 * that the RPC listens on; `acceptor` outlives it, and tells it how many clients there are. `readiness`,
 * which outlives it too, holds UNREADY_REGISTRY until the entry has stood once; Redis's loss does not bring
 * it back. A fault when the id that results is not valid. */
enum status registrar_new(struct event_base *base, struct resolver *dns, const struct gateway_conf *conf,
                          int rpc_port, const struct acceptor *acceptor, struct readiness *readiness,
                          struct registrar **out, struct fault *fault);
/* Closes at once; what stands in the registry ends by itself. Legal on NULL. */
void registrar_free(struct registrar *registrar);
/* Appends `,"registry":{"id":"…","state":"…"}` for /readyz: registered, unknown (Redis has not said), or
 * taken, and then `"by":"host:port"` who has the id. Nothing on NULL. STATUS_NO_MEMORY. */
enum status registrar_report(const struct registrar *registrar, struct buf *out);
/* Its connection, or NULL on NULL. */
const struct redis_client *registrar_redis(const struct registrar *registrar);
/* The entry says draining from now on. Legal on NULL. */
void registrar_drain(struct registrar *registrar);
/* Removes the entry and says goodbye on the channel. Legal on NULL, and more than once. */
void registrar_leave(struct registrar *registrar);
/* Whether nothing is left to be said; after registrar_leave. True on NULL. */
bool registrar_has_left(const struct registrar *registrar);

#endif
