/* SPDX-License-Identifier: Apache-2.0 */
/* The logic's settings: one field per row of logic_conf_table, whose help texts say what each
 * does (docs/configuration.md is printed from them). Filled by daemon_configure on the main thread; the
 * CONF_LIVE ones change under reload_settings on the loop, so nobody keeps a pointer into them. */
#ifndef FANFARE_LOGIC_CONF_LOGIC_CONF_H
#define FANFARE_LOGIC_CONF_LOGIC_CONF_H

#include "shared/conf/conf.h"
#include "shared/net/listener.h"
#include "shared/redis/redis_options.h"

enum { LOGIC_IGNORED_KEYS = 5 };

enum discovery_mode { DISCOVERY_STATIC, DISCOVERY_DNS, DISCOVERY_REDIS };
enum bus_mode { BUS_OFF, BUS_MIRROR, BUS_ONLY };

struct logic_conf {
    int64_t service_port;
    char *service_bind;
    int64_t service_read_timeout;  /* ms */
    int64_t service_write_timeout; /* ms */
    int64_t service_idle_timeout;  /* s */
    int64_t max_connections;
    int64_t max_header_bytes;
    int64_t max_body_bytes;
    int64_t max_inflight_bytes;
    struct conf_list cors_origins;
    char *api_tokens_file; /* "": no token is asked for */
    char *api_cert;        /* "": plain HTTP */
    char *api_key;
    bool page_enabled; /* the page of the cluster at "/" */

    int64_t max_items_per_push;
    int64_t max_item_bytes;
    int64_t max_json_depth;
    int64_t max_rooms_per_push;
    int64_t max_room_name_bytes;
    int64_t max_pushes_per_batch;
    int64_t wait_timeout;  /* ms */
    int64_t query_timeout; /* ms */
    int64_t idempotency_max_entries;
    int64_t idempotency_max_bytes;

    struct conf_endpoints gateway_list;
    int64_t gateway_timeout;           /* ms */
    int64_t gateway_max_pending_count; /* pushes per link */
    int64_t link_queue_bytes;
    int64_t link_queue_seconds;
    int64_t canary_interval; /* s; 0: none */
    int64_t rpc_batch_bytes;
    char *rpc_ca;
    char *rpc_cert;
    char *rpc_key;
    char *rpc_server_name; /* "": the gateway's hostname */

    int discovery_mode; /* enum discovery_mode */
    char *discovery_name;
    int64_t discovery_port;
    int64_t discovery_refresh_seconds;
    char *discovery_nameserver; /* "": /etc/resolv.conf */
    struct redis_options redis;
    int bus_mode; /* enum bus_mode */
    char *bus_channel;

    int64_t drain_seconds;
    int log_level;  /* enum log_level */
    int log_format; /* enum log_format */

    bool ignored[LOGIC_IGNORED_KEYS]; /* keys of go-push that were given and have no effect */
};

extern const struct conf_table logic_conf_table;
extern const struct listener_keys logic_service_keys;

/* A daemon_check: rpc.cert and rpc.key are both given or neither, and a pair, and so are api.cert and
 * api.key; rpc.ca parses; the file of tokens does; the port is free. `conf` is a struct logic_conf. */
enum status logic_conf_check(const void *conf, struct fault *fault);
/* The same without the port, which the running daemon has itself. */
enum status logic_conf_recheck(const void *conf, struct fault *fault);

#endif
