/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's option table, and what only the daemon can check about its values. At the start and a
 * reload, main thread. Opens no socket. */
#include "gateway/conf/gateway_conf.h"

#include <stddef.h>
#include <string.h>

#include "shared/conf/conf_tls.h"
#include "shared/contract/registry_entry.h"
#include "shared/http/origin.h"
#include "shared/json/json_scan.h"
#include "shared/net/listener.h"

/* One row of the table a line. */
/* clang-format off */
#define AT(field)            offsetof(struct gateway_conf, field)
#define INT(field, low, high) CONF_INT, CONF_RESTART, AT(field), (low), (high)
#define LIVE_INT(field, low, high) CONF_INT, CONF_LIVE, AT(field), (low), (high)
#define LIVE_BOOL(field)     CONF_BOOL, CONF_LIVE, AT(field), 0, 0
#define BOOL(field)          CONF_BOOL, CONF_RESTART, AT(field), 0, 0
#define TEXT(field)          CONF_STRING, CONF_RESTART, AT(field), 0, 255
#define LIVE_TEXT(field)     CONF_STRING, CONF_LIVE, AT(field), 0, 255
#define LIVE_FILE(field)     CONF_PATH, CONF_LIVE, AT(field), 0, 4095
#define ENUM(field)          CONF_ENUM, CONF_RESTART, AT(field), 0, 0
#define LIVE_ENUM(field)     CONF_ENUM, CONF_LIVE, AT(field), 0, 0
#define LIVE_LIST(field)     CONF_LIST, CONF_LIVE, AT(field), 0, 255
#define LIVE_PATTERNS(field) CONF_LIST, CONF_LIVE, AT(field), 0, 256
#define IGNORED(key, index)  {key, CONF_IGNORED, CONF_RESTART, AT(ignored) + (index) * sizeof(bool), 0, 0, "", NULL, "", ignored_help, NULL}

static const char ignored_help[] = "Accepted from go-push's files; has no effect.";

static const struct conf_option options[] = {
    {"wsPort", INT(ws_port, 0, 65535), "7777", NULL, "", "Port for clients (WebSocket); 0 takes a free one.", "Clients"},
    {"wsBind", TEXT(ws_bind), "*", NULL, "", "Address of that port; `*` is every address, IPv4 and IPv6.", NULL},
    {"ws.cert", LIVE_FILE(ws_cert), "", NULL, "", "Certificate chain (PEM) for TLS towards clients (`wss`); set together with ws.key.", NULL},
    {"ws.key", LIVE_FILE(ws_key), "", NULL, "", "Private key (PEM, no pass phrase) of ws.cert.", NULL},
    {"ws.origins", LIVE_LIST(ws_origins), "", NULL, "", "Origins whose pages may connect, as `https://example.org`, or `https://*.example.org` for every name below it; another one is 403. A client that sends no Origin, as all but browsers, passes; empty asks for none.", NULL},
    {"ws.subprotocols", LIVE_LIST(ws_subprotocols), "", NULL, "", "WebSocket subprotocols that may be selected: of those that a client offers the first that is listed; else none is.", NULL},
    {"wsTlsTimeout", LIVE_INT(ws_tls_timeout, 100, 600000), "10000", NULL, "ms", "Time for the TLS handshake of a client; past it the connection is closed.", NULL},
    {"wsReadTimeout", LIVE_INT(ws_read_timeout, 100, 600000), "10000", NULL, "ms", "Time for the WebSocket handshake's request, which begins when the connection, or its TLS handshake, is there; past it: 408.", NULL},
    {"maxHeaderBytes", LIVE_INT(max_header_bytes, 1024, 65536), "16384", NULL, "bytes", "Size of that request, cookies included; past it: 431.", NULL},
    {"wsHeartbeatInterval", LIVE_INT(ws_heartbeat_interval, 1, 86400), "60", NULL, "s", "A client that is silent for so long is closed (4201).", NULL},
    {"maxClients", LIVE_INT(max_clients, 1, 10000000), "100000", NULL, "", "Clients at once; the next one takes the place of one that is silent before its handshake, else it is answered 503.", NULL},
    {"maxClientsPerAddress", LIVE_INT(max_clients_per_address, 0, 10000000), "0", NULL, "", "Clients at once from one IP address; 0 is no limit.", NULL},
    {"acceptPerSecond", LIVE_INT(accept_per_second, 0, 1000000), "0", NULL, "", "New clients let in per second; past it 503 with a Retry-After that spreads them. A drain tells its clients to come back no faster. 0 is no limit.", NULL},
    {"clientMessagesPerSecond", LIVE_INT(client_messages_per_second, 0, 1000000), "100", NULL, "", "Frames that one client may send, of any kind: messages, fragments of messages, PING and PONG; past it: closed (4100). 0 is no limit.", NULL},
    {"maxMessageBytes", LIVE_INT(max_message_bytes, 64, 1048576), "4096", NULL, "bytes", "Size of a client's message; past it: closed (1009).", NULL},
    {"maxJoinRoom", LIVE_INT(max_join_room, 1, 65535), "5", NULL, "", "Rooms that one client may be in.", NULL},
    {"maxRoomNameBytes", LIVE_INT(max_room_name_bytes, 1, 1024), "128", NULL, "bytes", "Length of a room's name in UTF-8.", NULL},

    {"auth.mode", LIVE_ENUM(auth.mode), "none", "none|verify", "", "none: whoever reaches the port may join any room. verify: clients show who they are, by a token (auth.issuers), a header of a trusted proxy (auth.header) or the answer of a service of yours (auth.hook.url), and join what that grants.", "Identity"},
    {"auth.required", LIVE_BOOL(auth.required), "true", NULL, "", "Whether each client must show who it is; past auth.deadline: closed (4002). If false, one that shows nothing is anonymous and may join auth.anonymousRooms. A bad credential is refused in either case.", NULL},
    {"auth.issuers", CONF_RECORDS, CONF_LIVE, AT(auth.issuers), 0, AUTH_ISSUERS_MAX, "", &auth_issuer_table, "", "Who signs tokens (JWT), and with which keys. A token's keys are looked up by its issuer; its header never chooses.", NULL},
    {"auth.leewaySeconds", LIVE_INT(auth.leeway_seconds, 0, 300), "10", NULL, "s", "How far the clocks of issuer and gateway may differ, for `exp` and `nbf`.", NULL},
    {"auth.maxTokenSeconds", LIVE_INT(auth.max_token_seconds, 60, 315360000), "86400", NULL, "s", "How long a token may still be valid when it is shown; one that ends later is refused.", NULL},
    {"auth.cookie", LIVE_TEXT(auth.cookie), "", NULL, "", "Name of a cookie that may hold the token; it counts with an Origin of ws.origins only, which must be set. Empty: no cookie counts.", NULL},
    {"auth.deadline", LIVE_INT(auth.deadline, 1, 600), "10", NULL, "s", "Time for a client that has shown nothing at its handshake to send AUTH; past it: closed (4002).", NULL},
    {"auth.maxPending", LIVE_INT(auth.max_pending, 1, 10000000), "10000", NULL, "", "Clients that have yet to send AUTH; past it the one that has waited longest is closed (4101).", NULL},
    {"auth.rooms", LIVE_PATTERNS(auth.rooms), "", NULL, "", "Rooms that every client who has shown who it is may join, as patterns: `*` is any run of characters, `{sub}` the user without its prefix, and one that begins with `!` takes away what the others of its list give.", NULL},
    {"auth.anonymousRooms", LIVE_PATTERNS(auth.anonymous_rooms), "", NULL, "", "Rooms that an anonymous client may join, as patterns; see auth.required.", NULL},
    {"auth.header", LIVE_TEXT(auth.header), "", NULL, "", "Name of a request header in which a trusted proxy names the user; from everyone else it is ignored. Needs trustedProxies and ws.origins. Empty: none.", NULL},
    {"auth.headerUserPrefix", CONF_STRING, CONF_LIVE, AT(auth.header_user_prefix), 0, 64, "", NULL, "", "What stands before the user's name when it comes from auth.header, as `userPrefix` of an issuer.", NULL},
    {"auth.headerRooms", LIVE_PATTERNS(auth.header_rooms), "*", NULL, "", "Rooms that a user of auth.header may join, as patterns.", NULL},
    {"auth.hook.url", CONF_STRING, CONF_LIVE, AT(auth.hook.url), 0, 1023, "", NULL, "", "A service of yours that is asked who a client is that shows no token (`https://`, or `http://` to this machine). Empty: none.", NULL},
    {"auth.hook.headers", LIVE_LIST(auth.hook.headers), "", NULL, "", "Request headers of the client that are handed to the service. With `Cookie` among them ws.origins must be set.", NULL},
    {"auth.hook.ca", LIVE_FILE(auth.hook.ca), "", NULL, "", "CA (PEM) that must have signed the service's certificate; empty is the system's.", NULL},
    {"auth.hook.tokenFile", LIVE_FILE(auth.hook.token_file), "", NULL, "", "File with the token that the gateway shows to the service (`Authorization: Bearer`); empty is none.", NULL},
    {"auth.hook.timeout", LIVE_INT(auth.hook.timeout, 10, 60000), "1000", NULL, "ms", "Time for the service's answer; past it the client is refused (4101). A question waits for its turn for at most half of it.", NULL},
    {"auth.hook.maxConcurrent", INT(auth.hook.max_concurrent, 1, 4096), "256", NULL, "", "Questions to the service at once.", NULL},
    {"auth.hook.maxWaiting", INT(auth.hook.max_waiting, 0, 1000000), "10000", NULL, "", "Questions that wait for one of those to be answered; past it the client is refused (4101).", NULL},
    {"auth.hook.cacheEntries", INT(auth.hook.cache_entries, 0, 1000000), "10000", NULL, "", "Answers in the cache, each for as long as it says; past it the least recently used goes. 0 keeps none.", NULL},
    {"auth.hook.joins", LIVE_BOOL(auth.hook.joins), "false", NULL, "", "Whether the service is also asked about a room that a client may not join by anything else.", NULL},
    {"auth.hook.userPrefix", CONF_STRING, CONF_LIVE, AT(auth.hook.user_prefix), 0, 64, "", NULL, "", "What stands before the user's name when the service has named it, as `userPrefix` of an issuer.", NULL},
    {"auth.hook.rooms", LIVE_PATTERNS(auth.hook.rooms), "*", NULL, "", "The most that the service may grant, as patterns.", NULL},
    {"maxClientsPerUser", LIVE_INT(max_clients_per_user, 0, 1000000), "0", NULL, "", "Clients at once of one user; past it: closed (4102). 0 is no limit.", NULL},

    {"trustedProxies", CONF_LIST, CONF_LIVE, AT(trusted_proxies), 0, 64, "", NULL, "", "Addresses of load balancers and proxies, as `10.0.0.0/8` or `fd00::/8`, who are believed when they say for whom they connect (proxyProtocol, X-Forwarded-For) and who that is (auth.header).", "Proxies"},
    {"proxyProtocol", LIVE_BOOL(proxy_protocol), "false", NULL, "", "Whether a connection from trustedProxies begins with a PROXY header (version 1 or 2); from everyone else none is read.", NULL},

    {"clientQueueBytes", LIVE_INT(client_queue_bytes, 1024, 1073741824), "1048576", NULL, "bytes", "What may wait for one client that reads too slowly.", "Slow clients"},
    {"wsOutChannelSize", LIVE_INT(ws_out_channel_size, 1, 1000000), "1000", NULL, "", "The same bound, counted in frames.", NULL},
    {"slowClientPolicy", LIVE_ENUM(slow_client_policy), "close", "close|drop-oldest|drop-newest", "", "What happens past either bound: close (4200), or drop whole frames.", NULL},

    {"maxMergerDelay", LIVE_INT(max_merger_delay, 0, 60000), "50", NULL, "ms", "Merge window of a room, and of the broadcast; 0 merges only what arrives together.", "Merging"},
    {"maxMergerBatchSize", LIVE_INT(max_merger_batch_size, 1, 100000), "1000", NULL, "", "Items in one frame; a full frame is sent at once.", NULL},
    {"maxMergerBatchBytes", LIVE_INT(max_merger_batch_bytes, 256, 16777216), "65536", NULL, "bytes", "Bytes of items in one frame; a full frame is sent at once.", NULL},
    {"mergeEdge", LIVE_ENUM(merge_edge), "leading", "leading|trailing", "", "leading: a quiet room sends at once, then opens the window. trailing: the first item waits for the window's end, as in go-push.", NULL},

    {"servicePort", INT(service_port, 0, 65535), "7788", NULL, "", "Port for logic (HTTP/2 over TLS); 0 takes a free one.", "RPC from logic"},
    {"serviceBind", TEXT(service_bind), "*", NULL, "", "Address of that port; `*` is every address.", NULL},
    {"serverPem", LIVE_FILE(server_pem), "", NULL, "", "Certificate chain (PEM) of that port. Required.", NULL},
    {"serverKey", LIVE_FILE(server_key), "", NULL, "", "Private key (PEM, no pass phrase) of serverPem. Required.", NULL},
    {"rpc.ca", LIVE_FILE(rpc_ca), "", NULL, "", "CA (PEM) that must have signed logic's certificate; empty asks for none, as go-push, and warns.", NULL},
    {"maxRpcBytes", LIVE_INT(max_rpc_bytes, 4096, 268435456), "8388608", NULL, "bytes", "Size of one RPC request; past it: 413.", NULL},
    {"maxRpcConnections", LIVE_INT(max_rpc_connections, 1, 65536), "1024", NULL, "", "Connections from logic at once, each counted once its certificate has been verified. Past it one that has been silent for 20 s gives way, else the newcomer is closed.", NULL},
    {"maxRpcInflightBytes", LIVE_INT(max_rpc_inflight_bytes, 65536, INT64_C(17179869184)), "67108864", NULL, "bytes", "All RPC requests that are being received, together (at least maxRpcBytes); past it the stream is reset, and logic sends again.", NULL},
    {"rpcReadTimeout", LIVE_INT(rpc_read_timeout, 100, 600000), "10000", NULL, "ms", "An RPC request of which no byte comes for so long is reset, as is one that is not complete after three times as long.", NULL},
    {"maxItemBytes", LIVE_INT(max_item_bytes, 1, 16777216), "65536", NULL, "bytes", "Size of one item.", NULL},
    {"maxJsonDepth", LIVE_INT(max_json_depth, 1, JSON_MAX_DEPTH), "64", NULL, "", "Nesting of one item; `[]` is 1.", NULL},

    {"adminPort", INT(admin_port, 0, 65535), "7789", NULL, "", "Port for health, readiness, metrics and stats (HTTP/1.1); 0 takes a free one.", "Admin port and demo page"},
    {"adminBind", TEXT(admin_bind), "127.0.0.1", NULL, "", "Address of that port.", NULL},
    {"page.enabled", BOOL(page_enabled), "true", NULL, "", "Serve the demo page at `/` of the clients' port.", NULL},
    {"page.apiUrl", TEXT(page_api_url), "", NULL, "", "Address of logic as browsers reach it, for the page; empty is the page's own host, port 7799.", NULL},
    {"page.tokenUrl", TEXT(page_token_url), "", NULL, "", "Where the page asks for a token when somebody logs in (`GET URL?user=NAME`, answered `{\"token\":…}`), for development: whoever reaches it can be any user; empty offers no login.", NULL},

    REDIS_OPTION_ROWS(gateway_conf, redis),

    {"gatewayId", CONF_STRING, CONF_RESTART, AT(gateway_id), 0, REGISTRY_ID_MAX, "", NULL, "", "Name of this gateway in the registry, its own alone; empty is `<host name>:<RPC port>`.", "Registry (with redis.url)"},
    {"advertise.host", TEXT(advertise_host), "", NULL, "", "Name or address under which logic reaches this gateway; empty is serviceBind if that is one address, else the host name.", NULL},
    {"advertise.port", INT(advertise_port, 0, 65535), "0", NULL, "", "Port of the same; 0 is the RPC port.", NULL},
    {"advertise.weight", INT(advertise_weight, 0, 1000), "1", NULL, "", "Stands in the registry for balancers that read it; Fanfare itself sends every push to every gateway.", NULL},
    {"registryTtl", INT(registry_ttl, 1, 3600), "10", NULL, "s", "How long the registry keeps a gateway that has stopped refreshing; it refreshes three times as often.", NULL},

    {"bus.listen", BOOL(bus_listen), "false", NULL, "", "Take pushes from the Redis channel too; each is applied once, whichever way it comes first. Needs redis.url.", "Bus (with redis.url)"},
    {"bus.channel", TEXT(bus_channel), "fanfare:bus", NULL, "", "The channel; the same as logic's.", NULL},
    {"bus.gapWait", INT(bus_gap_wait, 0, 60000), "1000", NULL, "ms", "How long pushes that come too early on one way wait for those before them to come on the other.", NULL},
    {"bus.gapBytes", INT(bus_gap_bytes, 65536, INT64_C(17179869184)), "16777216", NULL, "bytes", "How much may wait so, of all logics together; past it the gap is passed over at once.", NULL},

    {"wire", ENUM(wire), "auto", "auto|uring|send", "", "How frames are written to plain sockets: io_uring, or send(); auto takes io_uring where the kernel allows it.", "Work and shutdown"},
    {"bucketThreads", INT(bucket_threads, 0, 64), "0", NULL, "", "Threads that hold clients; 0 is one per core.", NULL},
    {"bucketJobChannelSize", LIVE_INT(bucket_job_channel_size, 1, 10000000), "1000", NULL, "", "Fan-out jobs waiting in one thread, past which answers to logic are held back.", NULL},
    {"drainSeconds", LIVE_INT(drain_seconds, 0, 3600), "10", NULL, "s", "Time that SIGTERM leaves for queues to empty.", NULL},

    {"log.level", LIVE_ENUM(log_level), "info", "debug|info|warn|error", "", "The lowest level that is written.", "Log"},
    {"log.format", LIVE_ENUM(log_format), "logfmt", "logfmt|json", "", "One event a line on stderr, as key=value or as JSON.", NULL},

    {"wsWriteTimeout", CONF_IGNORED, CONF_RESTART, AT(ignored[0]), 0, 0, "", NULL, "", ignored_help, "Keys of go-push without effect"},
    IGNORED("wsInChannelSize", 1),
    IGNORED("mergerWorkerCount", 2),
    IGNORED("mergerChannelSize", 3),
    IGNORED("serviceReadTimeout", 4),
    IGNORED("serviceWriteTimeout", 5),
    IGNORED("bucketCount", 6),
    IGNORED("bucketWorkerCount", 7),
    IGNORED("dispatchChannelSize", 8),
    IGNORED("dispatchWorkerCount", 9),
    IGNORED("bucketJobWorkerCount", 10),
};
/* clang-format on */

static const char *const keys_of_logic[] = {"gatewayList",
                                            "gatewayTimeout",
                                            "discovery",
                                            "api",
                                            "cors",
                                            "rpcBatchBytes",
                                            "linkQueueBytes",
                                            "waitTimeout",
                                            "maxItemsPerPush",
                                            "gatewayMaxPendingCount",
                                            NULL};
static const struct conf_twin logic = {"fanfare-logic", "a logic's", keys_of_logic};

const struct conf_table gateway_conf_table = {
    .program = "fanfare-gateway",
    .twin = &logic,
    .summary = "Holds WebSocket clients and delivers to them what logic pushes.",
    .options = options,
    .count = sizeof options / sizeof options[0],
    .struct_size = sizeof(struct gateway_conf),
};

const struct listener_keys gateway_ws_keys = {"wsPort", "wsBind"};
const struct listener_keys gateway_service_keys = {"servicePort", "serviceBind"};
const struct listener_keys gateway_admin_keys = {"adminPort", "adminBind"};

static enum status check_ports(const struct gateway_conf *conf, struct fault *fault)
{
    enum status status = listener_check(&gateway_ws_keys, conf->ws_bind, (int)conf->ws_port, fault);

    if (status == STATUS_OK)
        status = listener_check(&gateway_service_keys, conf->service_bind, (int)conf->service_port, fault);
    if (status == STATUS_OK)
        status = listener_check(&gateway_admin_keys, conf->admin_bind, (int)conf->admin_port, fault);
    return status;
}

enum status gateway_conf_check(const void *conf, struct fault *fault)
{
    enum status status = gateway_conf_check_reload(conf, fault);

    return status == STATUS_OK ? check_ports(conf, fault) : status;
}

/* Each is a token (RFC 9110, 5.6.2; RFC 6455, 4.1). */
static enum status check_subprotocols(const struct conf_list *subprotocols, struct fault *fault)
{
    static const char token_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < subprotocols->count; i++) {
        const char *text = subprotocols->items[i];

        if (text[strspn(text, token_bytes)] != '\0')
            return fault_set(fault, STATUS_INVALID,
                             "ws.subprotocols: \"%s\" is not allowed: a name has letters, digits and "
                             "!#$%%&'*+-.^_`|~ only (RFC 9110, 5.6.2)",
                             text);
    }
    return STATUS_OK;
}

enum status gateway_conf_check_reload(const void *conf, struct fault *fault)
{
    const struct gateway_conf *gateway = conf;
    struct tls_files rpc = {gateway->server_pem, gateway->server_key, gateway->rpc_ca};
    struct tls_files ws = {gateway->ws_cert, gateway->ws_key, ""};
    enum status status;

    status = origin_check_list("ws.origins", &gateway->ws_origins, false, fault);
    if (status == STATUS_OK)
        status = check_subprotocols(&gateway->ws_subprotocols, fault);
    if (status == STATUS_OK)
        status = auth_conf_check(gateway, fault);
    if (status == STATUS_OK)
        status = auth_conf_check_keys(&gateway->auth, fault);
    if (status == STATUS_OK)
        status = redis_options_check(&gateway->redis, fault);
    if (status != STATUS_OK)
        return status;
    if (gateway->gateway_id[0] && registry_id_fault(gateway->gateway_id) != NULL)
        return fault_set(fault, STATUS_INVALID, "gatewayId: \"%s\": %s", gateway->gateway_id,
                         registry_id_fault(gateway->gateway_id));
    if (gateway->bus_listen && !gateway->redis.url[0])
        return fault_set(fault, STATUS_INVALID, "bus.listen: true needs redis.url: where the channel is");
    if (!gateway->server_pem[0])
        return fault_set(fault, STATUS_INVALID,
                         "serverPem: required: the file of the RPC port's certificate (PEM)");
    if (!gateway->server_key[0])
        return fault_set(fault, STATUS_INVALID,
                         "serverKey: required: the file of serverPem's private key (PEM)");
    status = conf_check_tls(&rpc, &(struct tls_files){"serverPem", "serverKey", "rpc.ca"}, fault);
    if (status == STATUS_OK)
        status = conf_check_tls(&ws, &(struct tls_files){"ws.cert", "ws.key", ""}, fault);
    return status;
}
