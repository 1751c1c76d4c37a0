/* SPDX-License-Identifier: Apache-2.0 */
/* The hello of a link, the same text in both directions (docs/protocol.md, section 3, "The hello"):
 *   {"version":"0.2.0","instance":"<32 hex>","limits":{"maxItemBytes":65536,"maxJsonDepth":64,
 *    "maxRoomNameBytes":128,"maxRpcBytes":8388608},"capabilities":["traces","users"],
 *    "bans":"0000000000000000"}
 * Strict about what it knows: exact names, no duplicates, every member but `bans` there. Unknown members and
 * capabilities are passed over, so that later versions may add some. Pure; any thread. */
#ifndef FANFARE_SHARED_CONTRACT_HELLO_H
#define FANFARE_SHARED_CONTRACT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/base/buf.h"
#include "shared/base/slice.h"
#include "shared/base/status.h"

enum { HELLO_MAX_BYTES = 16384, HELLO_VERSION_MAX = 63, HELLO_INSTANCE_LEN = 32, HELLO_BANS_LEN = 16 };

/* What a gateway takes, and what a logic may send. */
enum hello_limit {
    HELLO_ITEM_BYTES,
    HELLO_JSON_DEPTH,
    HELLO_ROOM_NAME_BYTES,
    HELLO_RPC_BYTES, /* of one request */
    HELLO_LIMIT_COUNT
};

/* What a daemon knows beyond the first version of this contract: name in the hello, and what is not for who
 * lacks it, in words of an answer ("10.0.0.7:7788 takes no pushes to users"; NULL: nothing of a caller's). */
#define HELLO_CAPABILITIES(X)                                                                                \
    X(TRACES, "traces", NULL) /* traced records (shared/contract/push.h) */                                  \
    X(USERS, "users", "pushes to users")                                                                     \
    X(OPTIONS, "options", "pushes with exclude, ttlMs, key or urgent") /* shared/contract/push_options.h */  \
    X(COMMANDS, "commands", "commands")                                                                      \
    X(QUERIES, "queries", NULL)                                                                              \
    X(BANS, "bans", "bans") /* shared/contract/ban_list.h */

#define HELLO_CAPABILITY_ENUM(capability, name, refused) HELLO_##capability,
enum hello_capability { HELLO_CAPABILITIES(HELLO_CAPABILITY_ENUM) HELLO_CAPABILITY_COUNT };
#undef HELLO_CAPABILITY_ENUM

/* A bit, 1u << capability, for each enum hello_capability. */
typedef unsigned capability_set;

struct hello {
    char version[HELLO_VERSION_MAX + 1];   /* printable ASCII */
    char instance[HELLO_INSTANCE_LEN + 1]; /* lower-case hex, random per process */
    int64_t limits[HELLO_LIMIT_COUNT];     /* each at least 1 */
    capability_set capabilities;
    char bans[HELLO_BANS_LEN + 1]; /* digest of the bans that it knows, in lower-case hex; "": it says none */
};

/* Whether who said `hello` has the capability; legal on NULL, who said none. */
static inline bool hello_can(const struct hello *hello, enum hello_capability capability)
{
    return hello != NULL && (hello->capabilities & 1u << capability) != 0;
}

/* What a gateway without the capability takes none of, as above. Static, or NULL. */
const char *hello_refused_without(enum hello_capability capability);

/* The option that sets the limit on a gateway, e.g. "maxItemBytes". Static. */
const char *hello_limit_name(enum hello_limit limit);
/* Fills `instance` from `bytes`, HELLO_INSTANCE_LEN / 2 of them. */
void hello_set_instance(struct hello *hello, const uint8_t *bytes);
/* Fills `bans` from ban_list_digest. */
void hello_set_bans(struct hello *hello, uint64_t digest);
/* Appends the text. STATUS_NO_MEMORY, STATUS_TOO_LARGE as `out` has it. */
enum status hello_print(const struct hello *hello, struct buf *out);
/* Reads a text of at most HELLO_MAX_BYTES. STATUS_INVALID: `fault` says what is wrong, `out` is undefined. */
enum status hello_parse(struct slice text, struct hello *out, struct fault *fault);

#endif
