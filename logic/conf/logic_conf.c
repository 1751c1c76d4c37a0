/* SPDX-License-Identifier: Apache-2.0 */
/* The logic's option table, and what only the daemon can check about its values. Start-up only,
 * main thread. Opens no socket. */
#include "logic/conf/logic_conf.h"

#include <stddef.h>

#include "logic/conf/api_tokens.h"
#include "shared/conf/conf_tls.h"
#include "shared/http/origin.h"
#include "shared/json/json_scan.h"
#include "shared/net/listener.h"
#include "shared/net/resolver.h"
#include "shared/net/service_name.h"

/* One row of the table a line. */
/* clang-format off */
#define AT(field)            offsetof(struct logic_conf, field)
#define INT(field, low, high) CONF_INT, CONF_RESTART, AT(field), (low), (high)
#define BOOL(field)          CONF_BOOL, CONF_RESTART, AT(field), 0, 0
#define TEXT(field)          CONF_STRING, CONF_RESTART, AT(field), 0, 255
#define ENUM(field)          CONF_ENUM, CONF_RESTART, AT(field), 0, 0
#define LIVE_INT(field, low, high) CONF_INT, CONF_LIVE, AT(field), (low), (high)
#define LIVE_TEXT(field)     CONF_STRING, CONF_LIVE, AT(field), 0, 255
#define LIVE_FILE(field)     CONF_PATH, CONF_LIVE, AT(field), 0, 4095
#define LIVE_ENUM(field)     CONF_ENUM, CONF_LIVE, AT(field), 0, 0
#define LIVE_LIST(field)     CONF_LIST, CONF_LIVE, AT(field), 0, 255
#define IGNORED(key, index)  {key, CONF_IGNORED, CONF_RESTART, AT(ignored) + (index) * sizeof(bool), 0, 0, "", NULL, "", ignored_help, NULL}

static const char ignored_help[] = "Accepted from go-push's files; has no effect.";

static const struct conf_option options[] = {
    {"servicePort", INT(service_port, 0, 65535), "7799", NULL, "", "Port for callers (HTTP/1.1); 0 takes a free one.", "HTTP API"},
    {"serviceBind", TEXT(service_bind), "*", NULL, "", "Address of that port; `*` is every address, IPv4 and IPv6; `unix:/path` is a unix socket.", NULL},
    {"serviceReadTimeout", LIVE_INT(service_read_timeout, 100, 600000), "2000", NULL, "ms", "Time to receive a whole request; past it: 408. Also the time that a new connection has for its first byte.", NULL},
    {"serviceWriteTimeout", LIVE_INT(service_write_timeout, 100, 600000), "2000", NULL, "ms", "A caller that takes less than 4 KiB of its answer in so long is closed.", NULL},
    {"serviceIdleTimeout", LIVE_INT(service_idle_timeout, 1, 86400), "60", NULL, "s", "How long a connection without a request stays open (keep-alive).", NULL},
    {"maxConnections", LIVE_INT(max_connections, 1, 1000000), "4096", NULL, "", "Callers' connections at once; a newcomer takes the place of a silent one, else it gets 503 (`/healthz` and `/readyz` are still answered).", NULL},
    {"maxHeaderBytes", LIVE_INT(max_header_bytes, 1024, 65536), "16384", NULL, "bytes", "Size of a request's headers; past it: 431.", NULL},
    {"maxBodyBytes", LIVE_INT(max_body_bytes, 1024, 268435456), "4194304", NULL, "bytes", "Size of a request's body; past it: 413.", NULL},
    {"cors.origins", LIVE_LIST(cors_origins), "", NULL, "", "Origins whose pages may call the API, as `https://example.org`, or `https://*.example.org` for every name below it; `*` is any but `null`. A POST with another Origin is 403.", NULL},
    {"maxInflightBytes", LIVE_INT(max_inflight_bytes, 65536, INT64_C(17179869184)), "268435456", NULL, "bytes", "Bodies of all requests at once, while they are received and until they are answered; a request that needs more of it: 503.", NULL},
    {"api.tokensFile", LIVE_FILE(api_tokens_file), "", NULL, "", "File with the tokens of callers, one a line and behind it what its caller may do (`TOKEN name=shop rights=push rooms=orders.* rate=200`): whoever pushes or asks who is there must show one (`Authorization: Bearer TOKEN`). A changed file is taken over by itself; empty asks for no token, as go-push.", NULL},
    {"api.cert", LIVE_FILE(api_cert), "", NULL, "", "Certificate chain (PEM) for TLS towards callers (`https`); set together with api.key. Changed files are taken over by themselves.", NULL},
    {"api.key", LIVE_FILE(api_key), "", NULL, "", "Private key (PEM, no pass phrase) of api.cert.", NULL},

    {"page.enabled", BOOL(page_enabled), "false", NULL, "", "Serve the page of the cluster at `/`: gateways, busiest rooms, recent errors. The page itself needs no token; what it shows it asks for with the one that its reader types.", NULL},

    {"maxItemsPerPush", LIVE_INT(max_items_per_push, 1, 1000000), "10000", NULL, "", "Items in one push.", "Pushes"},
    {"maxItemBytes", LIVE_INT(max_item_bytes, 1, 16777216), "65536", NULL, "bytes", "Size of one item.", NULL},
    {"maxJsonDepth", LIVE_INT(max_json_depth, 1, JSON_MAX_DEPTH), "64", NULL, "", "Nesting of one item; `[]` is 1.", NULL},
    {"maxRoomsPerPush", LIVE_INT(max_rooms_per_push, 1, 65535), "1000", NULL, "", "Rooms in one push.", NULL},
    {"maxRoomNameBytes", LIVE_INT(max_room_name_bytes, 1, 1024), "128", NULL, "bytes", "Length of a room's name in UTF-8; the gateways should allow the same.", NULL},
    {"maxPushesPerBatch", LIVE_INT(max_pushes_per_batch, 1, 100000), "1000", NULL, "", "Pushes in one `/push/batch`.", NULL},
    {"waitTimeout", LIVE_INT(wait_timeout, 1, 600000), "5000", NULL, "ms", "How long a caller that waits is kept; past it: 504.", NULL},
    {"idempotency.maxEntries", LIVE_INT(idempotency_max_entries, 1, 10000000), "200000", NULL, "", "Idempotency keys that are remembered at once, five minutes each; past it the oldest goes.", NULL},
    {"idempotency.maxBytes", LIVE_INT(idempotency_max_bytes, 65536, INT64_C(17179869184)), "67108864", NULL, "bytes", "The same bound, counted in bytes: a key and its answer take about 400.", NULL},
    {"queryTimeout", LIVE_INT(query_timeout, 100, 10000), "1000", NULL, "ms", "How long a query (`GET /rooms` and so on) waits for the gateways; the answer then names those that are late.", NULL},

    {"gatewayList", CONF_ENDPOINTS, CONF_RESTART, AT(gateway_list), 0, 0, "", NULL, "", "Every gateway: hostname and its servicePort.", "Gateways"},
    {"gatewayTimeout", LIVE_INT(gateway_timeout, 100, 600000), "3000", NULL, "ms", "A gateway that owes an answer and sends no byte for so long is connected anew.", NULL},
    {"gatewayMaxPendingCount", LIVE_INT(gateway_max_pending_count, 1, 100000000), "200000", NULL, "", "Pushes that may wait for one gateway; past it callers get 503.", NULL},
    {"linkQueueBytes", LIVE_INT(link_queue_bytes, 65536, INT64_C(17179869184)), "67108864", NULL, "bytes", "The same bound, counted in bytes.", NULL},
    {"linkQueueSeconds", LIVE_INT(link_queue_seconds, 0, 86400), "10", NULL, "s", "How long pushes wait for a gateway that is down before they are dropped.", NULL},
    {"canary.intervalSeconds", INT(canary_interval, 0, 3600), "5", NULL, "s", "How often a push is sent through each gateway to that gateway's own client; a gateway where three in a row do not arrive is not ready. 0 sends none.", NULL},
    {"rpcBatchBytes", LIVE_INT(rpc_batch_bytes, 4096, 67108864), "1048576", NULL, "bytes", "Size of one batch towards a gateway; a gateway that says its maxRpcBytes gets no longer ones.", NULL},
    {"rpc.ca", LIVE_FILE(rpc_ca), "", NULL, "", "CA (PEM) that must have signed the gateways' certificates; empty verifies nothing, as go-push, and warns.", NULL},
    {"rpc.cert", LIVE_FILE(rpc_cert), "", NULL, "", "Certificate chain (PEM) that logic shows to the gateways; set together with rpc.key.", NULL},
    {"rpc.key", LIVE_FILE(rpc_key), "", NULL, "", "Private key (PEM, no pass phrase) of rpc.cert.", NULL},
    {"rpc.serverName", LIVE_TEXT(rpc_server_name), "", NULL, "", "Name expected in the gateways' certificates; empty is each gateway's hostname.", NULL},

    {"discovery.mode", ENUM(discovery_mode), "static", "static|dns|redis", "", "Where gateways come from besides gatewayList: nowhere else, every address of a DNS name, or the registry in Redis.", "Discovery"},
    {"discovery.name", TEXT(discovery_name), "", NULL, "", "dns: the name whose A records are the gateways, or its AAAA records where it has no A; or `_service._tcp.name`, whose SRV records are.", NULL},
    {"discovery.port", INT(discovery_port, 1, 65535), "7788", NULL, "", "dns: the gateways' servicePort. SRV records bring their own.", NULL},
    {"discovery.refreshSeconds", INT(discovery_refresh_seconds, 1, 3600), "5", NULL, "s", "How often the name is looked up at least (sooner when its TTL is shorter), or the registry is read whole (its news come at once).", NULL},
    {"discovery.nameserver", TEXT(discovery_nameserver), "", NULL, "", "`address[:port]` of the name server for all look-ups; empty is /etc/resolv.conf, whose search domains and options count in both cases.", NULL},

    REDIS_OPTION_ROWS(logic_conf, redis),

    {"bus.mode", ENUM(bus_mode), "off", "off|mirror|only", "", "mirror: every push is also published in Redis. only: it is published and nothing else, for gateways that logic cannot reach; then no gateway may be listed or discovered.", "Bus (with redis.url)"},
    {"bus.channel", TEXT(bus_channel), "fanfare:bus", NULL, "", "The channel; the same as the gateways'.", NULL},

    {"drainSeconds", LIVE_INT(drain_seconds, 0, 3600), "10", NULL, "s", "Time that SIGTERM leaves for queues to empty.", "Shutdown"},

    {"log.level", LIVE_ENUM(log_level), "info", "debug|info|warn|error", "", "The lowest level that is written.", "Log"},
    {"log.format", LIVE_ENUM(log_format), "logfmt", "logfmt|json", "", "One event a line on stderr, as key=value or as JSON.", NULL},

    {"gatewayMaxConnection", CONF_IGNORED, CONF_RESTART, AT(ignored[0]), 0, 0, "", NULL, "", ignored_help, "Keys of go-push without effect"},
    IGNORED("gatewayIdleTimeout", 1),
    IGNORED("gatewayDispatchWorkerCount", 2),
    IGNORED("gatewayDispatchChannelSize", 3),
    IGNORED("gatewayPushRetry", 4),
};
/* clang-format on */

static const char *const keys_of_a_gateway[] = {"wsPort",    "wsBind",     "serverPem",      "serverKey",
                                                "adminPort", "maxClients", "maxMergerDelay", "bucketThreads",
                                                "ws",        NULL};
static const struct conf_twin gateway = {"fanfare-gateway", "a gateway's", keys_of_a_gateway};

const struct conf_table logic_conf_table = {
    .program = "fanfare-logic",
    .twin = &gateway,
    .summary = "Takes pushes over HTTP and passes them to every gateway.",
    .options = options,
    .count = sizeof options / sizeof options[0],
    .struct_size = sizeof(struct logic_conf),
};

const struct listener_keys logic_service_keys = {"servicePort", "serviceBind"};

static enum status check_discovery(const struct logic_conf *logic, struct fault *fault)
{
    if (logic->discovery_mode == DISCOVERY_DNS && !logic->discovery_name[0])
        return fault_set(fault, STATUS_INVALID,
                         "discovery.name: required with discovery.mode dns: the name to look up");
    if (logic->discovery_mode == DISCOVERY_DNS && service_name_fault(logic->discovery_name) != NULL)
        return fault_set(fault, STATUS_INVALID, "discovery.name: \"%s\": %s", logic->discovery_name,
                         service_name_fault(logic->discovery_name));
    if (resolver_fault(logic->discovery_nameserver) != NULL)
        return fault_set(fault, STATUS_INVALID, "discovery.nameserver: \"%s\": %s",
                         logic->discovery_nameserver, resolver_fault(logic->discovery_nameserver));
    if (logic->discovery_mode == DISCOVERY_REDIS && !logic->redis.url[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.url: required with discovery.mode redis: where the registry is");
    return STATUS_OK;
}

static enum status check_bytes(const struct logic_conf *logic, struct fault *fault)
{
    if (logic->max_inflight_bytes >= logic->max_body_bytes)
        return STATUS_OK;
    return fault_set(fault, STATUS_INVALID,
                     "maxInflightBytes: %lld is too few; allowed: at least maxBodyBytes, %lld",
                     (long long)logic->max_inflight_bytes, (long long)logic->max_body_bytes);
}

static enum status check_bus(const struct logic_conf *logic, struct fault *fault)
{
    if (logic->bus_mode != BUS_OFF && !logic->redis.url[0])
        return fault_set(fault, STATUS_INVALID,
                         "redis.url: required with bus.mode mirror or only: where the channel is");
    if (logic->bus_mode == BUS_ONLY && (logic->gateway_list.count > 0 || logic->discovery_mode))
        return fault_set(
            fault, STATUS_INVALID,
            "bus.mode: only makes no links, so gatewayList must be empty and discovery.mode static");
    if (logic->bus_mode != BUS_OFF && !logic->bus_channel[0])
        return fault_set(fault, STATUS_INVALID, "bus.channel: must not be empty");
    return STATUS_OK;
}

static enum status check_tokens(const struct logic_conf *logic, struct fault *fault)
{
    struct api_tokens *tokens = NULL;
    struct fault found = {""};
    bool open_to_all;
    enum status status = STATUS_OK;

    if (logic->api_tokens_file[0])
        status = api_tokens_load(logic->api_tokens_file, &tokens, &open_to_all, &found);
    api_tokens_free(tokens);
    return status != STATUS_OK ? fault_set(fault, status, "api.tokensFile: %.480s", found.text) : STATUS_OK;
}

enum status logic_conf_recheck(const void *conf, struct fault *fault)
{
    const struct logic_conf *logic = conf;
    struct tls_files files = {logic->rpc_cert, logic->rpc_key, logic->rpc_ca};

    enum status status = conf_check_tls(&files, &(struct tls_files){"rpc.cert", "rpc.key", "rpc.ca"}, fault);
    if (status == STATUS_OK)
        status = conf_check_tls(&(struct tls_files){logic->api_cert, logic->api_key, ""},
                                &(struct tls_files){"api.cert", "api.key", ""}, fault);
    if (status == STATUS_OK)
        status = redis_options_check(&logic->redis, fault);
    if (status == STATUS_OK)
        status = check_bytes(logic, fault);
    if (status == STATUS_OK)
        status = check_discovery(logic, fault);
    if (status == STATUS_OK)
        status = check_bus(logic, fault);
    if (status == STATUS_OK)
        status = origin_check_list("cors.origins", &logic->cors_origins, true, fault);
    return status != STATUS_OK ? status : check_tokens(logic, fault);
}

enum status logic_conf_check(const void *conf, struct fault *fault)
{
    const struct logic_conf *logic = conf;
    enum status status = logic_conf_recheck(conf, fault);

    return status != STATUS_OK
               ? status
               : listener_check(&logic_service_keys, logic->service_bind, (int)logic->service_port, fault);
}
