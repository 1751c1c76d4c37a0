/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's settings: one field per row of gateway_conf_table, whose help texts say what
 * each does (docs/configuration.md is printed from them). Filled by daemon_configure; the values of
 * CONF_LIVE options change with a reload, so only the main thread may read it, and none of their texts is
 * kept: gateway_limits.h has what goes to other parts. */
#ifndef FANFARE_GATEWAY_CONF_GATEWAY_CONF_H
#define FANFARE_GATEWAY_CONF_GATEWAY_CONF_H

#include "gateway/conf/auth_conf.h"
#include "shared/conf/conf.h"
#include "shared/net/listener.h"
#include "shared/redis/redis_options.h"

enum { GATEWAY_IGNORED_KEYS = 11 };

struct gateway_conf {
    int64_t ws_port;
    char *ws_bind;
    char *ws_cert;
    char *ws_key;
    struct conf_list ws_origins;
    struct conf_list ws_subprotocols;
    int64_t ws_tls_timeout;        /* ms, for the TLS handshake */
    int64_t ws_read_timeout;       /* ms, for the request behind it */
    int64_t max_header_bytes;      /* of that request */
    int64_t ws_heartbeat_interval; /* s */
    int64_t max_clients;
    int64_t max_clients_per_address;    /* 0: no limit */
    int64_t max_clients_per_user;       /* 0: no limit */
    int64_t accept_per_second;          /* 0: no limit */
    int64_t client_messages_per_second; /* 0: no limit */
    int64_t max_message_bytes;
    int64_t max_join_room;
    int64_t max_room_name_bytes;

    struct auth_conf auth;

    struct conf_list trusted_proxies; /* CIDRs (shared/net/cidr.h) */
    bool proxy_protocol;

    int64_t ws_out_channel_size; /* frames per client */
    int64_t client_queue_bytes;
    int slow_client_policy; /* enum slow_client_policy of bucket_limits.h */

    int64_t max_merger_delay; /* ms */
    int64_t max_merger_batch_size;
    int64_t max_merger_batch_bytes;
    int wire;       /* enum wire_kind of wire.h */
    int merge_edge; /* 0: leading, 1: trailing */

    int64_t service_port;
    char *service_bind;
    char *server_pem;
    char *server_key;
    char *rpc_ca;
    int64_t max_rpc_bytes;
    int64_t max_rpc_connections;
    int64_t max_rpc_inflight_bytes;
    int64_t rpc_read_timeout; /* ms */
    int64_t max_item_bytes;
    int64_t max_json_depth;

    int64_t admin_port;
    char *admin_bind;
    bool page_enabled;
    char *page_api_url;
    char *page_token_url;

    struct redis_options redis;
    char *gateway_id;       /* "": host name and RPC port */
    char *advertise_host;   /* "": serviceBind if it is one address, else the host name */
    int64_t advertise_port; /* 0: the RPC port */
    int64_t advertise_weight;
    int64_t registry_ttl; /* s */
    bool bus_listen;
    char *bus_channel;
    int64_t bus_gap_wait;  /* ms */
    int64_t bus_gap_bytes; /* of all logics together */

    int64_t bucket_threads;          /* 0: one per core */
    int64_t bucket_job_channel_size; /* jobs per bucket */
    int64_t drain_seconds;

    int log_level;  /* enum log_level */
    int log_format; /* enum log_format */

    bool ignored[GATEWAY_IGNORED_KEYS]; /* keys of go-push that were given and have no effect */
};

extern const struct conf_table gateway_conf_table;
extern const struct listener_keys gateway_ws_keys, gateway_service_keys, gateway_admin_keys;

/* A daemon_check: serverPem and serverKey are given, readable and a pair; ws.cert and ws.key are
 * both given or neither, and a pair; rpc.ca parses; the ports can be had. `conf` is a struct gateway_conf. */
enum status gateway_conf_check(const void *conf, struct fault *fault);
/* The same without the ports, for a reload. */
enum status gateway_conf_check_reload(const void *conf, struct fault *fault);

#endif
