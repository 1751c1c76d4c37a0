/* SPDX-License-Identifier: Apache-2.0 */
/* Units and types of the option table become those of the parts. */
#include "gateway/gateway_limits.h"

#include "gateway/auth/auth.h"
#include "shared/log/log.h"
#include "shared/net/descriptors.h"

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

bool gateway_has_hook(const struct gateway_conf *conf)
{
    return conf->auth.mode == AUTH_MODE_VERIFY && conf->auth.hook.url[0] != '\0';
}

enum status gateway_plan_descriptors(const struct gateway_conf *conf, unsigned threads, size_t open,
                                     struct descriptor_plan *out, struct fault *fault)
{
    const struct descriptor_needs needs = {
        .limit = descriptors_limit(),
        .open = open,
        .threads = threads,
        .redis = conf->redis.url[0] != '\0',
        .max_clients = (size_t)conf->max_clients,
        .max_rpc = (size_t)conf->max_rpc_connections,
        .keys = auth_descriptors(conf),
        .max_hook = gateway_has_hook(conf) ? (size_t)conf->auth.hook.max_concurrent : 0,
    };
    enum status status = descriptor_plan_make(&needs, out, fault);

    if (status != STATUS_OK)
        return status;
    bool fewer = out->clients < needs.max_clients || out->rpc < needs.max_rpc;
    log_event(fewer ? LOG_WARN : LOG_INFO, fewer ? "fewer clients than configured" : "file descriptors",
              LOG_I("limit", needs.limit), LOG_I("own", out->own), LOG_I("admin", out->admin),
              LOG_I("rpc", out->rpc), LOG_I("handshakes", out->handshakes), LOG_I("refused", out->refused),
              LOG_I("hook", out->hook), LOG_I("clients", out->clients),
              LOG_I("maxClients", needs.max_clients), LOG_I("maxRpcConnections", needs.max_rpc));
    return STATUS_OK;
}

struct acceptor_limits gateway_acceptor_limits(const struct gateway_conf *conf,
                                               const struct descriptor_plan *plan)
{
    return (struct acceptor_limits){
        .max_clients = plan->clients,
        .max_refused = plan->refused,
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
    return (struct push_limits){.max_room_len = (size_t)conf->max_room_name_bytes,
                                .max_item_len = (size_t)conf->max_item_bytes,
                                .max_depth = (int)conf->max_json_depth,
                                .commands = true};
}

void gateway_hello_limits(const struct gateway_conf *conf, int64_t out[HELLO_LIMIT_COUNT])
{
    out[HELLO_ITEM_BYTES] = conf->max_item_bytes;
    out[HELLO_JSON_DEPTH] = conf->max_json_depth;
    out[HELLO_ROOM_NAME_BYTES] = conf->max_room_name_bytes;
    out[HELLO_RPC_BYTES] = conf->max_rpc_bytes;
}

struct rpc_limits gateway_rpc_limits(const struct gateway_conf *conf, const struct descriptor_plan *plan)
{
    return (struct rpc_limits){
        .max_inflight = (size_t)conf->max_rpc_inflight_bytes,
        .max_connections = (int)plan->rpc,
        .max_handshakes = (int)plan->handshakes,
        .read_timeout_ms = (int)conf->rpc_read_timeout,
    };
}
