/* SPDX-License-Identifier: Apache-2.0 */
/* Units and types of the option table become those of the parts. */
#include "gateway/gateway_limits.h"

#include <sys/resource.h>

#include "shared/log.h"

enum { FD_RESERVE = 256, RPC_HANDSHAKES = 256 };

struct bucket_limits gateway_bucket_limits(const struct gateway_conf *conf)
{
    return (struct bucket_limits){
        .policy = (enum slow_client_policy)conf->slow_client_policy,
        .queue_bytes = (size_t)conf->client_queue_bytes,
        .queue_frames = (uint32_t)conf->ws_out_channel_size,
        .max_message = (size_t)conf->max_message_bytes,
        .max_room_name = (size_t)conf->max_room_name_bytes,
        .max_rooms = (unsigned)conf->max_join_room,
        .messages_per_second = (int)conf->client_messages_per_second,
        .max_header = (size_t)conf->max_header_bytes,
        .tls_ms = conf->ws_tls_timeout,
        .handshake_ms = conf->ws_read_timeout,
        .heartbeat_ms = conf->ws_heartbeat_interval * 1000,
    };
}

/* A client is a descriptor: the limit of the process bounds maxClients. */
static size_t clients_allowed(const struct gateway_conf *conf)
{
    struct rlimit limit;
    size_t wanted = (size_t)conf->max_clients;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted + FD_RESERVE)
        return wanted;
    size_t allowed = limit.rlim_cur > 2 * FD_RESERVE ? limit.rlim_cur - FD_RESERVE : limit.rlim_cur / 2;
    log_event(LOG_WARN, "fewer clients than configured", LOG_I("maxClients", wanted),
              LOG_I("allowed", allowed), LOG_S("reason", "RLIMIT_NOFILE"), LOG_I("limit", limit.rlim_cur));
    return allowed;
}

struct acceptor_limits gateway_acceptor_limits(const struct gateway_conf *conf)
{
    return (struct acceptor_limits){
        .max_clients = clients_allowed(conf),
        .per_second = conf->accept_per_second,
        .max_per_address = (size_t)conf->max_clients_per_address,
    };
}

struct fanout_limits gateway_fanout_limits(const struct gateway_conf *conf)
{
    return (struct fanout_limits){
        .merger = {conf->max_merger_delay * 1000, (size_t)conf->max_merger_batch_size,
                   (size_t)conf->max_merger_batch_bytes, conf->merge_edge == 0},
        .max_jobs = (size_t)conf->bucket_job_channel_size,
    };
}

struct push_limits gateway_push_limits(const struct gateway_conf *conf)
{
    return (struct push_limits){(size_t)conf->max_room_name_bytes, (size_t)conf->max_item_bytes,
                                (int)conf->max_json_depth};
}

void gateway_hello_limits(const struct gateway_conf *conf, int64_t out[HELLO_LIMIT_COUNT])
{
    out[HELLO_ITEM_BYTES] = conf->max_item_bytes;
    out[HELLO_JSON_DEPTH] = conf->max_json_depth;
    out[HELLO_ROOM_NAME_BYTES] = conf->max_room_name_bytes;
    out[HELLO_RPC_BYTES] = conf->max_rpc_bytes;
}

struct rpc_limits gateway_rpc_limits(const struct gateway_conf *conf)
{
    return (struct rpc_limits){
        .max_inflight = (size_t)conf->max_rpc_inflight_bytes,
        .max_connections = (int)conf->max_rpc_connections,
        .max_handshakes = RPC_HANDSHAKES,
        .read_timeout_ms = (int)conf->rpc_read_timeout,
    };
}
