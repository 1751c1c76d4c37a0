/* SPDX-License-Identifier: Apache-2.0 */
/* Every metric of the gateway: X(row, name, labels, type, help), and behind them one row of closes_total for
 * each of CLOSE_CODES. The documentation and the tests walk the same table. At rest, per stage:
 *   items_received = items_merged + items_conflated + items_no_audience + items_dropped{*}  (control thread)
 *   frames_addressed = frames_delivered + frames_dropped{*}                     (bucket threads)
 * and while work is under way the gauges items_merging and frames_queued hold the difference. */
#ifndef FANFARE_GATEWAY_METRICS_GATEWAY_METRICS_H
#define FANFARE_GATEWAY_METRICS_GATEWAY_METRICS_H

#include "shared/contract/auth_reasons.h"
#include "shared/contract/close_codes.h"
#include "shared/log/metrics.h"

#define G "fanfare_gateway_"
#define GATEWAY_METRICS(X)                                                                                   \
    X(M_RPC_CONNECTIONS, G "rpc_connections", "", GAUGE, "HTTP/2 connections from logics")                   \
    X(M_RPC_HANDSHAKES, G "rpc_handshakes", "", GAUGE,                                                       \
      "Connections to the RPC port whose TLS or HTTP/2 handshake is not complete")                           \
    X(M_RPC_INFLIGHT, G "rpc_inflight_bytes", "", GAUGE, "Bytes of RPC requests that are being received")    \
    X(M_RPC_RESET_TIMEOUT, G "rpc_requests_reset_total", "reason=\"timeout\"", COUNTER,                      \
      "RPC requests reset before they were complete")                                                        \
    X(M_RPC_RESET_BYTES, G "rpc_requests_reset_total", "reason=\"inflight_bytes\"", COUNTER, "")             \
    X(M_RPC_BATCHES, G "rpc_batches_total", "", COUNTER, "Batches applied")                                  \
    X(M_RPC_REFUSED, G "rpc_refused_total", "", COUNTER, "RPC requests answered with an error")              \
    X(M_RPC_CLOSED_LOCAL, G "rpc_closes_total", "reason=\"local\"", COUNTER,                                 \
      "HTTP/2 connections from logics that ended, by why")                                                   \
    X(M_RPC_CLOSED_PEER, G "rpc_closes_total", "reason=\"peer\"", COUNTER, "")                               \
    X(M_RPC_CLOSED_FINISHED, G "rpc_closes_total", "reason=\"finished\"", COUNTER, "")                       \
    X(M_RPC_CLOSED_BROKEN, G "rpc_closes_total", "reason=\"broken\"", COUNTER, "")                           \
    X(M_RPC_CLOSED_TIMEOUT, G "rpc_closes_total", "reason=\"timeout\"", COUNTER, "")                         \
    X(M_RPC_CLOSED_PROTOCOL, G "rpc_closes_total", "reason=\"protocol\"", COUNTER, "")                       \
    X(M_RPC_CLOSED_FLOOD, G "rpc_closes_total", "reason=\"flood\"", COUNTER, "")                             \
    X(M_RPC_CERTIFICATES_REFUSED, G "rpc_certificates_refused_total", "", COUNTER,                           \
      "RPC connections that showed no client certificate, or one that rpc.ca does not cover")                \
    X(M_COMMANDS_KICK, G "commands_total", "kind=\"kick\"", COUNTER,                                         \
      "Commands of logics applied, once per room, user or connection they are about")                        \
    X(M_COMMANDS_JOIN, G "commands_total", "kind=\"join\"", COUNTER, "")                                     \
    X(M_COMMANDS_LEAVE, G "commands_total", "kind=\"leave\"", COUNTER, "")                                   \
    X(M_COMMANDS_BAN, G "commands_total", "kind=\"ban\"", COUNTER, "")                                       \
    X(M_COMMANDS_UNBAN, G "commands_total", "kind=\"unban\"", COUNTER, "")                                   \
    X(M_COMMANDS_DROPPED_MEMORY, G "commands_dropped_total", "reason=\"no_memory\"", COUNTER,                \
      "Parts of commands that were not carried out, once per bucket")                                        \
    X(M_COMMANDS_DROPPED_BUCKET, G "commands_dropped_total", "reason=\"bucket_full\"", COUNTER, "")          \
    X(M_COMMANDS_DROPPED_ROOMS, G "commands_dropped_total", "reason=\"too_many_rooms\"", COUNTER, "")        \
    X(M_JOIN_ORDERS_DROPPED, G "join_orders_dropped_total", "", COUNTER,                                     \
      "Joins and leaves ordered for users that come later which were forgotten because 10,000 waited")       \
    X(M_KICKS_WAITING, G "kicks_waiting", "", GAUGE, "Kicked clients that have yet to be closed")            \
    X(M_RPC_HELD, G "rpc_held", "", GAUGE, "1 while answers are held back because a bucket is behind")       \
    X(M_PUSHES, G "pushes_total", "", COUNTER, "Pushes applied")                                             \
    X(M_APPLIED_RPC, G "pushes_applied_total", "path=\"rpc\"", COUNTER,                                      \
      "Pushes applied, by the path that brought them first")                                                 \
    X(M_APPLIED_BUS, G "pushes_applied_total", "path=\"bus\"", COUNTER, "")                                  \
    X(M_APPLIED_FORM, G "pushes_applied_total", "path=\"form\"", COUNTER, "")                                \
    X(M_DUPLICATES_RPC, G "duplicates_total", "path=\"rpc\"", COUNTER,                                       \
      "Pushes not applied because they came again, or after their gap was passed over")                      \
    X(M_DUPLICATES_BUS, G "duplicates_total", "path=\"bus\"", COUNTER, "")                                   \
    X(M_BUS_REFUSED_INVALID, G "bus_refused_total", "reason=\"invalid\"", COUNTER,                           \
      "Messages on the bus of which nothing was applied")                                                    \
    X(M_BUS_REFUSED_MEMORY, G "bus_refused_total", "reason=\"no_memory\"", COUNTER, "")                      \
    X(M_BUS_REFUSED_LARGE, G "bus_refused_total", "reason=\"too_large\"", COUNTER, "")                       \
    X(M_BUS_GAPS, G "bus_gaps_total", "", COUNTER, "Gaps in a logic's numbers, on either path")              \
    X(M_BUS_GAP_FILLED, G "bus_gap_filled_total", "", COUNTER, "Gaps that the other path filled")            \
    X(M_BUS_GAP_PUSHES, G "bus_gap_pushes_total", "", COUNTER,                                               \
      "Missing pushes that were given up when their gap was passed over")                                    \
    X(M_BUS_GAP_WAIT, G "bus_gap_wait_seconds_total", "", SECONDS,                                           \
      "Time that gaps have waited, whether filled or passed over")                                           \
    X(M_BUS_WAITING_BYTES, G "bus_waiting_bytes", "", GAUGE,                                                 \
      "Bytes in the reorder buffer: pushes that wait behind a gap")                                          \
    X(M_BUS_DROPPED, G "bus_dropped_total", "", COUNTER,                                                     \
      "Pushes dropped from the reorder buffer because their logic was forgotten")                            \
    X(M_ITEMS_RECEIVED, G "items_received_total", "", COUNTER,                                               \
      "Items taken, once per room or user they go to")                                                       \
    X(M_ITEMS_MERGED, G "items_merged_total", "", COUNTER, "Items sealed into a frame that somebody gets")   \
    X(M_ITEMS_NO_AUDIENCE, G "items_no_audience_total", "", COUNTER,                                         \
      "Items for rooms and users without a client here")                                                     \
    X(M_ITEMS_DROPPED_MEMORY, G "items_dropped_total", "reason=\"no_memory\"", COUNTER,                      \
      "Items dropped before the fan-out")                                                                    \
    X(M_ITEMS_DROPPED_BUCKET, G "items_dropped_total", "reason=\"bucket_full\"", COUNTER, "")                \
    X(M_ITEMS_DROPPED_EXPIRED, G "items_dropped_total", "reason=\"expired\"", COUNTER, "")                   \
    X(M_ITEMS_CONFLATED, G "items_conflated_total", "", COUNTER,                                             \
      "Items that a newer one of their key replaced before they were sealed")                                \
    X(M_ITEMS_MERGING, G "items_merging", "", GAUGE, "Items that wait for their merge window")               \
    X(M_ITEMS_ROOM, G "items_by_target_total", "target=\"room\"", COUNTER, "Items that reached the merger")  \
    X(M_ITEMS_ALL, G "items_by_target_total", "target=\"all\"", COUNTER, "")                                 \
    X(M_ITEMS_USER, G "items_by_target_total", "target=\"user\"", COUNTER, "")                               \
    X(M_BATCHES, G "merge_batches_total", "", COUNTER, "Merged batches sealed")                              \
    X(M_BATCH_ITEMS, G "batch_items", "", SIZES, "Items of a merged batch")                                  \
    X(M_MERGE_WAIT, G "merge_wait_seconds", "", HISTOGRAM,                                                   \
      "Time from the first item of a merged batch to its sealing")                                           \
    X(M_PUSH_TO_SOCKET, G "push_to_socket_seconds", "", HISTOGRAM,                                           \
      "Time from a push's arrival to the write of its frame to the last of its clients in a bucket: one "    \
      "observation per frame and bucket, for the frame's oldest item")                                       \
    X(M_FANOUT, G "fanout_seconds", "", HISTOGRAM,                                                           \
      "Time from a frame's write to its first client in a bucket to its write to the last; the rest of "     \
      "push_to_socket_seconds is waiting")                                                                   \
    X(M_JOBS_PENDING, G "fanout_jobs", "", GAUGE, "Fan-out jobs that wait in the buckets")                   \
    X(M_FRAMES_ADDRESSED, G "frames_addressed_total", "", COUNTER,                                           \
      "Frames due to a client, once per client")                                                             \
    X(M_FRAMES_DELIVERED, G "frames_delivered_total", "", COUNTER, "Frames that the socket took whole")      \
    X(M_FRAMES_DROPPED_SLOW, G "frames_dropped_total", "reason=\"slow_closed\"", COUNTER,                    \
      "Frames a client did not get")                                                                         \
    X(M_FRAMES_DROPPED_OLDEST, G "frames_dropped_total", "reason=\"drop_oldest\"", COUNTER, "")              \
    X(M_FRAMES_DROPPED_NEWEST, G "frames_dropped_total", "reason=\"drop_newest\"", COUNTER, "")              \
    X(M_FRAMES_DROPPED_GONE, G "frames_dropped_total", "reason=\"client_gone\"", COUNTER, "")                \
    X(M_FRAMES_DROPPED_EXPIRED, G "frames_dropped_total", "reason=\"expired\"", COUNTER, "")                 \
    X(M_FRAMES_DROPPED_MEMORY, G "frames_dropped_total", "reason=\"no_memory\"", COUNTER, "")                \
    X(M_FRAMES_QUEUED, G "frames_queued", "", GAUGE, "Frames that wait in clients' queues")                  \
    X(M_BYTES_DELIVERED, G "bytes_delivered_total", "", COUNTER, "Bytes of delivered frames")                \
    X(M_CLIENTS, G "clients", "", GAUGE, "WebSocket clients connected")                                      \
    X(M_ROOMS, G "rooms", "", GAUGE, "Rooms with at least one client here")                                  \
    X(M_USERS, G "users", "", GAUGE, "Users with at least one connection here")                              \
    X(M_QUERIES, G "queries", "", GAUGE, "Queries of logics under way")                                      \
    X(M_QUERIES_ANSWERED, G "queries_total", "result=\"answered\"", COUNTER,                                 \
      "Queries of logics, by what became of them")                                                           \
    X(M_QUERIES_INVALID, G "queries_total", "result=\"invalid\"", COUNTER, "")                               \
    X(M_QUERIES_BUSY, G "queries_total", "result=\"busy\"", COUNTER, "")                                     \
    X(M_QUERIES_TIMED_OUT, G "queries_total", "result=\"timed_out\"", COUNTER, "")                           \
    X(M_QUERIES_FAILED, G "queries_total", "result=\"failed\"", COUNTER, "")                                 \
    X(M_QUERIES_FORGOTTEN, G "queries_total", "result=\"forgotten\"", COUNTER, "")                           \
    X(M_BUCKET_CLIENTS, G "bucket_clients", "bucket", GAUGES, "WebSocket clients connected, by bucket")      \
    X(M_BUCKET_JOBS, G "bucket_jobs", "bucket", GAUGES,                                                      \
      "Fan-out jobs that wait or are under way, by bucket")                                                  \
    X(M_HANDSHAKE, G "handshake_seconds", "", HISTOGRAM,                                                     \
      "Time from a connection's acceptance to its WebSocket being open, TLS included")                       \
    X(M_CLIENTS_OPENED, G "clients_opened_total", "", COUNTER, "WebSocket handshakes completed")             \
    X(M_REFUSED_FULL, G "clients_refused_total", "reason=\"max_clients\"", COUNTER,                          \
      "Connections closed before they were open, with or without an error answer")                           \
    X(M_REFUSED_ADDRESS, G "clients_refused_total", "reason=\"max_clients_per_address\"", COUNTER, "")       \
    X(M_REFUSED_EVICTED, G "clients_refused_total", "reason=\"evicted\"", COUNTER, "")                       \
    X(M_REFUSED_RATE, G "clients_refused_total", "reason=\"rate\"", COUNTER, "")                             \
    X(M_REFUSED_DRAINING, G "clients_refused_total", "reason=\"draining\"", COUNTER, "")                     \
    X(M_REFUSED_STARTING, G "clients_refused_total", "reason=\"starting\"", COUNTER, "")                     \
    X(M_REFUSED_ORIGIN, G "clients_refused_total", "reason=\"origin\"", COUNTER, "")                         \
    X(M_REFUSED_PROXY_HEADER, G "clients_refused_total", "reason=\"proxy_header\"", COUNTER, "")             \
    X(M_REFUSED_HANDSHAKE, G "clients_refused_total", "reason=\"bad_handshake\"", COUNTER, "")               \
    X(M_REFUSED_TIMEOUT, G "clients_refused_total", "reason=\"handshake_timeout\"", COUNTER, "")             \
    X(M_REFUSED_GONE, G "clients_refused_total", "reason=\"peer_gone\"", COUNTER, "")                        \
    X(M_REFUSED_MEMORY, G "clients_refused_total", "reason=\"no_memory\"", COUNTER, "")                      \
    X(M_PROXY_V1, G "proxy_headers_total", "version=\"1\"", COUNTER,                                         \
      "PROXY headers of trusted proxies that were good")                                                     \
    X(M_PROXY_V2, G "proxy_headers_total", "version=\"2\"", COUNTER, "")                                     \
    X(M_PROXY_REFUSED_MISSING, G "proxy_headers_refused_total", "reason=\"missing\"", COUNTER,               \
      "Connections of trusted proxies that were closed for want of a good PROXY header")                     \
    X(M_PROXY_REFUSED_INVALID, G "proxy_headers_refused_total", "reason=\"invalid\"", COUNTER, "")           \
    X(M_PROXY_REFUSED_LARGE, G "proxy_headers_refused_total", "reason=\"too_large\"", COUNTER, "")           \
    X(M_PROXY_REFUSED_TIMEOUT, G "proxy_headers_refused_total", "reason=\"timeout\"", COUNTER, "")           \
    X(M_PROXY_REFUSED_GONE, G "proxy_headers_refused_total", "reason=\"peer_gone\"", COUNTER, "")            \
    X(M_PROXY_REFUSED_EVICTED, G "proxy_headers_refused_total", "reason=\"evicted\"", COUNTER, "")           \
    X(M_PROXY_REFUSED_MEMORY, G "proxy_headers_refused_total", "reason=\"no_memory\"", COUNTER, "")          \
    X(M_PROXY_WAITING, G "proxy_headers_waiting", "", GAUGE,                                                 \
      "Connections of trusted proxies whose PROXY header is not there yet")                                  \
    X(M_FORWARDED_FOUND, G "forwarded_total", "result=\"found\"", COUNTER,                                   \
      "WebSocket requests of trusted proxies, by what X-Forwarded-For says")                                 \
    X(M_FORWARDED_ABSENT, G "forwarded_total", "result=\"absent\"", COUNTER, "")                             \
    X(M_FORWARDED_UNREADABLE, G "forwarded_total", "result=\"unreadable\"", COUNTER, "")                     \
    X(M_AUTH_REFUSED_MALFORMED, G "auth_refused_total", "reason=\"malformed\"", COUNTER,                     \
      "Connections, AUTH messages and room tokens that were refused")                                        \
    X(M_AUTH_REFUSED_TOO_LARGE, G "auth_refused_total", "reason=\"too_large\"", COUNTER, "")                 \
    X(M_AUTH_REFUSED_BAD_HEADER, G "auth_refused_total", "reason=\"bad_header\"", COUNTER, "")               \
    X(M_AUTH_REFUSED_ALG_NOT_ALLOWED, G "auth_refused_total", "reason=\"alg_not_allowed\"", COUNTER, "")     \
    X(M_AUTH_REFUSED_UNKNOWN_ISSUER, G "auth_refused_total", "reason=\"unknown_issuer\"", COUNTER, "")       \
    X(M_AUTH_REFUSED_UNKNOWN_KEY, G "auth_refused_total", "reason=\"unknown_key\"", COUNTER, "")             \
    X(M_AUTH_REFUSED_NO_KEYS, G "auth_refused_total", "reason=\"no_keys\"", COUNTER, "")                     \
    X(M_AUTH_REFUSED_BAD_SIGNATURE, G "auth_refused_total", "reason=\"bad_signature\"", COUNTER, "")         \
    X(M_AUTH_REFUSED_BAD_CLAIMS, G "auth_refused_total", "reason=\"bad_claims\"", COUNTER, "")               \
    X(M_AUTH_REFUSED_WRONG_AUDIENCE, G "auth_refused_total", "reason=\"wrong_audience\"", COUNTER, "")       \
    X(M_AUTH_REFUSED_EXPIRED, G "auth_refused_total", "reason=\"expired\"", COUNTER, "")                     \
    X(M_AUTH_REFUSED_NOT_YET_VALID, G "auth_refused_total", "reason=\"not_yet_valid\"", COUNTER, "")         \
    X(M_AUTH_REFUSED_TOO_LONG_LIVED, G "auth_refused_total", "reason=\"too_long_lived\"", COUNTER, "")       \
    X(M_AUTH_REFUSED_NO_MEMORY, G "auth_refused_total", "reason=\"no_memory\"", COUNTER, "")                 \
    X(M_AUTH_REFUSED_NOTHING_SHOWN, G "auth_refused_total", "reason=\"nothing_shown\"", COUNTER, "")         \
    X(M_AUTH_REFUSED_AMBIGUOUS, G "auth_refused_total", "reason=\"ambiguous\"", COUNTER, "")                 \
    X(M_AUTH_REFUSED_BAD_USER, G "auth_refused_total", "reason=\"bad_user\"", COUNTER, "")                   \
    X(M_AUTH_REFUSED_OTHER_USER, G "auth_refused_total", "reason=\"other_user\"", COUNTER, "")               \
    X(M_AUTH_REFUSED_ROOM_TOKEN, G "auth_refused_total", "reason=\"room_token\"", COUNTER, "")               \
    X(M_AUTH_REFUSED_NO_ROOM_TOKEN, G "auth_refused_total", "reason=\"no_room_token\"", COUNTER, "")         \
    X(M_AUTH_REFUSED_HOOK_REFUSED, G "auth_refused_total", "reason=\"hook_refused\"", COUNTER, "")           \
    X(M_AUTH_REFUSED_HOOK_UNAVAILABLE, G "auth_refused_total", "reason=\"hook_unavailable\"", COUNTER, "")   \
    X(M_AUTH_REFUSED_HOOK_BAD_ANSWER, G "auth_refused_total", "reason=\"hook_bad_answer\"", COUNTER, "")     \
    X(M_AUTH_REFUSED_TOO_MANY_PENDING, G "auth_refused_total", "reason=\"too_many_pending\"", COUNTER, "")   \
    X(M_AUTH_REFUSED_TOO_MANY_FOR_USER, G "auth_refused_total", "reason=\"too_many_for_user\"", COUNTER, "") \
    X(M_AUTH_REFUSED_BANNED, G "auth_refused_total", "reason=\"banned\"", COUNTER, "")                       \
    X(M_AUTH_GRANTED_TOKEN, G "auth_granted_total", "source=\"token\"", COUNTER,                             \
      "Times that a client got a grant, renewals included")                                                  \
    X(M_AUTH_GRANTED_HEADER, G "auth_granted_total", "source=\"header\"", COUNTER, "")                       \
    X(M_AUTH_GRANTED_HOOK, G "auth_granted_total", "source=\"hook\"", COUNTER, "")                           \
    X(M_AUTH_GRANTED_ANONYMOUS, G "auth_granted_total", "source=\"anonymous\"", COUNTER, "")                 \
    X(M_AUTH_PENDING, G "auth_pending", "", GAUGE, "Clients that have not shown who they are yet")           \
    X(M_AUTH_EXPIRED, G "auth_expired_total", "", COUNTER, "Clients closed because their grant had ended")   \
    X(M_BANS, G "bans", "", GAUGE, "Users that are kept out")                                                \
    X(M_BANS_DROPPED_FULL, G "bans_dropped_total", "reason=\"full\"", COUNTER,                               \
      "Bans that this gateway was told of and does not keep")                                                \
    X(M_BANS_DROPPED_CLOCK, G "bans_dropped_total", "reason=\"clock\"", COUNTER, "")                         \
    X(M_BANS_DROPPED_MEMORY, G "bans_dropped_total", "reason=\"no_memory\"", COUNTER, "")                    \
    X(M_JOINS_REFUSED, G "joins_refused_total", "", COUNTER,                                                 \
      "Rooms that a client asked for and may not join")                                                      \
    X(M_HOOK_GRANTED, G "hook_answers_total", "result=\"granted\"", COUNTER,                                 \
      "Questions to auth.hook by result, without those answered from the cache")                             \
    X(M_HOOK_REFUSED, G "hook_answers_total", "result=\"refused\"", COUNTER, "")                             \
    X(M_HOOK_BAD_ANSWER, G "hook_answers_total", "result=\"bad_answer\"", COUNTER, "")                       \
    X(M_HOOK_BAD_STATUS, G "hook_answers_total", "result=\"bad_status\"", COUNTER, "")                       \
    X(M_HOOK_TIMED_OUT, G "hook_answers_total", "result=\"timed_out\"", COUNTER, "")                         \
    X(M_HOOK_FAILED, G "hook_answers_total", "result=\"failed\"", COUNTER, "")                               \
    X(M_HOOK_FULL, G "hook_answers_total", "result=\"full\"", COUNTER, "")                                   \
    X(M_HOOK_CACHE_HITS, G "hook_cache_hits_total", "", COUNTER,                                             \
      "Questions to auth.hook answered from the cache")                                                      \
    X(M_HOOK_WAITING, G "hook_waiting", "", GAUGE, "Questions that wait for auth.hook to answer")            \
    X(M_HOOK_SECONDS, G "hook_seconds", "", HISTOGRAM,                                                       \
      "Time from a request to auth.hook to the end of its answer, or to its failure")                        \
    X(M_KEY_FETCHES_OK, G "key_fetches_total", "result=\"ok\"", COUNTER,                                     \
      "Fetches of an issuer's keys from their URL, by result")                                               \
    X(M_KEY_FETCHES_NO_ANSWER, G "key_fetches_total", "result=\"no_answer\"", COUNTER, "")                   \
    X(M_KEY_FETCHES_BAD_STATUS, G "key_fetches_total", "result=\"bad_status\"", COUNTER, "")                 \
    X(M_KEY_FETCHES_BAD_KEYS, G "key_fetches_total", "result=\"bad_keys\"", COUNTER, "")                     \
    X(M_KEY_FILES_OK, G "key_files_read_total", "result=\"ok\"", COUNTER,                                    \
      "Times that an issuer's key file was read again, by result")                                           \
    X(M_KEY_FILES_BAD, G "key_files_read_total", "result=\"bad\"", COUNTER, "")                              \
    X(M_KEYS_AGE, G "keys_age_seconds", "", GAUGE,                                                           \
      "Time since the fetch of the oldest keys that came from a URL; 0 without any")                         \
    X(M_ISSUERS_WITHOUT_KEYS, G "issuers_without_keys", "", GAUGE,                                           \
      "Issuers whose keys have not come yet; a client with their token is told to come back (4101)")         \
    X(M_ACCEPT_FAILURES_WS, G "accept_failures_total", "what=\"ws\"", COUNTER,                               \
      "Times that accept() failed for want of descriptors or memory; accepting then pauses for 100 ms")      \
    X(M_ACCEPT_FAILURES_RPC, G "accept_failures_total", "what=\"rpc\"", COUNTER, "")                         \
    X(M_ACCEPT_FAILURES_ADMIN, G "accept_failures_total", "what=\"admin\"", COUNTER, "")                     \
    X(M_EVICTED_RPC, G "connections_evicted_total", "what=\"rpc\"", COUNTER,                                 \
      "Silent connections closed for a newcomer because their port was full")                                \
    X(M_EVICTED_ADMIN, G "connections_evicted_total", "what=\"admin\"", COUNTER, "")                         \
    X(M_ADMIN_REFUSED, G "admin_refused_total", "", COUNTER,                                                 \
      "Requests and connections on the admin port answered 503 because it was full")                         \
    X(M_CLIENT_MESSAGES, G "client_messages_total", "", COUNTER, "Messages from clients")                    \
    X(M_WIRE_URING, G "wire", "kind=\"uring\"", GAUGE, "Bucket threads by the kind of their socket writes")  \
    X(M_WIRE_SEND, G "wire", "kind=\"send\"", GAUGE, "")                                                     \
    X(M_REGISTERED, G "registered", "", GAUGE, "1 while this gateway's entry stands in the registry")        \
    X(M_REGISTRY_REFRESHES, G "registry_refreshes_total", "", COUNTER, "Times the entry was written")        \
    X(M_REGISTRY_FAILURES, G "registry_failures_total", "", COUNTER,                                         \
      "Times the registry refused the entry, or another gateway had its id")                                 \
    X(M_REDIS_UP_REGISTRY, G "redis_up", "what=\"registry\"", GAUGE,                                         \
      "1 while the connection to Redis is up")                                                               \
    X(M_REDIS_UP_BUS, G "redis_up", "what=\"bus\"", GAUGE, "")                                               \
    X(M_REDIS_RECONNECTS_REGISTRY, G "redis_reconnects_total", "what=\"registry\"", COUNTER,                 \
      "Connections to Redis that broke or failed and were begun anew")                                       \
    X(M_REDIS_RECONNECTS_BUS, G "redis_reconnects_total", "what=\"bus\"", COUNTER, "")                       \
    X(M_CANARY_ARRIVED, G "canaries_total", "result=\"arrived\"", COUNTER,                                   \
      "Canaries: pushes of logics to this gateway's own client")                                             \
    X(M_CANARY_FAILED, G "canaries_total", "result=\"failed\"", COUNTER, "")                                 \
    X(M_CANARY_FAILING, G "canary_failing", "", GAUGE, "1 while three canaries in a row have failed")        \
    X(M_CANARY_SECONDS, G "canary_seconds", "", HISTOGRAM, "Time from the RPC to this gateway's own client") \
    X(M_CERTIFICATE_EXPIRY_WS, G "certificate_expiry_timestamp_seconds", "what=\"ws\"", GAUGE,               \
      "When the certificate in use ends, in seconds since 1970; 0 without")                                  \
    X(M_CERTIFICATE_EXPIRY_RPC, G "certificate_expiry_timestamp_seconds", "what=\"rpc\"", GAUGE, "")         \
    X(M_CERTIFICATES_RELOADED, G "certificates_reloaded_total", "", COUNTER,                                 \
      "Certificates loaded while the gateway ran, changed or not")                                           \
    X(M_RELOADS_OK, G "reloads_total", "result=\"ok\"", COUNTER, "Times SIGHUP had the settings read anew")  \
    X(M_RELOADS_FAILED, G "reloads_total", "result=\"failed\"", COUNTER, "")                                 \
    X(M_LOG_LINES_DROPPED, G "log_lines_dropped_total", "", COUNTER,                                         \
      "Log lines that stderr had no room for, or refused")                                                   \
    X(M_DRAINING, G "draining", "", GAUGE, "1 while the gateway drains")

enum gateway_metric {
#define X(row, name, labels, type, help) row,
    GATEWAY_METRICS(X)
#undef X
#define X(code, name, advice) M_CLOSED_##code,
        CLOSE_CODES(X)
#undef X
            M_CLOSED_CUSTOM,
    M_COUNT
};

/* Hands the table to shared/log/metrics; once, before threads start. */
void gateway_metrics_setup(void);
/* Counts a close with `code`, one that callers chose for a kick in a row of all such; 0 is a connection lost
 * without a close frame. Any thread. */
void gateway_metrics_closed(int code);
/* Counts a refusal; `reason` is any but AUTH_REASON_GOOD. Any thread. */
void gateway_metrics_auth_refused(enum auth_reason reason);

#endif
