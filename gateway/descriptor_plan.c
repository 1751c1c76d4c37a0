/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway opens for itself is counted first; of the rest each port has a share, at least LEAST and
 * at most what it can use, and clients have what is left. The admin port's share is its own in any case. */
#include "gateway/descriptor_plan.h"

enum {
    OWN = 32, /* loops, listeners, the canary, and what is open for a moment: certificates, /proc, DNS */
    OF_A_THREAD = 9, /* libwebsockets on libuv, epoll, io_uring */
    OF_REDIS = 8,    /* registry, bus, sentinels */
    OF_FETCH = 8,    /* libcurl's own, a CA file, name servers */
    LEAST = 4,
    LEAST_CLIENTS = 8,
    OF_ADMIN = 3, /* descriptors for each of its places */
    OF_HOOK = 2,
    MAX_ADMIN = 64,
    MAX_HANDSHAKES = 256,
    MAX_REFUSED = 1024,
};

static size_t share(size_t part, size_t most)
{
    size_t bounded = part < most ? part : most;

    return bounded > LEAST ? bounded : LEAST;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum status descriptor_plan_make(const struct descriptor_needs *needs, struct descriptor_plan *out,
                                 struct fault *fault)
{
    bool hook = needs->max_hook > 0;
    size_t own = needs->open + OWN + (size_t)needs->threads * OF_A_THREAD + (needs->redis ? OF_REDIS : 0) +
                 (hook ? OF_FETCH : 0) + needs->keys;
    size_t connections = (OF_ADMIN + 3 + (hook ? OF_HOOK : 0)) * LEAST + LEAST_CLIENTS;

    if (needs->limit < own + connections)
        return fault_set(
            fault, STATUS_INVALID,
            "RLIMIT_NOFILE: %zu file descriptors are too few; needed: %zu for the gateway itself "
            "with %u bucketThreads, and %zu for connections. Raise the limit (ulimit -n, "
            "LimitNOFILE=), or lower bucketThreads",
            needs->limit, own, needs->threads, connections);
    size_t rest = needs->limit - own;
    *out = (struct descriptor_plan){
        .own = own,
        .admin = share(rest / 8 / OF_ADMIN, MAX_ADMIN),
        .rpc = share(rest / 8, needs->max_rpc),
        .handshakes = share(rest / 16, MAX_HANDSHAKES),
        .refused = share(rest / 16, MAX_REFUSED),
        .hook = hook ? share(rest / 8 / OF_HOOK, needs->max_hook) : 0,
    };
    rest -= OF_ADMIN * out->admin + out->rpc + out->handshakes + out->refused + OF_HOOK * out->hook;
    out->rpc = least(out->rpc, needs->max_rpc);
    out->hook = least(out->hook, needs->max_hook);
    out->clients = least(rest, needs->max_clients);
    return STATUS_OK;
}
