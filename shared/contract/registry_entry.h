/* SPDX-License-Identifier: Apache-2.0 */
/* How a gateway stands in the registry: key, value and channel. Pure; any thread.
 *   key      <prefix>:gateway:<id>, with a time to live
 *   value    {"instance":"<32 hex>","id":"g1","host":"10.0.0.1","port":7788,"weight":1,
 *             "state":"up","version":"0.1.0","clients":12}
 *   channel  <prefix>:gateways; a message is such a value, "state":"gone" when the gateway leaves
 * Unknown members are passed over, so that later versions may add some; instance, weight, version
 * and clients may be missing. */
#ifndef FANFARE_SHARED_CONTRACT_REGISTRY_ENTRY_H
#define FANFARE_SHARED_CONTRACT_REGISTRY_ENTRY_H

#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum {
    REGISTRY_ID_MAX = 128,
    REGISTRY_HOST_MAX = 255,
    REGISTRY_INSTANCE_LEN = 32,
    REGISTRY_VERSION_MAX = 31
};
enum registry_state { REGISTRY_UP, REGISTRY_DRAINING, REGISTRY_GONE };

struct registry_entry {
    char instance[REGISTRY_INSTANCE_LEN + 1]; /* random per process; "" when missing */
    char id[REGISTRY_ID_MAX + 1];
    char host[REGISTRY_HOST_MAX + 1]; /* a name or an address, without brackets */
    int port;                         /* 1..65535 */
    int64_t weight;                   /* 0..1000; 1 when missing */
    enum registry_state state;
    char version[REGISTRY_VERSION_MAX + 1];
    int64_t clients; /* -1 when missing */
};

/* NULL, or why `id` cannot be a gateway's: 1 to 128 of A-Z a-z 0-9 . _ : - */
const char *registry_id_fault(const char *id);
/* Appends the value. */
enum status registry_entry_print(const struct registry_entry *entry, struct buf *out);
/* Reads a value. STATUS_INVALID with the reason: not such an object, or a member out of range. */
enum status registry_entry_parse(struct slice text, struct registry_entry *out, struct fault *fault);
/* Appends the key, or the channel's name. */
enum status registry_key(const char *prefix, const char *id, struct buf *out);
enum status registry_channel(const char *prefix, struct buf *out);

#endif
